"""Applying merges to a laid-out shard (`operators.kernels.layout`), and reporting which pair counts changed.

Where a pair occurs is kept by the token that was born last: when a merge makes token n, all its neighbours are known,
so the pairs (x, n) and (n, y) get contiguous runs of occurrences, found again by scanning the short list of n's
neighbours. No hash table, no search. Occurrences that later merges destroyed are noticed when they are visited.
"""

from typing import Any

import numpy as np
from numba import njit

from operators.kernels.layout import LOW_BITS, OFFSET_BITS

OCCURRENCES, RUNS, BIRTHS = 0, 1, 2  # what the entries of `used` count
OFFSET_MASK = (1 << OFFSET_BITS) - 1


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
    cells: Any, occurrences: Any, run_first: int, run_end: int, left: int, right: int, token: int, width: Any,
    before: Any, before_at: Any, after: Any, after_at: Any, before_weight: Any, after_weight: Any,
    before_hits: Any, after_hits: Any, befores: int, afters: int,
) -> tuple[int, int]:  # fmt: skip
    """Replace left, right by token at each occurrence that still stands; log the neighbours and their weights."""
    left_width, right_width = width[left], width[right]
    for i in range(run_first, run_end):
        packed = occurrences[i]
        first = packed >> OFFSET_BITS
        at = first + (packed & OFFSET_MASK)
        middle = at + left_width
        if cells[at] != left or cells[middle] != right:
            continue
        end = middle + right_width
        count = (np.int64(-1 - cells[first - 2]) << LOW_BITS) | cells[first - 1]
        cells[middle] = -1  # no longer where a token begins; overwritten below when it is the last cell
        cells[at] = token
        cells[end - 1] = token
        if at > first:
            x = cells[at - 1]
            before_hits[x] += 1
            before_weight[x] += count
            before[befores] = x
            before_at[befores] = packed - width[x]
            befores += 1
        y = cells[end]
        if y >= 0:
            after_hits[y] += 1
            after_weight[y] += count
            after[afters] = y
            after_at[afters] = packed
            afters += 1
    return befores, afters


@njit(cache=True, nogil=True)
def apply_merges(
    cells: Any, lefts: Any, rights: Any, tokens: Any, first_step: int, max_length: int, width: Any, occurrences: Any,
    run_neighbour: Any, run_first: Any, run_length: Any, birth_previous: Any, birth_runs: Any, last_birth: Any,
    used: Any,
) -> Any:  # fmt: skip
    """Apply merges in order; see `operators.shard.Shard` for the arrays, which are changed, grown and handed back.

    A birth is one merge that made a token: `last_birth[token]`, then `birth_previous[birth]`, lead through all births
    of a token, newest first (-1 ends); its runs are `birth_runs[2 * birth]` to `birth_runs[2 * birth + 1]` for
    neighbours on the left, from there to `birth_runs[2 * birth + 2]` for neighbours on the right. New pairs whose
    tokens are `max_length` bytes or longer together are neither counted nor kept.

    Returns the arrays that may have grown, then the changes: step (int32), left, right (int32) and change (int64).
    """
    vocabulary = len(width)
    before_weight, after_weight = np.zeros(vocabulary, np.int64), np.zeros(vocabulary, np.int64)
    before_hits, after_hits = np.zeros(vocabulary, np.int64), np.zeros(vocabulary, np.int64)
    before, after = np.empty(1024, np.int32), np.empty(1024, np.int32)
    before_at, after_at = np.empty(1024, np.int64), np.empty(1024, np.int64)
    step_out, left_out, right_out = np.empty(4096, np.int32), np.empty(4096, np.int32), np.empty(4096, np.int32)
    change_out = np.empty(4096, np.int64)
    changes = 0

    for m in range(len(lefts)):
        left, right, token = lefts[m], rights[m], tokens[m]
        width[token] = width[left] + width[right]
        befores, afters = 0, 0
        for side in range(2):  # pairs kept by the right token's births, then by the left token's
            owner, neighbour = (right, left) if side == 0 else (left, right)
            birth = last_birth[owner]
            while birth >= 0:
                for run in range(birth_runs[2 * birth + side], birth_runs[2 * birth + side + 1]):
                    if run_neighbour[run] == neighbour:
                        room = run_length[run]
                        before, after = grown(before, befores + room), grown(after, afters + room)
                        before_at, after_at = grown(before_at, befores + room), grown(after_at, afters + room)
                        befores, afters = visit(
                            cells, occurrences, run_first[run], run_first[run] + room, left, right, token, width,
                            before, before_at, after, after_at, before_weight, after_weight,
                            before_hits, after_hits, befores, afters,
                        )  # fmt: skip
                        run_length[run] = 0
                birth = birth_previous[birth]

        birth = used[BIRTHS]
        used[BIRTHS] += 1
        birth_previous = grown(birth_previous, birth + 1)
        birth_runs = grown(birth_runs, 2 * birth + 3)
        birth_previous[birth] = last_birth[token]
        last_birth[token] = birth
        birth_runs[2 * birth] = used[RUNS]
        occurrences = grown(occurrences, used[OCCURRENCES] + befores + afters)
        for side in range(2):
            neighbours, at, hits, weight, n = (
                (before, before_at, before_hits, before_weight, befores)
                if side == 0
                else (after, after_at, after_hits, after_weight, afters)
            )
            runs = used[RUNS]
            for i in range(n):  # one run a neighbour, in the order in which neighbours were first met
                x = neighbours[i]
                if hits[x] > 0:
                    run_neighbour = grown(run_neighbour, runs + 1)
                    run_first = grown(run_first, runs + 1)
                    run_length = grown(run_length, runs + 1)
                    step_out, change_out = grown(step_out, changes + 2), grown(change_out, changes + 2)
                    left_out, right_out = grown(left_out, changes + 2), grown(right_out, changes + 2)
                    step_out[changes] = first_step + m
                    left_out[changes] = x if side == 0 else right
                    right_out[changes] = left if side == 0 else x
                    change_out[changes] = -weight[x]
                    changes += 1
                    if width[x] + width[token] < max_length:
                        step_out[changes] = first_step + m
                        left_out[changes] = x if side == 0 else token
                        right_out[changes] = token if side == 0 else x
                        change_out[changes] = weight[x]
                        changes += 1
                        run_neighbour[runs] = x
                        run_first[runs] = used[OCCURRENCES]
                        run_length[runs] = 0
                        used[OCCURRENCES] += hits[x]
                        hits[x] = -1 - runs  # from here on: which run the neighbour's occurrences go to
                        runs += 1
                    else:
                        hits[x] = np.iinfo(np.int64).min
                if hits[x] != np.iinfo(np.int64).min:
                    run = -1 - hits[x]
                    occurrences[run_first[run] + run_length[run]] = at[i]
                    run_length[run] += 1
            for i in range(n):
                hits[neighbours[i]] = 0
                weight[neighbours[i]] = 0
            used[RUNS] = runs
            birth_runs[2 * birth + 1 + side] = runs

    return (
        occurrences, run_neighbour, run_first, run_length, birth_previous, birth_runs,
        step_out[:changes], left_out[:changes], right_out[:changes], change_out[:changes],
    )  # fmt: skip
