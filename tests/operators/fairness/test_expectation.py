"""Expected tokens: how far the training text is believed, on texts of one kind and of two."""

import numpy as np
import pytest

from operators.arrays import F64
from operators.fairness.expectation import Expectation, trust_in_training


def drawn(random: np.random.Generator, documents: int, changes: F64) -> tuple[F64, F64]:
    """Draw tokens of documents under two tokenizers; the second makes about `changes` times as many."""
    before = random.uniform(50, 150, (documents, len(changes)))
    return before, before * changes * random.lognormal(0, 0.1, before.shape)


def test_a_training_text_of_the_same_kind_is_believed_and_brings_the_figures_nearer() -> None:
    random = np.random.default_rng(0)
    true = np.linspace(0.9, 1.2, 12)
    before, after = drawn(random, 60, true)
    trust = trust_in_training(before, after, true)
    assert trust == 1.0
    searched, training = before.sum(0), np.full(12, 1e6)
    expected = Expectation(searched, training, trust).tokens(after.sum(0), training * true)
    assert np.allclose(expected, searched * true)
    assert np.abs(np.log(after.sum(0) / (searched * true))).max() > 0.01


@pytest.mark.parametrize(("apart", "most"), [(0.1, 0.2), (0.5, 0.01)])
def test_a_training_text_of_another_kind_is_believed_the_less_the_more_it_differs(apart: float, most: float) -> None:
    random = np.random.default_rng(1)
    before, after = drawn(random, 60, np.ones(12))
    trust = trust_in_training(before, after, np.exp(apart * random.normal(size=12)))
    assert 0 < trust < most


def test_the_standard_error_is_that_of_resampled_documents() -> None:
    random = np.random.default_rng(2)
    before, after = drawn(random, 200, np.ones(1))
    resampled = [
        np.log(after[some].sum() / before[some].sum()) for some in (random.integers(0, 200, 200) for _ in range(2000))
    ]
    distance = 0.1  # far off, so that the trust is below 1
    trust = trust_in_training(before, after, after.sum(0) / before.sum(0) * np.exp(distance))
    assert np.sqrt(trust) * distance / 2 == pytest.approx(np.std(resampled), rel=0.1)


def test_equal_changes_are_believed_without_a_division_by_zero() -> None:
    tokens = np.full((8, 2), 3.0)
    assert trust_in_training(tokens, tokens, np.ones(2)) == 1.0
