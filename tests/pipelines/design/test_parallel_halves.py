"""Halves of the parallel text are alike, and every document is in one of them."""

import numpy as np
import pytest

from pipelines.design.parallel_halves import even_halves


@pytest.mark.parametrize("documents", [8, 9, 64])
def test_each_document_is_in_one_half(documents: int) -> None:
    sizes = np.random.default_rng(documents).uniform(1, 100, (documents, 5))
    searched, judged = even_halves(sizes, 2)
    assert sorted([*searched, *judged]) == list(range(documents))
    assert len(searched) - len(judged) == documents % 2


def test_halves_agree_more_in_all_languages_than_documents_in_turn() -> None:
    random = np.random.default_rng(0)
    sizes = random.lognormal(0, 1, (200, 1)) * random.lognormal(0, 0.3, (200, 20))
    order = np.argsort(sizes[:, 0])

    def apart(one: np.ndarray, other: np.ndarray) -> float:
        shares = [sizes[half].sum(0) / sizes[half].sum() for half in (one, other)]
        return float(np.sqrt((np.log(shares[0] / shares[1]) ** 2).mean()))

    assert apart(*even_halves(sizes, 0)) < 0.5 * apart(order[::2], order[1::2])
