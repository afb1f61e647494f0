"""Documents in another order, and too few to tell."""

import numpy as np
import pytest

from pipelines.parallel_text.agreement import stranger


@pytest.mark.parametrize("languages", [2, 3, 7])
def test_a_language_in_another_order_is_found_and_translations_are_not(languages: int) -> None:
    random = np.random.default_rng(languages)
    lengths = np.sort(random.lognormal(5, 1, 200))
    sizes = np.stack([lengths * random.lognormal(0, 0.2, 200) for _ in range(languages)], 1)
    names = [f"l{i}" for i in range(languages)]
    assert stranger(sizes, names) is None
    sizes[:, -1] = sizes[::-1, -1]
    found = stranger(sizes, names)
    assert found is not None and found[0] == (names[-1] if languages > 2 else names[0]) and found[1] < 0.2
    assert stranger(sizes[:20], names) is None
    assert stranger(np.full((200, languages), 7.0), names) is None
