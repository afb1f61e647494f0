"""Encoding of a word by events: merges of pairs and removals of tokens, in the order of a training that undid merges.

The word goes through the events in their order. Each is applied wherever its pair or its token stands, from left to
right; of those that are possible, the earliest behind the last one applied is next (Picky BPE, 2409.04599, section 3).
"""

from typing import Any, Final, NamedTuple

import numpy as np

from operators.arrays import I32, I64
from operators.kernels.apply_merges import grown
from operators.kernels.bpe import NO_MERGE, pair_value, pop, push, put_pair
from operators.kernels.kernel import kernel

EVENTS: Final = 8
"""The model of events; numbers go on from those of operators.kernels.pieces."""


class Events(NamedTuple):
    """Events in their order, and the first one of each pair and of each token."""

    left: I32
    """int32[events]: the left token of a merge, or the token that is removed."""
    right: I32
    """int32[events]: the right token, -1 where a token is removed."""
    made: I32
    """int32[events]: the token that a merge makes."""
    part_ends: I64
    """int64[events]: where the parts of a removed token end in `parts`; the event before has its end where they
    begin."""
    parts: I32
    following: I32
    """int32[events]: the next event of the same pair, or of the same token; -1 without one."""
    pairs: I64
    """Table of operators.kernels.bpe: the first event of a pair."""
    removals: I32
    """int32[tokens]: the first event that removes a token, -1 without one."""
    width: I32
    """int32[tokens]: bytes of a token."""


@kernel
def link_events(events: Events) -> None:
    """Fill `following`, `pairs` and `removals`, which are -1 or empty."""
    left, right, following, pairs, removals = (
        events.left, events.right, events.following, events.pairs, events.removals,
    )  # fmt: skip
    for event in range(len(left) - 1, -1, -1):  # from the last to the first, so that each finds the next one
        x, y = np.int64(left[event]), np.int64(right[event])
        if y < 0:
            following[event] = removals[x]
            removals[x] = event
        else:
            value = pair_value(pairs, x, y)
            following[event] = -1 if value == NO_MERGE else value
            put_pair(pairs, x, y, np.int64(event))


@kernel
def next_event(first: Any, following: Any, now: Any) -> Any:
    """Return the first event of a chain behind `now`, -1 without one."""
    event = first
    while 0 <= event <= now:
        event = np.int64(following[event])
    return event


@kernel
def push_events(events: Events, tokens: Any, behind: Any, at: Any, now: Any, heap: Any, size: Any) -> Any:
    """Push what may happen next to the token at `at`, and to the pair that begins there; return the heap's size."""
    token = np.int64(tokens[at])
    event = next_event(np.int64(events.removals[token]), events.following, now)
    if event >= 0:
        push(heap, size, event, at)
        size += 1
    after = np.int64(behind[at])
    if after < len(behind):
        value = pair_value(events.pairs, token, np.int64(tokens[after]))
        if value != NO_MERGE:
            event = next_event(value, events.following, now)
            if event >= 0:
                push(heap, size, event, at)
                size += 1
    return size


@kernel
def encode_by_events(data: Any, start: Any, end: Any, byte_ids: Any, events: Events, ids: Any, out: Any) -> Any:
    """Write the tokens of data[start:end], one byte at least, to ids[out:]; return how many.

    A token stands at its first byte; `behind` and `before` lead from one to the next, to the word's length and to -1.
    """
    n: Any = end - start
    tokens = np.empty(n, np.int32)
    behind, before = np.arange(1, n + 1).astype(np.int32), np.arange(-1, n - 1).astype(np.int32)
    for k in range(n):
        tokens[k] = byte_ids[data[start + k]]
    heap = np.empty(4 * n + 8, np.int64)
    size: Any = 0
    for k in range(n):
        size = push_events(events, tokens, behind, np.int64(k), np.int64(-1), heap, size)
    while size > 0:
        key = pop(heap, size)
        size -= 1
        event, at = np.int64(key >> 32), np.int64(key & 0xFFFFFFFF)
        if tokens[at] != events.left[event]:
            continue
        after = np.int64(behind[at])
        right = np.int64(events.right[event])
        first: Any = at
        last: Any = at
        if right >= 0:
            if after >= n or tokens[after] != right:
                continue
            tokens[at], tokens[after] = events.made[event], -1
            after = np.int64(behind[after])
            behind[at] = after
        else:
            place: Any = at
            begin = np.int64(events.part_ends[event - 1]) if event > 0 else np.int64(0)
            for k in range(begin, events.part_ends[event]):
                part = np.int64(events.parts[k])
                if place > at:
                    behind[last], before[place] = place, last
                tokens[place], last = part, place
                place += np.int64(events.width[part])
            behind[last] = after
        if after < n:
            before[after] = last
        if before[at] >= 0:
            first = np.int64(before[at])
        heap = grown(heap, size + 2 * (last - first + 2))
        i: Any = first
        while i <= last:
            size = push_events(events, tokens, behind, i, event, heap, size)
            i = np.int64(behind[i])
    kept: Any = 0
    at = np.int64(0)
    while at < n:
        ids[out + kept] = tokens[at]
        kept += 1
        at = np.int64(behind[at])
    return kept
