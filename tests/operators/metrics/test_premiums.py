"""Premiums against sums and sorted lists in plain Python."""

import statistics

import numpy as np
import pytest

from operators.metrics.premiums import document_ratios, ratios


def test_ratios_are_sums_over_shared_documents() -> None:
    random = np.random.default_rng(1)
    present = random.random((20, 3)) < 0.8
    amounts = np.where(present, random.integers(1, 9, (20, 3)), 0).astype(np.float64)
    [found, doubled] = ratios([amounts, amounts * [1, 2, 2]], present, 0, 200)
    for j in range(3):
        shared = [i for i in range(20) if present[i, 0] and present[i, j]]
        assert found.value[j] == pytest.approx(sum(amounts[i, j] for i in shared) / sum(amounts[i, 0] for i in shared))
    assert found.low[0] == found.high[0] == found.value[0] == 1.0
    assert (found.low[1:] < found.value[1:]).all() and (found.value[1:] < found.high[1:]).all()
    for name in ("value", "low", "high"):  # the same draws for every tokenizer
        assert getattr(doubled, name)[1:] == pytest.approx(2 * getattr(found, name)[1:])


def test_languages_with_other_documents_do_not_change_each_other() -> None:
    random = np.random.default_rng(3)
    present = random.random((40, 4)) < 0.8
    present[:, 0] = True
    amounts = np.where(present, random.integers(1, 50, (40, 4)), 0).astype(np.float64)
    [together] = ratios([amounts], present, 0, 150)
    for j in range(1, 4):
        rows = present[:, j]
        [alone] = ratios([amounts[rows][:, [0, j]]], np.ones((rows.sum(), 2), np.bool_), 0, 150)
        for name in ("value", "low", "high"):
            assert getattr(together, name)[j] == pytest.approx(getattr(alone, name)[1])


def test_one_document_has_no_interval_and_none_has_no_ratio() -> None:
    [found] = ratios([np.array([[2.0, 4.0, 0.0]])], np.array([[True, True, False]]), 0, 100)
    assert found.value[1] == 2.0 and np.isnan(found.value[2])
    assert np.isnan(found.low).all() and np.isnan(found.high).all()


def test_ratios_of_documents_have_the_quartiles_of_pythons_statistics() -> None:
    random = np.random.default_rng(9)
    present = random.random((31, 3)) < 0.9
    present[:, 1] = True
    amounts = np.where(present, random.integers(1, 90, (31, 3)), 0).astype(np.float64)
    amounts[4, 1] = 0  # a baseline document of no tokens: no ratio
    found = document_ratios(amounts, present, 1)
    for j in range(3):
        own = [amounts[i, j] / amounts[i, 1] for i in range(31) if present[i, j] and amounts[i, 1]]
        quartiles = statistics.quantiles(own, n=4, method="inclusive")
        assert [found.lower_quartile[j], found.median[j], found.upper_quartile[j]] == pytest.approx(quartiles)
        assert found.low[j] in own and found.high[j] in own and found.low[j] <= found.median[j] <= found.high[j]
    few = document_ratios(np.ones((5, 2)), np.ones((5, 2), np.bool_), 0)
    assert few.median.tolist() == [1, 1] and np.isnan(few.low).all()
    assert np.isnan(document_ratios(np.ones((1, 2)), np.array([[True, False]]), 0).median[1])


@pytest.mark.parametrize("documents", [30, 100, 1000])
def test_intervals_of_a_median_ratio_hold_the_truth(documents: int) -> None:
    """Ratios are lognormal around 1.7, so that is their median; in 93 to 97 % of 1,000 draws."""
    random = np.random.default_rng(4)
    baseline = random.gamma(4.0, 10.0, (documents, 1))
    amounts = np.concatenate([baseline, baseline * 1.7 * random.lognormal(0, 0.3, (documents, 1000))], axis=1)
    found = document_ratios(amounts, np.ones(amounts.shape, np.bool_), 0)
    inside = (found.low[1:] <= 1.7) & (found.high[1:] >= 1.7)
    assert 0.93 <= inside.mean() <= 0.97
