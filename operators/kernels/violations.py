"""Find the violated rows of the mixture's linear program: a pair that outweighs the merge that was chosen.

A pair's mixture count changes only where the record says so, and is constant over the stretch of steps between two
changes. Over a stretch the pair exceeds most the step whose bar is lowest: the bar of a step is the chosen merge's
mixture count plus the step's slack. A sparse table finds that step in constant time, so that a sweep over all steps
and all pairs is linear in the recorded changes.

The changes of all categories lie together, sorted by pair, then by step: those of pair p are the rows
`offsets[p]:offsets[p + 1]`, and a row counts from step `start` on.
"""

from typing import NamedTuple

import numpy as np

from operators.arrays import F64, I32, I64
from operators.kernels.kernel import kernel


class ChangeRows(NamedTuple):
    """The recorded changes of all categories, sorted by pair, then by step."""

    offsets: I64
    """int64[pairs + 1]: pair p has the rows offsets[p]:offsets[p + 1]."""
    start: I32
    """The step from which on a row counts."""
    category: I32
    change: I64


class Stretches(NamedTuple):
    """Ranges of steps in which a pair's mixture count is constant."""

    pair: I64
    first: I32
    end: I32
    height: F64
    """The pair's mixture count there, less its slack."""


@kernel
def lowest_steps(bar: F64) -> I32:
    """Return the sparse table of `bar` (float64[T]), int32[levels * T].

    Entry k * T + t is where bar[t : t + 2^k] is lowest, the first of equal minima. Entries whose span would pass the
    end are 0 and never read.
    """
    steps = len(bar)
    levels = 1
    while (1 << levels) <= steps:
        levels += 1
    table = np.zeros(levels * steps, np.int32)
    for t in range(steps):
        table[t] = t
    for level in range(1, levels):
        half = 1 << (level - 1)
        above = (level - 1) * steps
        for t in range(steps - 2 * half + 1):
            first, second = table[above + t], table[above + t + half]
            table[level * steps + t] = second if bar[second] < bar[first] else first
    return table


@kernel
def lowest_step(table: I32, bar: F64, first: int, end: int) -> int:
    """Return the first step of the lowest bar in first:end (not empty)."""
    steps = len(bar)
    level = 0
    while (2 << level) <= end - first:
        level += 1
    left = table[level * steps + first]
    right = table[level * steps + end - (1 << level)]
    return int(right if bar[right] < bar[left] else left)


@kernel
def violated_stretches(
    changes: ChangeRows, weight: F64, pair_slack: F64, bar: F64, tolerance: float, out: Stretches
) -> int:
    """Write the stretches in which a pair exceeds some step's bar; return how many.

    A stretch is written when its height (the pair's mixture count less `pair_slack[p]`) is above the lowest bar in it
    by more than `tolerance`. `weight` (float64[n]) is what one occurrence in a category adds to a mixture count. The
    arrays of `out` hold one entry for each row of the changes.
    """
    offsets, start, category, change = changes.offsets, changes.start, changes.category, changes.change
    pair_out, first_out, end_out, height_out = out.pair, out.first, out.end, out.height
    steps = len(bar)
    table = lowest_steps(bar)
    floor = bar[lowest_step(table, bar, 0, steps)] + tolerance
    found = 0
    for pair in range(len(offsets) - 1):
        count = 0.0
        row, stop = offsets[pair], offsets[pair + 1]
        while row < stop and start[row] < steps:
            first = start[row]
            while row < stop and start[row] == first:
                count += weight[category[row]] * change[row]
                row += 1
            height = count - pair_slack[pair]
            if height <= floor:
                continue
            end = min(start[row], steps) if row < stop else steps
            if height - bar[lowest_step(table, bar, first, end)] > tolerance:
                pair_out[found], first_out[found], end_out[found], height_out[found] = pair, first, end, height
                found += 1
    return found


@kernel
def worst_pairs(
    first: I32, end: I32, height: F64, bar: F64, tolerance: float, per_step: int, step_out: I32, stretch_out: I64
) -> int:
    """Write for every step the (at most `per_step`) highest stretches above its bar; return how many rows.

    The stretches come in falling height, so a step takes the first that cover it. Steps that are full, or that the
    highest remaining stretch did not exceed, are skipped: `following` leads on to the next open step. The outputs hold
    per_step * T entries.
    """
    steps = len(bar)
    following = np.arange(steps + 1)
    taken = np.zeros(steps, np.int32)
    found = 0
    for stretch in range(len(first)):
        t = first[stretch]
        while True:
            root = t
            while following[root] != root:
                root = following[root]
            while following[t] != root:
                following[t], t = root, following[t]
            t = root
            if t >= end[stretch]:
                break
            if height[stretch] - bar[t] > tolerance:
                step_out[found], stretch_out[found] = t, stretch
                found += 1
                taken[t] += 1
                if taken[t] == per_step:
                    following[t] = t + 1
            else:
                following[t] = t + 1
            t += 1
    return found


@kernel
def counts_before(offsets: I64, start: I32, category: I32, change: I64, categories: int, steps: I32, pairs: I64) -> I64:
    """Return the counts of pairs[i] in every category before step steps[i], int64[rows * categories].

    Pair -1 has none.
    """
    counts = np.zeros(len(steps) * categories, np.int64)
    for i in range(len(steps)):
        if pairs[i] < 0:
            continue
        for row in range(offsets[pairs[i]], offsets[pairs[i] + 1]):
            if start[row] > steps[i]:
                break
            counts[i * categories + category[row]] += change[row]
    return counts
