"""Undoing a merge in a laid-out shard: each occurrence of a token becomes the two tokens that it was made of.

Where a token may stand is kept by its births (`places` of operators.kernels.apply_merges). The cells between the first
and the last one of a token are empty, so a place where the token no longer stands is noticed when it is visited: places
are visited from left to right, and a token's last cell is taken for a first one only where the token before it, which
was visited, had it.
"""

from typing import Any

import numpy as np

from operators.kernels.apply_merges import (
    BIRTHS,
    OCCURRENCES,
    RUNS,
    Changes,
    Runs,
    ShardArrays,
    grown,
    record_side,
    report_languages,
    roomy,
)
from operators.kernels.kernel import kernel
from operators.kernels.layout import BLOCK_BITS


@kernel
def standing_places(token: int, shard: ShardArrays, runs: Runs) -> Any:
    """Return the cells where occurrences of a token may begin, ascending, int32: all where it does, and few others."""
    cells, width = shard.cells, np.int64(shard.width[token])
    n = 0
    birth = shard.last_birth[token]
    while birth >= 0:
        n += runs.birth_places[birth + 1] - runs.birth_places[birth]
        birth = runs.birth_previous[birth]
    standing = np.empty(n, np.int32)
    n = 0
    birth = shard.last_birth[token]
    while birth >= 0:
        for i in range(runs.birth_places[birth], runs.birth_places[birth + 1]):
            at = runs.places[i]
            if cells[at] == token and cells[at + width - 1] == token:
                standing[n] = at
                n += 1
        birth = runs.birth_previous[birth]
    found = standing[:n].copy()
    found.sort()
    return found


@kernel
def undo_merge(merge: Any, step: int, max_length: int, standing: Any, shard: ShardArrays, runs: Runs, log: Any) -> Any:
    """Split a token at the places where it stands; return the runs, the log and the changes, as `apply_merges` does.

    merge: left, right and token ids, which are known to the shard; the token's births end. standing: as
    `standing_places` returns them. `occurrences` has space for three entries a place. Pairs of `max_length` bytes and
    more are not counted, but pairs of bytes are.
    """
    left, right, token = merge
    cells, counts, width, used = shard.cells, shard.blocks.counts, shard.width, shard.used
    nothing = np.int64(cells[0])
    left_width, wide = np.int64(width[left]), np.int64(width[token])
    log = roomy(log, len(standing))
    befores, afters, n, weight = 0, 0, 0, np.int64(0)
    for i in range(len(standing)):
        first = np.int64(standing[i])
        middle, end = first + left_width, first + wide
        if cells[first] != token or cells[end - 1] != token:
            continue
        cells[first], cells[middle - 1] = left, left
        cells[middle], cells[end - 1] = right, right
        count = counts[first >> BLOCK_BITS]
        x, y = np.int64(cells[first - 1]), np.int64(cells[end])
        if x != nothing:
            shard.before_sums[2 * x] += 1
            log[0, befores], log[1, befores] = x, first
            befores += 1
        if y != nothing:
            shard.after_sums[2 * y] += 1
            log[2, afters], log[3, afters] = y, end
            afters += 1
        log[4, n] = first
        n += 1
        weight += count

    birth, n_runs, place = used[BIRTHS], used[RUNS], used[OCCURRENCES]
    runs_ahead = n_runs + min(befores, len(width)) + min(afters, len(width)) + 1
    birth_previous, birth_runs = grown(runs.birth_previous, birth + 2), grown(runs.birth_runs, 2 * birth + 5)
    birth_places = grown(runs.birth_places, birth + 3)
    places = grown(runs.places, birth_places[birth] + 2 * n)
    neighbour, run_first, length = (
        grown(runs.neighbour, runs_ahead),
        grown(runs.first, runs_ahead),
        grown(runs.length, runs_ahead),
    )
    space = Runs(neighbour, run_first, length, birth_previous, birth_runs, places, birth_places)
    room = 2 * (befores + afters) + 1
    changes = Changes(
        np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int64),
        np.empty(room, np.int16),
    )  # fmt: skip
    n_changes = 0
    limit = max(max_length, 3)  # pairs of bytes have two
    shard.last_birth[token] = -1
    for side in range(2):
        part = left if side == 0 else right
        birth_previous[birth + side] = shard.last_birth[part]
        shard.last_birth[part] = birth + side
        birth_runs[2 * (birth + side)] = n_runs
        if side == 1:
            birth_runs[2 * (birth + side) + 1] = n_runs
        logged = befores if side == 0 else afters
        ids = (step, token, token, part)
        n_changes = report_languages(shard, changes, n_changes, log, logged, ids, side, limit)
        place, n_runs, n_changes = record_side(
            shard, space, changes, log, side, ids, (logged, place, n_runs, n_changes), limit
        )
        if side == 0:
            birth_runs[2 * (birth + side) + 1] = n_runs
            if wide < limit and n > 0:
                neighbour[n_runs], run_first[n_runs], length[n_runs] = right, place, n
                for i in range(n):
                    shard.occurrences[place + i] = log[4, i] + left_width
                place += n
                n_runs += 1
                if weight > 0:
                    changes.step[n_changes], changes.language[n_changes] = step, 0
                    changes.left[n_changes], changes.right[n_changes] = left, right
                    changes.change[n_changes] = weight
                    n_changes += 1
        birth_runs[2 * (birth + side) + 2] = n_runs
        kept = birth_places[birth + side]
        if width[part] > 1:
            for i in range(n):
                places[kept + i] = log[4, i] + (0 if side == 0 else left_width)
            kept += n
        birth_places[birth + side + 1] = kept
    used[BIRTHS], used[RUNS], used[OCCURRENCES] = birth + 2, n_runs, place
    taken = Changes(
        changes.step[:n_changes], changes.left[:n_changes], changes.right[:n_changes], changes.change[:n_changes],
        changes.language[:n_changes],
    )  # fmt: skip
    return space, log, taken
