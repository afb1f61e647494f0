"""Applying merges to a laid-out shard (`operators.kernels.layout`), and reporting which pair counts changed.

Where a pair occurs is kept by the token that was born last: when a merge makes token n, all its neighbours are known,
so the pairs (x, n) and (n, y) get contiguous runs of occurrences, found again by scanning the short list of n's
neighbours. No hash table, no search. Occurrences that later merges destroyed are noticed when they are visited.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from operators.arrays import I32, I64, U16, U32
from operators.kernels.intrinsics import prefetch
from operators.kernels.layout import BLOCK_BITS

OCCURRENCES, RUNS, BIRTHS = 0, 1, 2  # what the entries of `used` count
AHEAD = 24  # occurrences whose cells are asked for before they are visited
WIDEST = 2**31 - 1  # no word is longer; a token that is, occurs nowhere


class ShardArrays(NamedTuple):
    """Arrays of a shard that keep their size while merges are applied."""

    cells: U16 | U32
    """Symbols of the words; see `operators.kernels.layout`."""
    block_counts: I64
    """int64, one for each 64 cells: the count of the words in them."""
    occurrences: I32
    """int32: cells of the right tokens of pairs, run after run; has space for every later occurrence."""
    width: I32
    """int32, by token: its length in bytes."""
    last_birth: I64
    """int64, by token: its newest birth, -1 without one."""
    before_sums: I64
    """int64[2 * tokens], zero between merges: occurrences and counts of each neighbour on the left."""
    after_sums: I64
    """int64[2 * tokens], zero between merges: the same on the right."""
    used: I64
    """int64[3]: occurrences, runs and births in use (OCCURRENCES, RUNS, BIRTHS)."""


class Runs(NamedTuple):
    """Runs of occurrences, and the births they belong to; the arrays grow."""

    neighbour: I32
    """int32, by run: the neighbour of the token that was born."""
    first: I32
    """int32, by run: its place in `occurrences`."""
    length: I32
    """int32, by run: its occurrences, 0 once they were merged."""
    birth_previous: I64
    """int64, by birth: the same token's birth before it, -1 without one."""
    birth_runs: I64
    """int64, two for each birth and one more: where its runs of left and of right neighbours begin, and end."""


class Changes(NamedTuple):
    """Changes of pair counts; the arrays grow."""

    step: I32
    left: I32
    right: I32
    change: I64


@njit(cache=True, nogil=True)
def id_range(lefts: Any, rights: Any, tokens: Any) -> tuple[int, int]:
    """The smallest and the largest id of a merge list (int32 arrays, at least one merge)."""
    smallest: Any = np.int64(lefts[0])
    largest: Any = smallest
    for ids in (lefts, rights, tokens):
        for i in range(len(ids)):
            smallest = min(smallest, np.int64(ids[i]))
            largest = max(largest, np.int64(ids[i]))
    return smallest, largest


@njit(cache=True, nogil=True)
def grown(array: Any, needed: int) -> Any:
    """The array itself, or a copy of it with room for `needed` entries and half as many again."""
    if needed <= len(array):
        return array
    larger = np.empty(needed + needed // 2, array.dtype)
    larger[: len(array)] = array
    return larger


@njit(cache=True, nogil=True)
def visit(
    shard: ShardArrays, run_first: int, run_end: int, merge: Any, log: Any, befores: int, afters: int
) -> tuple[int, int]:
    """Replace a pair by its token at each occurrence of a run that still stands; log the neighbours, add up counts.

    merge: left, right and token ids, then the bytes of left and of right. log: int32[4, n], neighbours on the left,
    the cells where they meet the token, neighbours on the right, their cells. Returns how many were logged on
    either side.
    """
    cells, block_counts, occurrences = shard.cells, shard.block_counts, shard.occurrences
    before_sums, after_sums = shard.before_sums, shard.after_sums
    left, right, token, left_width, right_width = merge
    nothing = np.int64(cells[0])
    for i in range(run_first, run_end):
        if i + AHEAD < run_end:
            prefetch(cells, occurrences[i + AHEAD])
        at = np.int64(occurrences[i])
        if cells[at] != right or cells[at - 1] != left:
            continue
        first, end = at - left_width, at + right_width
        count = block_counts[at >> BLOCK_BITS]
        cells[at] = nothing  # no longer where a token begins; overwritten below when it is the last cell
        cells[first] = token
        cells[end - 1] = token
        x, y = np.int64(cells[first - 1]), np.int64(cells[end])
        if x != nothing:
            before_sums[2 * x] += 1
            before_sums[2 * x + 1] += count
            log[0, befores] = x
            log[1, befores] = first
            befores += 1
        if y != nothing:
            after_sums[2 * y] += 1
            after_sums[2 * y + 1] += count
            log[2, afters] = y
            log[3, afters] = end
            afters += 1
    return befores, afters


@njit(cache=True, nogil=True)
def record_side(
    shard: ShardArrays, runs: Runs, changes: Changes, log: Any, side: int, merge: Any, counters: Any, max_length: int
) -> tuple[int, int, int]:
    """Report the pairs that a merge broke and made on one side of its token, and keep the occurrences of new ones.

    side: 0 left, 1 right. merge: step, left, right and token ids. counters: number of logged neighbours, place of the
    next occurrence, number of runs and of changes so far; the arrays have space. Returns the last three, moved on.
    """
    sums, width, occurrences = shard.before_sums if side == 0 else shard.after_sums, shard.width, shard.occurrences
    step, left, right, token = merge
    n, place_next, n_runs, n_changes = counters
    for i in range(n):  # one run a neighbour, in the order in which neighbours were first met
        x = np.int64(log[2 * side, i])
        met = sums[2 * x]
        if met > 0:
            weight = sums[2 * x + 1]
            changes.step[n_changes] = step
            changes.left[n_changes] = x if side == 0 else right
            changes.right[n_changes] = left if side == 0 else x
            changes.change[n_changes] = -weight
            n_changes += 1
            if width[x] + width[token] < max_length:
                changes.step[n_changes] = step
                changes.left[n_changes] = x if side == 0 else token
                changes.right[n_changes] = token if side == 0 else x
                changes.change[n_changes] = weight
                n_changes += 1
                runs.neighbour[n_runs] = x
                runs.first[n_runs] = place_next
                runs.length[n_runs] = met
                sums[2 * x + 1] = place_next  # from here on: where its next occurrence goes
                place_next += met
                n_runs += 1
            else:
                sums[2 * x + 1] = -1
            sums[2 * x] = -met  # known
        place = sums[2 * x + 1]
        if place >= 0:
            occurrences[place] = log[2 * side + 1, i]
            sums[2 * x + 1] = place + 1
    for i in range(n):
        x = np.int64(log[2 * side, i])
        sums[2 * x] = 0
        sums[2 * x + 1] = 0
    return place_next, n_runs, n_changes


@njit(cache=True, nogil=True)
def apply_merges(
    lefts: Any, rights: Any, tokens: Any, first_step: int, max_length: int, shard: ShardArrays, runs: Runs, log: Any
) -> Any:
    """Apply merges in order; the arrays of the shard are changed in place.

    A birth is one merge that made a token: `last_birth[token]`, then `birth_previous[birth]`, lead through all births
    of a token, newest first (-1 ends); its runs are `birth_runs[2 * birth]` to `birth_runs[2 * birth + 1]` for
    neighbours on the left, from there to `birth_runs[2 * birth + 2]` for neighbours on the right. New pairs whose
    tokens are `max_length` bytes or longer together are neither counted nor kept. All arrays indexed by tokens hold
    every id of the merges: see `id_range`.

    A merge of a token that has no birth yet finds nothing and leaves no birth. A list that makes one token in two
    lengths cannot be replayed, as cells know a token's length by its id.

    Returns the runs and the log, which may have grown; the changes (int32 step, left, right and int64 change); and the
    first merge that makes a token in another length than before, at which it stops, -1 without one.
    """
    width, last_birth, used = shard.width, shard.last_birth, shard.used
    run_neighbour, run_first, run_length, birth_previous, birth_runs = runs
    step_out, left_out, right_out = np.empty(4096, np.int32), np.empty(4096, np.int32), np.empty(4096, np.int32)
    change_out = np.empty(4096, np.int64)
    n_changes, contradiction = 0, -1

    for m in range(len(lefts)):
        left, right, token = lefts[m], rights[m], tokens[m]
        if last_birth[left] < 0 or last_birth[right] < 0:
            continue
        made: Any = min(np.int64(width[left]) + np.int64(width[right]), WIDEST)
        if last_birth[token] >= 0 and width[token] != made:
            contradiction = m
            break
        width[token] = made
        merge = (left, right, token, width[left], width[right])
        befores, afters = 0, 0
        spent_first, spent_length = np.int64(0), np.int64(0)  # the longest run that the merge uses up
        for side in range(2):  # pairs kept by the right token's births, then by the left token's
            owner, neighbour = (right, left) if side == 0 else (left, right)
            birth = last_birth[owner]
            while birth >= 0:
                for run in range(birth_runs[2 * birth + side], birth_runs[2 * birth + side + 1]):
                    if run_neighbour[run] == neighbour and run_length[run] > 0:
                        needed = max(befores, afters) + run_length[run]
                        if needed > log.shape[1]:
                            longer = np.empty((4, 2 * needed), np.int32)
                            longer[:, : log.shape[1]] = log
                            log = longer
                        first, length = run_first[run], run_length[run]
                        befores, afters = visit(shard, first, first + length, merge, log, befores, afters)
                        if length > spent_length:
                            spent_first, spent_length = np.int64(first), np.int64(length)
                        run_length[run] = 0
                birth = birth_previous[birth]

        birth = used[BIRTHS]
        used[BIRTHS] += 1
        birth_previous = grown(birth_previous, birth + 1)
        birth_runs = grown(birth_runs, 2 * birth + 3)
        birth_previous[birth] = last_birth[token]
        last_birth[token] = birth
        n_runs = used[RUNS]
        birth_runs[2 * birth] = n_runs
        most = min(befores, len(width)) + min(afters, len(width))
        runs_ahead, changes_ahead = n_runs + most, n_changes + 2 * most
        if runs_ahead > len(run_length):
            run_neighbour, run_first = grown(run_neighbour, runs_ahead), grown(run_first, runs_ahead)
            run_length = grown(run_length, runs_ahead)
        if changes_ahead > len(change_out):
            step_out, change_out = grown(step_out, changes_ahead), grown(change_out, changes_ahead)
            left_out, right_out = grown(left_out, changes_ahead), grown(right_out, changes_ahead)
        space = Runs(run_neighbour, run_first, run_length, birth_previous, birth_runs)
        changes = Changes(step_out, left_out, right_out, change_out)
        for side in range(2):
            n = befores if side == 0 else afters
            again = 0 < n <= spent_length  # new runs take the place of the one that was used up
            place_next = spent_first if again else used[OCCURRENCES]
            if again:
                spent_length = np.int64(0)
            place_next, n_runs, n_changes = record_side(
                shard, space, changes, log, side, (first_step + m, left, right, token),
                (n, place_next, n_runs, n_changes), max_length,
            )  # fmt: skip
            if not again:
                used[OCCURRENCES] = place_next
            used[RUNS] = n_runs
            birth_runs[2 * birth + 1 + side] = n_runs

    kept = Runs(run_neighbour, run_first, run_length, birth_previous, birth_runs)
    changes = Changes(step_out[:n_changes], left_out[:n_changes], right_out[:n_changes], change_out[:n_changes])
    return kept, log, changes, contradiction
