"""Applying merges to a laid-out shard (`operators.kernels.layout`), and reporting which pair counts changed.

Where a pair occurs is kept by the token that was born last: when a merge makes token n, all its neighbours are known,
so the pairs (x, n) and (n, y) get contiguous runs of occurrences, found again by scanning the short list of n's
neighbours. No hash table, no search. Occurrences that later merges destroyed are noticed when they are visited.
"""

from typing import Any

import numpy as np
from numba import njit

from operators.kernels.intrinsics import prefetch
from operators.kernels.layout import BLOCK_BITS

OCCURRENCES, RUNS, BIRTHS = 0, 1, 2  # what the entries of `used` count
AHEAD = 24  # occurrences whose cells are asked for before they are visited
WIDEST = 2**31 - 1  # no word is longer; a token that is, occurs nowhere


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
    cells: Any, block_counts: Any, occurrences: Any, run_first: int, run_end: int, left: int, right: int, token: int,
    left_width: int, right_width: int, log: Any, before_sums: Any, after_sums: Any, befores: int, afters: int,
) -> tuple[int, int]:  # fmt: skip
    """Replace left, right by token at each occurrence that still stands; log the neighbours, add up their counts.

    `log` is int32[4, n]: neighbours before, where they meet the token, neighbours behind, where. `before_sums` and
    `after_sums` are int64[2 * vocabulary]: how often a neighbour was met, and its counts.
    """
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
def apply_merges(
    cells: Any, block_counts: Any, lefts: Any, rights: Any, tokens: Any, first_step: int, max_length: int, width: Any,
    occurrences: Any, run_neighbour: Any, run_first: Any, run_length: Any, birth_previous: Any, birth_runs: Any,
    last_birth: Any, before_sums: Any, after_sums: Any, log: Any, used: Any,
) -> Any:  # fmt: skip
    """Apply merges in order; see `operators.shard.Shard` for the arrays, which are changed, grown and handed back.

    A birth is one merge that made a token: `last_birth[token]`, then `birth_previous[birth]`, lead through all births
    of a token, newest first (-1 ends); its runs are `birth_runs[2 * birth]` to `birth_runs[2 * birth + 1]` for
    neighbours on the left, from there to `birth_runs[2 * birth + 2]` for neighbours on the right. New pairs whose
    tokens are `max_length` bytes or longer together are neither counted nor kept. `occurrences` has room for whatever
    comes; the sums are zero, and are left so. All arrays indexed by tokens hold every id of the merges: see `id_range`.

    A merge of a token that has no birth yet finds nothing and leaves no birth. A list that makes one token in two
    lengths cannot be replayed, as cells know a token's length by its id.

    Returns the arrays that may have grown, the changes (int32 step, left, right and int64 change), then the first merge
    that makes a token in another length than before, at which it stops, -1 without one.
    """
    step_out, left_out, right_out = np.empty(4096, np.int32), np.empty(4096, np.int32), np.empty(4096, np.int32)
    change_out = np.empty(4096, np.int64)
    changes, contradiction = 0, -1

    for m in range(len(lefts)):
        left, right, token = lefts[m], rights[m], tokens[m]
        if last_birth[left] < 0 or last_birth[right] < 0:
            continue
        made = min(np.int64(width[left]) + np.int64(width[right]), WIDEST)
        if last_birth[token] >= 0 and width[token] != made:
            contradiction = m
            break
        width[token] = made
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
                        befores, afters = visit(
                            cells, block_counts, occurrences, run_first[run], run_first[run] + run_length[run],
                            left, right, token, width[left], width[right], log, before_sums, after_sums,
                            befores, afters,
                        )  # fmt: skip
                        if run_length[run] > spent_length:
                            spent_first, spent_length = np.int64(run_first[run]), np.int64(run_length[run])
                        run_length[run] = 0
                birth = birth_previous[birth]

        birth = used[BIRTHS]
        used[BIRTHS] += 1
        birth_previous = grown(birth_previous, birth + 1)
        birth_runs = grown(birth_runs, 2 * birth + 3)
        birth_previous[birth] = last_birth[token]
        last_birth[token] = birth
        runs = used[RUNS]
        birth_runs[2 * birth] = runs
        most = min(befores, len(width)) + min(afters, len(width))
        runs_ahead, changes_ahead = runs + most, changes + 2 * most
        if runs_ahead > len(run_length):
            run_neighbour, run_first = grown(run_neighbour, runs_ahead), grown(run_first, runs_ahead)
            run_length = grown(run_length, runs_ahead)
        if changes_ahead > len(change_out):
            step_out, change_out = grown(step_out, changes_ahead), grown(change_out, changes_ahead)
            left_out, right_out = grown(left_out, changes_ahead), grown(right_out, changes_ahead)
        for side in range(2):
            sums, n = (before_sums, befores) if side == 0 else (after_sums, afters)
            again = 0 < n <= spent_length  # new runs take the place of the one that was used up
            place_next = spent_first if again else used[OCCURRENCES]
            if again:
                spent_length = np.int64(0)
            for i in range(n):  # one run a neighbour, in the order in which neighbours were first met
                x = np.int64(log[2 * side, i])
                met = sums[2 * x]
                if met > 0:
                    weight = sums[2 * x + 1]
                    step_out[changes] = first_step + m
                    left_out[changes] = x if side == 0 else right
                    right_out[changes] = left if side == 0 else x
                    change_out[changes] = -weight
                    changes += 1
                    if width[x] + width[token] < max_length:
                        step_out[changes] = first_step + m
                        left_out[changes] = x if side == 0 else token
                        right_out[changes] = token if side == 0 else x
                        change_out[changes] = weight
                        changes += 1
                        run_neighbour[runs] = x
                        run_first[runs] = place_next
                        run_length[runs] = met
                        sums[2 * x + 1] = place_next  # from here on: where its next occurrence goes
                        place_next += met
                        runs += 1
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
            if not again:
                used[OCCURRENCES] = place_next
            used[RUNS] = runs
            birth_runs[2 * birth + 1 + side] = runs

    return (
        run_neighbour, run_first, run_length, birth_previous, birth_runs, log,
        step_out[:changes], left_out[:changes], right_out[:changes], change_out[:changes], contradiction,
    )  # fmt: skip
