"""Separation against brute force over every step and every pair."""

import numpy as np
import pytest

from operators.arrays import F64, I32, I64
from operators.kernels.violations import (
    ChangeRows,
    Stretches,
    counts_before,
    lowest_step,
    lowest_steps,
    violated_stretches,
    worst_pairs,
)

Columns = tuple[I64, I32, I32, I64]


def random_changes(rng: np.random.Generator, pairs: int, steps: int, categories: int) -> tuple[Columns, I64]:
    """Random changes in the kernels' form, and the counts [steps, pairs, categories] they mean, made the slow way."""
    counts = np.zeros((steps, pairs, categories), np.int64)
    rows = []
    for _ in range(rng.integers(1, 6 * pairs)):
        pair, category = int(rng.integers(pairs)), int(rng.integers(categories))
        start = int(rng.integers(-steps, steps))
        rows.append((pair, max(start, 0), category, int(rng.integers(0, 30))))
    rows.sort()
    for pair, start, category, change in rows:
        for t in range(start, steps):
            counts[t, pair, category] += change
    table = np.array(rows, np.int64)
    offsets = np.searchsorted(table[:, 0], np.arange(pairs + 1)).astype(np.int64)
    columns = table[:, 1].astype(np.int32), table[:, 2].astype(np.int32), np.ascontiguousarray(table[:, 3])
    return (offsets, *columns), counts


def found_by_kernels(
    changes: Columns, weight: F64, slack: F64, bar: F64, tolerance: float, per_step: int
) -> list[tuple[int, int]]:
    room = len(changes[1])
    pair, first, end = np.empty(room, np.int64), np.empty(room, np.int32), np.empty(room, np.int32)
    height = np.empty(room)
    found = violated_stretches(ChangeRows(*changes), weight, slack, bar, tolerance, Stretches(pair, first, end, height))
    fall = np.argsort(-height[:found], kind="stable")
    step, stretch = np.empty(per_step * len(bar), np.int32), np.empty(per_step * len(bar), np.int64)
    count = worst_pairs(first[fall], end[fall], height[fall], bar, tolerance, per_step, step, stretch)
    return list(zip(step[:count].tolist(), pair[fall][stretch[:count]].tolist(), strict=True))


@pytest.mark.parametrize("seed", range(60))
def test_the_worst_pairs_of_every_step_are_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pairs, steps, categories = (int(rng.integers(1, most)) for most in (12, 40, 5))
    changes, counts = random_changes(rng, pairs, steps, categories)
    weight, slack = rng.random(categories), rng.random(pairs) * 20 * rng.integers(0, 2, pairs)
    bar = rng.random(steps) * rng.choice([20, 200])
    tolerance = float(rng.choice([1e-9, 3.0]))
    excess = counts @ weight - slack - bar[:, None]

    everything = {(int(t), int(p)) for t, p in zip(*np.nonzero(excess > tolerance), strict=True)}
    assert set(found_by_kernels(changes, weight, slack, bar, tolerance, pairs)) == everything
    for per_step in (1, 2):
        found = found_by_kernels(changes, weight, slack, bar, tolerance, per_step)
        assert len(set(found)) == len(found)
        for t in range(steps):
            amounts = np.sort(excess[t][excess[t] > tolerance])[::-1][:per_step]
            mine = sorted((excess[t, p] for s, p in found if s == t), reverse=True)
            np.testing.assert_allclose(mine, amounts, rtol=1e-12)


def test_a_pair_that_only_appears_late_is_found_from_then_on() -> None:
    changes = np.array([0, 1]), np.array([3], np.int32), np.zeros(1, np.int32), np.array([5])
    found = found_by_kernels(changes, np.ones(1), np.zeros(1), np.array([1.0, 1, 1, 9, 2, 1]), 1e-9, 1)
    assert found == [(4, 0), (5, 0)]


def test_changes_past_the_last_step_are_not_read() -> None:
    changes = np.array([0, 2]), np.array([0, 2], np.int32), np.zeros(2, np.int32), np.array([1, 100])
    assert found_by_kernels(changes, np.ones(1), np.zeros(1), np.array([1.0, 2.0]), 1e-9, 1) == []


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 8, 9, 33])
def test_the_lowest_step_is_the_first_minimum(steps: int) -> None:
    bar = np.random.default_rng(steps).integers(0, 5, steps).astype(np.float64)
    table = lowest_steps(bar)
    for first in range(steps):
        for end in range(first + 1, steps + 1):
            assert lowest_step(table, bar, first, end) == first + int(np.argmin(bar[first:end]))


@pytest.mark.parametrize("seed", range(10))
def test_counts_before_a_step_are_the_sums_of_earlier_changes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    changes, counts = random_changes(rng, 7, 20, 3)
    step, pair = rng.integers(0, 20, 50).astype(np.int32), rng.integers(-1, 7, 50)
    expected = np.where(pair[:, None] < 0, 0, counts[step, pair])
    np.testing.assert_array_equal(counts_before(*changes, 3, step, pair).reshape(50, 3), expected)
