"""Ratios and their intervals."""

import numpy as np
import pytest

from operators.premiums import ratios


def test_ratios_are_sums_over_shared_documents() -> None:
    amounts = np.array([[2.0, 4.0, 1.0], [3.0, 9.0, 0.0], [5.0, 5.0, 2.0]])
    present = np.array([[True, True, True], [True, True, False], [True, True, True]])
    found = ratios(amounts, present, 0, 200)
    assert found.ratio.tolist() == [1.0, 18 / 10, 3 / 7]
    assert found.low[0] == found.high[0] == 1.0
    assert found.low[1] <= found.ratio[1] <= found.high[1]


def test_one_document_has_no_interval() -> None:
    found = ratios(np.array([[2.0, 4.0]]), np.array([[True, True]]), 0, 100)
    assert found.ratio[1] == 2.0
    assert np.isnan(found.low).all() and np.isnan(found.high).all()


def test_intervals_cover_a_known_ratio() -> None:
    """95 % intervals over 60 documents: the truth is inside in about 95 % of 300 draws (3 standard errors: 3.8 %)."""
    random = np.random.default_rng(7)
    inside = 0
    for _ in range(300):
        length = random.gamma(4.0, 10.0, 60)
        amounts = np.stack([length, 1.7 * length * random.gamma(25.0, 1 / 25.0, 60)], axis=1)
        found = ratios(amounts, np.ones((60, 2), np.bool_), 0, 300)
        inside += bool(found.low[1] <= 1.7 <= found.high[1])
    assert inside / 300 == pytest.approx(0.95, abs=0.045)


def test_blocks_of_resamples_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    amounts = random.integers(1, 50, (40, 3)).astype(np.float64)
    there = random.random((40, 3)) < 0.9
    there[:, 0] = True
    amounts = np.where(there, amounts, 0)
    whole = ratios(amounts, there, 0, 150)
    monkeypatch.setattr("operators.premiums.BLOCK_CELLS", 400)
    blocks = ratios(amounts, there, 0, 150)
    for name in ("ratio", "low", "high"):
        assert np.allclose(getattr(whole, name), getattr(blocks, name), rtol=1e-12)
