"""The growth of distinct words: the curve against drawing blocks, the fit against corpora that are known whole."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.statistics.heaps_law import LEAST_BLOCKS, Incidences, Interval, curve, fit

BLOCK_WORDS = 500


def incidences_of(words: np.ndarray, blocks: int, weights: np.ndarray | None = None) -> Incidences:
    """Incidences of a text of word numbers, cut into blocks of one size."""
    block = np.arange(len(words)) * blocks // len(words)
    once = np.unique(words.astype(np.int64) * blocks + block)
    kinds, kind = np.unique(once // blocks, return_inverse=True)
    own = np.ones(len(kinds)) if weights is None else weights[kinds]
    return Incidences(kind.astype(np.int64), once % blocks, blocks, own)


OPEN = 4_000_000
"""Kinds of a vocabulary that the texts here do not exhaust."""


def zipf(words: int, kinds: int, exponent: float, seed: int) -> np.ndarray:
    """A text of word numbers whose frequencies are as rank^-exponent."""
    cumulative = np.cumsum(np.arange(1, kinds + 1, dtype=np.float64) ** -exponent)
    drawn = np.random.default_rng(seed).random(words)
    return np.searchsorted(cumulative / cumulative[-1], drawn)


@given(
    st.lists(st.sets(st.integers(0, 9), max_size=6), min_size=2, max_size=6),
    st.lists(st.integers(1, 9), min_size=10, max_size=10),
)
def test_the_curve_is_the_mean_over_all_choices_of_blocks(blocks: list[set[int]], weights: list[int]) -> None:
    frequencies = np.array([sum(kind in block for block in blocks) for kind in range(10)], np.int64)
    drawn, found = curve(frequencies, len(blocks), np.array(weights, np.float64))
    assert drawn.tolist() == list(range(1, len(blocks) + 1))
    for m, got in zip(drawn.astype(int).tolist(), found.tolist(), strict=True):
        choices = [set().union(*chosen) for chosen in combinations(blocks, m)]
        mean = sum(sum(weights[kind] for kind in choice) for choice in choices) / len(choices)
        assert got == pytest.approx(mean)


def test_a_power_law_is_found_again_and_gone_on_with() -> None:
    # Every kind stands in one place of an endless text whose n first blocks hold n^0.6 * 1000 kinds, as Heaps says:
    # frequencies f of kinds that give this curve are those of the Sibuya distribution.
    beta, blocks = 0.6, 200
    f = np.arange(1, blocks + 1)
    share = np.empty(blocks)  # of kinds that stand in f blocks
    share[0] = beta
    for i in range(1, blocks):
        share[i] = share[i - 1] * (i - beta) / (i + 1)
    frequencies = np.repeat(f, np.rint(share * 1e5).astype(int)).astype(np.int64)
    random = np.random.default_rng(0)
    kind = np.repeat(np.arange(len(frequencies)), frequencies)
    block = np.concatenate([random.choice(blocks, count, replace=False) for count in frequencies.tolist()])
    growth = fit(Incidences(kind, block, blocks, np.ones(len(frequencies))), 100.0)
    assert growth.beta == pytest.approx(beta, abs=0.02)
    at_the_end = math.exp(growth.log_scale + growth.beta * math.log(blocks * 100.0))
    assert at_the_end == pytest.approx(len(frequencies), rel=0.02)
    further = growth.predict(10 * blocks * 100.0)
    assert further.low < len(frequencies) * 10**beta < further.high


@pytest.mark.slow
@pytest.mark.parametrize(("exponent", "factor"), [(1.0, 4), (1.2, 16), (1.5, 4)])
def test_a_sample_predicts_texts_that_are_counted_whole(exponent: float, factor: int) -> None:
    whole = zipf(factor * 400 * BLOCK_WORDS, OPEN, exponent, seed=factor)
    sample = whole[np.random.default_rng(7).permutation(len(whole))[: 400 * BLOCK_WORDS]]
    growth = fit(incidences_of(sample, 400), BLOCK_WORDS)
    truth = len(np.unique(whole))
    said = growth.predict(len(whole))
    assert said.low <= truth <= said.high
    assert said.value == pytest.approx(truth, rel=0.2)
    assert said.high / said.low < 2.5  # an interval that holds everything says nothing


def test_a_vocabulary_that_ends_is_overestimated() -> None:
    """Heaps' law knows no end: a limit that docs/how-to/plan-a-training-run.md states."""
    whole = zipf(16 * 400 * BLOCK_WORDS, 100_000, 1.0, seed=2)
    growth = fit(incidences_of(whole[: 400 * BLOCK_WORDS], 400), BLOCK_WORDS)
    truth = len(np.unique(whole))
    assert truth > 90_000
    assert truth < growth.predict(len(whole)).value < 2.5 * truth


def test_weights_are_what_is_predicted() -> None:
    lengths = 3.0 + np.arange(OPEN) % 17
    whole = zipf(8 * 400 * BLOCK_WORDS, OPEN, 1.1, seed=3)
    growth = fit(incidences_of(whole[: 400 * BLOCK_WORDS], 400, lengths), BLOCK_WORDS)
    said = growth.predict(len(whole))
    assert said.low <= lengths[np.unique(whole)].sum() <= said.high


def test_inside_the_sample_the_curve_itself_answers() -> None:
    sample = zipf(200 * BLOCK_WORDS, OPEN, 1.1, seed=5)
    growth = fit(incidences_of(sample, 200), BLOCK_WORDS)
    distinct = float(len(np.unique(sample)))
    said = growth.predict(200 * BLOCK_WORDS)
    assert said == Interval(said.value, said.value, said.value)
    assert said.value == pytest.approx(distinct)
    halves = [len(np.unique(half)) for half in np.split(sample, 2)]
    assert growth.predict(100 * BLOCK_WORDS).value == pytest.approx(np.mean(halves), rel=0.02)


def test_further_away_is_never_less_and_never_surer() -> None:
    growth = fit(incidences_of(zipf(100 * BLOCK_WORDS, OPEN, 1.2, seed=1), 100), BLOCK_WORDS)
    said = [growth.predict(factor * 100.0 * BLOCK_WORDS) for factor in (1, 2, 10, 1e3, 1e6)]
    assert all(one.low <= one.value <= one.high for one in said)
    assert [one.value for one in said] == sorted(one.value for one in said)
    widths = [one.high / one.low for one in said]
    assert widths == sorted(widths)


def test_a_text_that_has_no_new_words_does_not_grow() -> None:
    words = np.tile(np.arange(50), 2000)
    growth = fit(incidences_of(words, 100), 1000)
    assert growth.beta == pytest.approx(0, abs=1e-9)
    assert growth.predict(1e9).value == pytest.approx(50, rel=0.01)


def test_what_half_of_the_sample_misses_is_what_a_fit_of_it_misses() -> None:
    words = zipf(200 * BLOCK_WORDS, OPEN, 1.1, seed=9)
    both = incidences_of(words, 200)
    errors = []
    for half in (0, 1):
        own = both.block % 2 == half
        kinds, kind = np.unique(both.kind[own], return_inverse=True)
        alone = fit(Incidences(kind.astype(np.int64), both.block[own] // 2, 100, np.ones(len(kinds))), BLOCK_WORDS)
        errors.append(alone.predict(200 * BLOCK_WORDS).value / len(np.unique(words)) - 1)
    assert fit(both, BLOCK_WORDS).missed_by_half == pytest.approx(np.mean(errors), abs=1e-6)


def test_too_few_blocks_are_refused() -> None:
    few = incidences_of(zipf(5000, 1000, 1.1, seed=0), LEAST_BLOCKS - 1)
    with pytest.raises(ValueError, match="16 are needed"):
        fit(few, 1.0)
