"""Encoding of a word by events: merges of pairs and removals of tokens, in the order of a training that undid merges.

The word goes through the events in their order. Each is applied wherever its pair or its token stands, from left to
right; of those that are possible, the earliest behind the last one applied is next (Picky BPE, 2409.04599, section 3).
"""

from typing import Any, Final, NamedTuple

import numpy as np

from operators.arrays import I32, I64
from operators.kernels.apply_merges import grown
from operators.kernels.bpe import NO_MERGE, pair_value, pop, push, put_pair
from operators.kernels.bpe_windows import WINDOW, Scratch
from operators.kernels.intrinsics import lowest_lanes
from operators.kernels.kernel import kernel

EVENTS: Final = 8
"""The model of events; numbers go on from those of operators.kernels.pieces."""


_NONE = np.uint32(0xFFFFFFFF)
LARGEST_EVENT = (1 << 24) - 2
"""Largest number of an event: 8 bits of 32 are a place in a word."""


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
def event_at(pairs: Any, removals: Any, following: Any, token: Any, right: Any, now: Any) -> Any:
    """Return the first event behind `now` of a token, or of its pair with `right`, which is -1 at the end; -1 without.

    Arrays are handed over alone: a tuple of arrays costs more than the search.
    """
    best = next_event(np.int64(removals[token]), following, now)
    if right >= 0:
        value = pair_value(pairs, token, right)
        if value != NO_MERGE:
            event = next_event(value, following, now)
            if event >= 0 and (best < 0 or event < best):
                best = event
    return best


@kernel
def encode_short(data: Any, start: Any, n: Any, byte_ids: Any, events: Events, scratch: Scratch, out: Any) -> Any:
    """Write the tokens of n bytes, WINDOW at most, to `out`; return how many.

    Byte i stands at place i + 1; a token stands at its first byte. The links are those of
    operators.kernels.bpe_windows.merge_window.
    """
    tokens, values, links = scratch.made, scratch.values, scratch.links
    pairs, removals, following = events.pairs, events.removals, events.following
    rights, made, part_ends, parts, width = events.right, events.made, events.part_ends, events.parts, events.width
    before = WINDOW + 2
    lanes = (n + 16) >> 4 << 4
    for i in range(lanes):
        values[i] = _NONE
    for i in range(1, n + 1):
        tokens[i] = byte_ids[data[start + i - 1]]
        links[i], links[before + i] = i + 1, i - 1
    links[0] = 1
    tokens[n + 1] = -1
    for i in range(1, n):
        event = event_at(pairs, removals, following, np.int64(tokens[i]), np.int64(tokens[i + 1]), np.int64(-1))
        if event >= 0:
            values[i] = np.uint32(event << 8 | i)
    while True:
        best = lowest_lanes(values, 0)
        for i in range(16, lanes, 16):
            best = min(best, lowest_lanes(values, i))
        if best == _NONE:
            break
        event, at = np.int64(best) >> 8, np.int64(best) & 0xFF
        after, last = np.int64(links[at]), at
        if rights[event] >= 0:
            values[after] = _NONE
            tokens[at], after = made[event], np.int64(links[after])
        else:
            place = at
            for k in range(part_ends[event - 1], part_ends[event]):  # the first event is a merge
                if place > at:
                    links[last], links[before + place] = place, last
                tokens[place], last = parts[k], place
                place += np.int64(width[parts[k]])
        links[last], links[before + after] = after, last
        at = max(np.int64(links[before + at]), np.int64(1))
        while at != after:
            behind = np.int64(links[at])
            later = event_at(pairs, removals, following, np.int64(tokens[at]), np.int64(tokens[behind]), event)
            values[at] = np.uint32(later << 8 | at) if later >= 0 else _NONE
            at = behind
    kept: Any = 0
    at = np.int64(1)
    while at <= n:
        out[kept] = tokens[at]
        kept += 1
        at = np.int64(links[at])
    return kept


@kernel
def encode_long(data: Any, start: Any, n: Any, byte_ids: Any, events: Events, out: Any) -> Any:
    """Write the tokens of n bytes to `out`; return how many. O(n log n) for each time that a byte's token changes.

    A token stands at its first byte; `behind` and `before` lead from one to the next, to n and to -1.
    """
    pairs, removals, following = events.pairs, events.removals, events.following
    lefts, rights, made, part_ends = events.left, events.right, events.made, events.part_ends
    parts, width = events.parts, events.width
    tokens = np.empty(n + 1, np.int32)
    behind, before = np.arange(1, n + 1).astype(np.int32), np.arange(-1, n).astype(np.int32)
    for k in range(n):
        tokens[k] = byte_ids[data[start + k]]
    tokens[n] = -1
    heap = np.empty(2 * n + 8, np.int64)
    size: Any = 0
    for k in range(n):
        event = event_at(pairs, removals, following, np.int64(tokens[k]), np.int64(tokens[k + 1]), np.int64(-1))
        if event >= 0:
            push(heap, size, event, np.int64(k))
            size += 1
    while size > 0:
        key = pop(heap, size)
        size -= 1
        event, at = np.int64(key >> 32), np.int64(key & 0xFFFFFFFF)
        if tokens[at] != lefts[event]:
            continue
        after, last = np.int64(behind[at]), at
        right = np.int64(rights[event])
        if right >= 0:
            if tokens[after] != right:
                continue
            tokens[at], tokens[after] = made[event], -1
            after = np.int64(behind[after])
        else:
            place: Any = at
            for k in range(part_ends[event - 1], part_ends[event]):  # the first event is a merge
                if place > at:
                    behind[last], before[place] = place, last
                tokens[place], last = parts[k], place
                place += np.int64(width[parts[k]])
        behind[last], before[after] = after, last
        heap = grown(heap, size + last - at + 3)
        at = max(np.int64(before[at]), np.int64(0))
        while at != after:
            later = event_at(pairs, removals, following, np.int64(tokens[at]), np.int64(tokens[behind[at]]), event)
            if later >= 0:
                push(heap, size, later, at)
                size += 1
            at = np.int64(behind[at])
    kept: Any = 0
    at = np.int64(0)
    while at < n:
        out[kept] = tokens[at]
        kept += 1
        at = np.int64(behind[at])
    return kept


@kernel
def encode_by_events(data: Any, start: Any, end: Any, byte_ids: Any, events: Events, scratch: Scratch, out: Any) -> Any:
    """Write the tokens of data[start:end], one byte at least, to `out`; return how many."""
    n = end - start
    if n <= WINDOW:
        return encode_short(data, start, n, byte_ids, events, scratch, out)
    return encode_long(data, start, n, byte_ids, events, out)
