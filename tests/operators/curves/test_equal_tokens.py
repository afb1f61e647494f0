"""Vocabulary sizes of equal token counts, against trying every target."""

import numpy as np
import pytest

from operators.curves.equal_tokens import choose_sizes
from operators.curves.tokens_by_size import Curve


@pytest.mark.slow
def test_chosen_sizes_leave_the_least_variance_of_all_targets() -> None:
    draw = np.random.default_rng(1)
    sizes = np.arange(256, 400)
    curves = {}
    for name in "abc":
        tokens = 1_500 - np.cumsum(draw.integers(1, 10, 143))
        curves[name] = (Curve(np.arange(144), np.concatenate([[1_500], tokens])), sizes)
    found = choose_sizes(curves, 280, 390)
    slow = []
    for target in range(300, 1_501):
        at = []
        for curve, _ in curves.values():
            reached = [curve.at(size - 256) for size in range(280, 391) if curve.at(size - 256) <= target]
            at.append(reached[0] if reached else curve.at(390 - 256))
        slow.append(np.var(at))
    assert found.variance <= min(slow) + 25  # 400 targets are tried, not every one
    assert ((found.sizes >= 280) & (found.sizes <= 390)).all()
    assert found.tokens.tolist() == [curves[n][0].at(s - 256) for n, s in zip("abc", found.sizes, strict=True)]
