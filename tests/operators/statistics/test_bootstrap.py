"""Intervals: how often they hold the truth, and what they are against plain loops."""

from collections.abc import Callable

import numpy as np
import pytest

from operators.arrays import F64
from operators.statistics.bootstrap import DIFFERING, FEWEST, _weighed, differing, draw, median_ranks, product_intervals

Draws = Callable[[np.random.Generator, tuple[int, int]], tuple[F64, F64]]
TRUTH = 1.7


def sentences(random: np.random.Generator, shape: tuple[int, int]) -> tuple[F64, F64]:
    """Token counts as a corpus of sentences has them: whole numbers, each sentence with a ratio of its own."""
    baseline = np.maximum(1, random.negative_binomial(8, 8 / (8 + 26), shape)).astype(np.float64)
    own = random.poisson(baseline * TRUTH * random.gamma(30, 1 / 30, shape)).astype(np.float64)
    return own, baseline


def skewed(random: np.random.Generator, shape: tuple[int, int]) -> tuple[F64, F64]:
    """Documents of very different lengths."""
    baseline = random.lognormal(3, 0.7, shape)
    return baseline * TRUTH * random.lognormal(-0.045, 0.3, shape), baseline


@pytest.mark.parametrize("documents", [30, 100, 1000])
@pytest.mark.parametrize("drawn_from", [sentences, skewed])
def test_95_percent_intervals_hold_the_truth_in_93_to_97_percent_of_1000_draws(
    documents: int, drawn_from: Draws
) -> None:
    found = product_intervals(drawn_from(np.random.default_rng(11), (documents, 1000)), (1, -1), 500)
    inside = ((found.low <= TRUTH) & (found.high >= TRUTH)).mean()
    assert 0.93 <= inside <= 0.97


def test_intervals_of_a_change_hold_the_truth() -> None:
    """Two tokenizers on the same documents: the ratio of two ratios, 1.25 in truth."""
    random = np.random.default_rng(5)
    own, baseline = sentences(random, (200, 1000))
    worse = own * 1.25 * random.gamma(60, 1 / 60, own.shape)
    found = product_intervals((worse, baseline, own, baseline), (1, -1, -1, 1), 500)
    assert 0.93 <= ((found.low <= 1.25) & (found.high >= 1.25)).mean() <= 0.97


def test_intervals_over_groups_of_documents_are_as_wide_as_over_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    own, baseline = sentences(np.random.default_rng(2), (3000, 40))
    single = product_intervals((own, baseline), (1, -1), 1000)
    monkeypatch.setattr("operators.statistics.bootstrap.MOST_UNITS", 500)
    grouped = product_intervals((own, baseline), (1, -1), 1000)
    assert np.array_equal(grouped.value, single.value)
    widths = np.log(grouped.high / grouped.low) / np.log(single.high / single.low)
    assert np.median(widths) == pytest.approx(1, abs=0.05)


def test_an_interval_is_what_loops_over_resamples_give() -> None:
    """The studentised bootstrap of the logarithm of a ratio, written out."""
    own, baseline = sentences(np.random.default_rng(3), (12, 3))
    resamples = 199
    weights = draw(np.random.default_rng(0), 12, resamples)
    found = product_intervals((own, baseline), (1, -1), resamples)

    def log_ratio_and_error(x: F64, y: F64, times: F64) -> tuple[float, float]:
        total_x, total_y = (times * x).sum(), (times * y).sum()
        return np.log(total_x / total_y), np.sqrt((times * (x / total_x - y / total_y) ** 2).sum())

    for j in range(3):
        log, error = log_ratio_and_error(own[:, j], baseline[:, j], np.ones(12))
        distances = []
        for times in weights:
            again, its_error = log_ratio_and_error(own[:, j], baseline[:, j], times)
            distances.append((again - log) / its_error)
        distances.sort()
        assert found.value[j] == pytest.approx(np.exp(log), rel=1e-12)
        assert found.low[j] == pytest.approx(np.exp(log - distances[-5] * error), rel=1e-9)  # 200 * 0.025 = 5
        assert found.high[j] == pytest.approx(np.exp(log - distances[4] * error), rel=1e-9)


def test_draws_are_whole_samples() -> None:
    weights = draw(np.random.default_rng(1), 7, 500)
    assert (weights.sum(1) == 7).all() and weights.min() == 0
    assert weights.mean(0) == pytest.approx(np.ones(7), abs=0.15)


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    own, baseline = sentences(np.random.default_rng(4), (40, 5))
    whole = product_intervals((own, baseline), (1, -1), 150)
    monkeypatch.setattr("operators.statistics.bootstrap.BLOCK_CELLS", 400)
    monkeypatch.setattr("operators.statistics.bootstrap.BLOCK_COLUMNS", 2)
    blocks = product_intervals((own, baseline), (1, -1), 150)
    for name in ("value", "low", "high"):
        assert np.allclose(getattr(whole, name), getattr(blocks, name), rtol=1e-9)


def test_too_few_documents_and_sums_of_zero_have_no_interval() -> None:
    ones = np.ones((FEWEST - 1, 2))
    few = product_intervals((2 * ones, ones), (1, -1), 100)
    assert few.value.tolist() == [2, 2] and np.isnan(few.low).all() and np.isnan(few.high).all()
    none = product_intervals((np.ones((0, 2)), np.ones((0, 2))), (1, -1), 100)
    assert np.isnan(none.value).all() and np.isnan(none.low).all()
    own, baseline = sentences(np.random.default_rng(6), (30, 2))
    zero = product_intervals((own, np.where([True, False], baseline, 0)), (1, -1), 100)
    assert np.isfinite(zero.low[0]) and np.isnan(zero.low[1]) and np.isnan(zero.high[1])


def test_documents_that_agree_have_an_interval_of_one_point() -> None:
    _, baseline = sentences(np.random.default_rng(8), (20, 3))
    found = product_intervals((baseline * [1, 1.5, 1 / 3], baseline), (1, -1), 100)
    assert found.value == pytest.approx([1, 1.5, 1 / 3])
    assert np.array_equal(found.low, found.value) and np.array_equal(found.high, found.value)


@pytest.mark.parametrize("documents", [6, 7, 30, 31, 100, 999, 1000, 1001, 5000])
def test_the_ranks_of_a_median_have_95_percent_by_exact_counting(documents: int) -> None:
    """P(rank low <= number of values under the median <= ...), in whole numbers."""
    ranks = median_ranks(documents)
    assert ranks is not None
    low, high = ranks
    terms, term = [], 1
    for k in range(documents + 1):
        terms.append(term)
        term = term * (documents - k) // (k + 1)
    outside = 2 * sum(terms[: low + 1])
    assert 20 * outside <= 2**documents  # at most 5 %
    assert 20 * (outside + 2 * terms[low + 1]) > 2**documents  # and one rank further in would be more
    assert high == documents - 1 - low


def test_few_documents_have_no_interval_of_their_median() -> None:
    assert [median_ranks(n) for n in range(6)] == [None] * 6


def test_sums_do_not_depend_on_the_order_in_which_they_are_added() -> None:
    """BLAS has another order for other numbers of threads, and on other processors."""
    rng = np.random.default_rng(5)
    weights = rng.poisson(1.0, (50, 999)).astype(np.float64)
    rows = np.concatenate([rng.random((999, 2)) * 1e5, rng.integers(0, 1 << 30, (999, 2)), np.zeros((999, 1))], axis=1)
    found = _weighed(weights, rows)
    order = rng.permutation(999)
    assert _weighed(weights[:, order], rows[order]).tobytes() == found.tobytes()
    assert (weights[:, order] @ rows[order]).tobytes() != (weights @ rows).tobytes()
    np.testing.assert_allclose(found, weights @ rows, rtol=1e-11)
    assert (found[:, 2:4] == weights.astype(np.int64) @ rows[:, 2:4].astype(np.int64)).all()


def nearly_the_same(random: np.random.Generator, shape: tuple[int, int], differ: float) -> tuple[F64, F64, float]:
    """Texts of which `differ` documents are expected to have other tokens: one more, two more, or one less."""
    baseline = np.maximum(3, random.negative_binomial(3, 3 / (3 + 9), shape)).astype(np.float64)
    other = random.choice([1.0, 2.0, -1.0], shape, p=[0.5, 0.3, 0.2])
    own = baseline + other * (random.random(shape) < differ / shape[0])
    mean = np.maximum(3, random.negative_binomial(3, 3 / (3 + 9), 1_000_000)).mean()
    return own, baseline, 1 + differ / shape[0] * 0.9 / mean


def misses(differ: float, draws: int, resamples: int) -> tuple[float, float]:
    """Return the part of 700-document texts with an interval, and the part whose interval misses the truth."""
    own, baseline, truth = nearly_the_same(np.random.default_rng(round(differ)), (700, draws), differ)
    found = product_intervals((own, baseline), (1, -1), resamples)
    sparse = (found.differing == 0) | np.isnan(found.low)
    outside = ~sparse & ((found.low > truth) | (found.high < truth))
    return float((~sparse).mean()), float(outside.mean())


@pytest.mark.parametrize("differ", [3, 8, 14, 40])
def test_intervals_of_texts_that_are_nearly_the_same_miss_the_truth_in_a_twentieth_at_most(differ: int) -> None:
    """The demo's Australian English differs in 3 of 692 documents; its interval was 1.0001 to 21.65."""
    given, missed = misses(differ, 150, 200)
    assert missed <= 0.08  # 5 %, and the chance of 150 draws (standard error 1.8 points)
    assert given == 0 if differ == 3 else given == 1 if differ == 40 else given < 0.5


@pytest.mark.exhaustive
@pytest.mark.parametrize("differ", [2, 4, 8, 12, 16, 24, 32, 64, 128])
def test_intervals_of_texts_that_are_nearly_the_same_in_a_thousand_draws(differ: int) -> None:
    assert misses(differ, 1000, 1000)[1] <= 0.05 + 3 * 0.007


def test_documents_that_differ_are_those_without_the_ratio_of_most() -> None:
    random = np.random.default_rng(9)
    for _ in range(50):
        rows = int(random.integers(1, 40))
        top, bottom = random.integers(1, 4, (2, rows, 3)).astype(np.float64)
        for j, found in enumerate(differing((top, bottom), (1, -1)).tolist()):
            ratios = [(int(a), int(b)) for a, b in zip(top[:, j], bottom[:, j], strict=True)]
            shared = max(sum(a * d == b * c for c, d in ratios) for a, b in ratios)
            assert found == (rows - shared if 2 * shared > rows else rows)


def test_few_documents_that_differ_have_no_interval() -> None:
    baseline = np.full((100, 3), 7.0)
    own = baseline + (np.arange(100)[:, None] < [3, DIFFERING - 1, DIFFERING])
    found = product_intervals((own, baseline), (1, -1), 200)
    assert found.differing.tolist() == [3, DIFFERING - 1, DIFFERING]
    assert np.isnan(found.low).tolist() == np.isnan(found.high).tolist() == [True, True, False]
