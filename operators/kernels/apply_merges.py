"""Applying merges to a laid-out shard (`operators.kernels.layout`), and reporting which pair counts changed.

Where a pair occurs is kept by the token that was born last: when a merge makes token n, all its neighbours are known,
so the pairs (x, n) and (n, y) get contiguous runs of occurrences, found again by scanning the short list of n's
neighbours. No hash table, no search. Occurrences that later merges destroyed are noticed when they are visited.

Where languages are told apart, each has its own cells, so the occurrences of a pair that one language has lie together:
the log of a merge is read language by language, and each language's changes are reported apart.
"""

from typing import Any, NamedTuple

import numpy as np

from operators.arrays import I16, I32, I64, U16, U32
from operators.kernels.intrinsics import prefetch
from operators.kernels.kernel import kernel
from operators.kernels.layout import BLOCK_BITS, Blocks

OCCURRENCES, RUNS, BIRTHS = 0, 1, 2  # what the entries of `used` count
AHEAD = 24  # occurrences whose cells are asked for before they are visited
WIDEST = 2**31 - 1  # no word is longer; a token that is, occurs nowhere


class ShardArrays(NamedTuple):
    """Arrays of a shard that keep their size while merges are applied."""

    cells: U16 | U32
    """Symbols of the words; see `operators.kernels.layout`."""
    blocks: Blocks
    """Counts and languages of the words, one for each 64 cells."""
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
    replaced: I64
    """int64[languages], zero between merges: how often a merge replaced its pair. int64[0]: languages are not apart."""
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
    places: I32
    """int32: cells where tokens began when they were made, birth after birth; int32[0] where nobody asks for them."""
    birth_places: I64
    """int64, by birth, and one more: where its places begin, and end; int64[0] without places."""


class Changes(NamedTuple):
    """Changes of pair counts; the arrays grow."""

    step: I32
    left: I32
    right: I32
    change: I64
    language: I16
    """int16[0] where languages are not told apart; `~language` (negative) in the row of a pair that was replaced."""


@kernel
def id_range(lefts: Any, rights: Any, tokens: Any) -> tuple[int, int]:
    """The smallest and the largest id of a merge list (int32 arrays, at least one merge)."""
    smallest: Any = np.int64(lefts[0])
    largest: Any = smallest
    for ids in (lefts, rights, tokens):
        for i in range(len(ids)):
            smallest = min(smallest, np.int64(ids[i]))
            largest = max(largest, np.int64(ids[i]))
    return smallest, largest


@kernel
def grown(array: Any, needed: int) -> Any:
    """The array itself, or a copy of it with room for `needed` entries and half as many again."""
    if needed <= len(array):
        return array
    larger = np.empty(needed + needed // 2, array.dtype)
    larger[: len(array)] = array
    return larger


@kernel
def roomy(log: Any, needed: int) -> Any:
    """The log itself, or a copy of it with twice the columns that are needed."""
    if needed <= log.shape[1]:
        return log
    longer = np.empty((log.shape[0], 2 * needed), np.int32)
    longer[:, : log.shape[1]] = log
    return longer


@kernel
def standing_pairs(cells: Any, occurrences: Any, token: int, width: int) -> Any:
    """Return the occurrences of the pair (token, token), ascending, without those inside a token of two cells.

    Pairs of equal tokens are merged from left to right, and runs know no order. Two cells that hold one token are a
    border, except where they are the two of a token of two bytes, such as "--": then it lies at an even distance from
    where these cells begin.
    """
    own = occurrences.copy()
    for i in range(1, len(own)):
        if own[i] < own[i - 1]:
            own.sort()
            break
    if width != 2:
        return own
    kept, first, end = 0, np.int64(0), np.int64(0)
    for i in range(len(own)):
        at = np.int64(own[i])
        if cells[at] != token or cells[at - 1] != token:
            continue
        if at >= end:
            first, end = at, at
            while cells[first - 1] == token:
                first -= 1
            while cells[end] == token:
                end += 1
        if (at - first) % 2 == 0:
            own[kept] = at
            kept += 1
    return own[:kept]


@kernel
def visit(
    shard: ShardArrays, occurrences: Any, merge: Any, log: Any, befores: int, afters: int, made: int
) -> tuple[int, int, int]:
    """Replace a pair by its token at each occurrence that still stands; log the neighbours, add up counts.

    occurrences: int32, a run of the pair. merge: left, right and token ids, then the bytes of left and of right.
    log: int32[5, n], neighbours on the left, the cells where they meet the token, neighbours on the right, their cells,
    and where the token begins. Returns how many were logged on either side, and how often the token was made.
    """
    cells, block_counts = shard.cells, shard.blocks.counts
    replaced, block_languages = shard.replaced, shard.blocks.languages
    before_sums, after_sums = shard.before_sums, shard.after_sums
    left, right, token, left_width, right_width = merge
    nothing = np.int64(cells[0])
    run_end = len(occurrences)
    for i in range(run_end):
        if i + AHEAD < run_end:
            prefetch(cells, occurrences[i + AHEAD])
        at = np.int64(occurrences[i])
        if cells[at] != right or cells[at - 1] != left:
            continue
        first, end = at - left_width, at + right_width
        count = block_counts[at >> BLOCK_BITS]
        cells[at - 1] = nothing  # no token begins or ends here any longer; overwritten below in the first or last cell
        cells[at] = nothing
        log[4, made] = first
        made += 1
        cells[first] = token
        cells[end - 1] = token
        if len(replaced):
            replaced[block_languages[at >> BLOCK_BITS]] += count
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
    return befores, afters, made


@kernel
def add_change(changes: Changes, n: int, merge: Any, side: int, weight: int, counted: bool) -> int:
    """Report that a merge broke and, if `counted`, made a pair with a neighbour; return the number of changes.

    merge: step, the neighbour, left, right and token ids. side: 0 if the neighbour is on the left, 1 on the right.
    """
    step, x, left, right, token = merge
    changes.step[n] = step
    changes.left[n] = x if side == 0 else right
    changes.right[n] = left if side == 0 else x
    changes.change[n] = -weight
    if not counted:
        return n + 1
    changes.step[n + 1] = step
    changes.left[n + 1] = x if side == 0 else token
    changes.right[n + 1] = token if side == 0 else x
    changes.change[n + 1] = weight
    return n + 2


@kernel
def report_replaced(shard: ShardArrays, changes: Changes, n_changes: int, merge: Any) -> int:
    """Report how often a merge replaced its pair in each language, as `~language`; return the number of changes.

    merge: step, left and right ids. The arrays have space.
    """
    replaced = shard.replaced
    for language in range(len(replaced)):
        if replaced[language]:
            changes.step[n_changes], changes.left[n_changes], changes.right[n_changes] = merge
            changes.change[n_changes] = -replaced[language]
            changes.language[n_changes] = ~language
            n_changes += 1
            replaced[language] = 0
    return n_changes


@kernel
def report_languages(
    shard: ShardArrays, changes: Changes, n_changes: int, log: Any, n: int, merge: Any, side: int, max_length: int
) -> int:
    """Report, for each language, the pairs that a merge broke and made on one side; return the number of changes.

    n: number of logged neighbours. merge: step, left, right and token ids. The log lists occurrences in the order of
    the cells, so those of a language follow each other, once for each run that was visited. The arrays have space.
    """
    sums, width = shard.before_sums if side == 0 else shard.after_sums, shard.width
    counts, languages = shard.blocks
    step, left, right, token = merge
    for i in range(n):
        sums[2 * np.int64(log[2 * side, i]) + 1] = 0
    first = 0
    while first < n:
        language = languages[log[2 * side + 1, first] >> BLOCK_BITS]
        end = first
        while end < n and languages[log[2 * side + 1, end] >> BLOCK_BITS] == language:
            sums[2 * np.int64(log[2 * side, end]) + 1] += counts[log[2 * side + 1, end] >> BLOCK_BITS]
            end += 1
        for i in range(first, end):
            x = np.int64(log[2 * side, i])
            weight = sums[2 * x + 1]
            if weight > 0:
                sums[2 * x + 1] = 0
                changes.language[n_changes] = language
                counted = width[x] + width[token] < max_length
                after = add_change(changes, n_changes, (step, x, left, right, token), side, weight, counted)
                changes.language[after - 1] = language
                n_changes = after
        first = end
    return n_changes


@kernel
def record_side(
    shard: ShardArrays, runs: Runs, changes: Changes, log: Any, side: int, merge: Any, counters: Any, max_length: int
) -> tuple[int, int, int]:
    """Report the pairs that a merge broke and made on one side of its token, and keep the occurrences of new ones.

    Where languages are told apart, `report_languages` has reported them, and this keeps the occurrences alone.

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
            counted = width[x] + width[token] < max_length
            if not len(shard.replaced):
                n_changes = add_change(
                    changes, n_changes, (step, x, left, right, token), side, sums[2 * x + 1], counted
                )
            if counted:
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


@kernel
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

    Returns the runs and the log, which may have grown; the changes (see Changes); and the
    first merge that makes a token in another length than before, at which it stops, -1 without one.
    """
    width, last_birth, used = shard.width, shard.last_birth, shard.used
    run_neighbour, run_first, run_length, birth_previous, birth_runs, places, birth_places = runs
    occurrences = shard.occurrences
    step_out, left_out, right_out = np.empty(4096, np.int32), np.empty(4096, np.int32), np.empty(4096, np.int32)
    change_out, by_language = np.empty(4096, np.int64), len(shard.replaced) > 0
    language_out = np.empty(4096 if by_language else 0, np.int16)
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
        befores, afters, made_n = 0, 0, 0
        own, n_own = occurrences[:0], 0
        spent_first, spent_length = np.int64(0), np.int64(0)  # the longest run that the merge uses up
        for side in range(2):  # pairs kept by the right token's births, then by the left token's
            owner, neighbour = (right, left) if side == 0 else (left, right)
            birth = last_birth[owner]
            while birth >= 0:
                for run in range(birth_runs[2 * birth + side], birth_runs[2 * birth + side + 1]):
                    if run_neighbour[run] == neighbour and run_length[run] > 0:
                        first, length = run_first[run], run_length[run]
                        log = roomy(log, made_n + length)
                        if left == right:
                            own = grown(own, n_own + length)
                            own[n_own : n_own + length] = occurrences[first : first + length]
                            n_own += length
                        else:
                            run_of = occurrences[first : first + length]
                            befores, afters, made_n = visit(shard, run_of, merge, log, befores, afters, made_n)
                        if length > spent_length:
                            spent_first, spent_length = np.int64(first), np.int64(length)
                        run_length[run] = 0
                birth = birth_previous[birth]
        if left == right:
            log = roomy(log, n_own)
            own = standing_pairs(shard.cells, own[:n_own], left, width[left])
            befores, afters, made_n = visit(shard, own, merge, log, befores, afters, made_n)

        birth = used[BIRTHS]
        used[BIRTHS] += 1
        birth_previous = grown(birth_previous, birth + 1)
        birth_runs = grown(birth_runs, 2 * birth + 3)
        birth_previous[birth] = last_birth[token]
        last_birth[token] = birth
        n_runs = used[RUNS]
        birth_runs[2 * birth] = n_runs
        if len(places):
            birth_places = grown(birth_places, birth + 2)
            places = grown(places, birth_places[birth] + made_n)
            places[birth_places[birth] : birth_places[birth] + made_n] = log[4, :made_n]
            birth_places[birth + 1] = birth_places[birth] + made_n
        most = min(befores, len(width)) + min(afters, len(width))
        runs_ahead, changes_ahead = n_runs + most, n_changes + 2 * most
        if by_language:
            changes_ahead = n_changes + 2 * (befores + afters) + len(shard.replaced)
        if runs_ahead > len(run_length):
            run_neighbour, run_first = grown(run_neighbour, runs_ahead), grown(run_first, runs_ahead)
            run_length = grown(run_length, runs_ahead)
        if changes_ahead > len(change_out):
            step_out, change_out = grown(step_out, changes_ahead), grown(change_out, changes_ahead)
            left_out, right_out = grown(left_out, changes_ahead), grown(right_out, changes_ahead)
            if by_language:
                language_out = grown(language_out, changes_ahead)
        space = Runs(run_neighbour, run_first, run_length, birth_previous, birth_runs, places, birth_places)
        changes = Changes(step_out, left_out, right_out, change_out, language_out)
        n_changes = report_replaced(shard, changes, n_changes, (first_step + m, left, right))
        for side in range(2):
            n = befores if side == 0 else afters
            if by_language:
                merge_ids = (first_step + m, left, right, token)
                n_changes = report_languages(shard, changes, n_changes, log, n, merge_ids, side, max_length)
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

    kept = Runs(run_neighbour, run_first, run_length, birth_previous, birth_runs, places, birth_places)
    changes = Changes(
        step_out[:n_changes], left_out[:n_changes], right_out[:n_changes], change_out[:n_changes],
        language_out[: n_changes if by_language else 0],
    )  # fmt: skip
    return kept, log, changes, contradiction
