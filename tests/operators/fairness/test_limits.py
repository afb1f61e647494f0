"""Limits on weights."""

import numpy as np
import pytest

from operators.fairness.limits import Limits, bounded_shares


def test_shares_are_moved_to_their_bounds() -> None:
    low, high = np.array([0.3, 0.0, 0.0]), np.array([1.0, 1.0, 0.2])
    shares = bounded_shares(np.array([0.1, 0.3, 0.6]), low, high)
    assert shares == pytest.approx([0.3, 0.5, 0.2])
    assert bounded_shares(np.array([0.4, 0.5, 0.1]), low, high) == pytest.approx([0.4, 0.5, 0.1])


def test_a_group_has_one_weight() -> None:
    limits = Limits(np.ones(3), groups=np.array([0, 0, 1]))
    assert limits.applied(np.array([1.0, 4.0, 7.0])) == pytest.approx([2.0, 2.0, 7.0])
