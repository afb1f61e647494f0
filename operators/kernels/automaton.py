"""Pre-tokens of compiled expressions: tables of operators.text.automata, run over the classes of a block of documents.

A byte's class stands at a character's first byte, 0 at the others. The bit `restart` beside a class says that a piece
begins there. Each expression's border machine takes one step a byte, without a branch: a table gives the next state and
the bit. At a few places, where a match turns out to have ended earlier, the matcher finds its end, and the border
machine goes on there.

All takes linear time. Where a matcher has read far past the match's end, the states that it was in at every 64th byte
behind that end are remembered: from there no match follows, so later ones stop. A place and a state are read once at
most, beside 64 bytes a piece; and the border machine goes on only where less than that is read again.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from operators.arrays import I64, U8, U16, U32, U64
from operators.kernels.boundaries import write_pieces
from operators.kernels.intrinsics import lanes_of, lanes_within, lowest_bit
from operators.kernels.kernel import kernel
from operators.kernels.lanes import WIDE
from operators.kernels.scan import BLOCK_BYTES, character_length

FAIL, START, GAP = 0, 1, 2
"""States of operators.text.automata, without the width of a row."""
STRIDE: Final = 64
"""Distance in bytes of the places at which a matcher remembers."""
_HIGH, _ONE = np.uint8(0x80), np.uint64(1)


class Letters(NamedTuple):
    """Classes of characters: the fields of `operators.text.automata.Alphabet`."""

    ascii: U8
    blocks: U16
    classes: U8


class Machines(NamedTuple):
    """Tables of all expressions, one behind the other: the fields of `operators.text.automata.Table`."""

    moves: U32
    flags: U8
    steps: U32
    accepts: U8
    borders: I64
    """int64[expressions + 1]: where each one's table begins."""


class Machine(NamedTuple):
    """The table of one expression."""

    moves: U32
    flags: U8
    steps: U32
    accepts: U8


class Room(NamedTuple):
    """Scratch for one block of documents."""

    kinds: U8
    """uint8: WIDE + 1 more than the longest block."""
    borders: U64
    ranks: I64
    """Scratch as in `operators.kernels.boundaries.BlockBits`."""
    visited: I64
    """int64, one for each STRIDE bytes and two more: the matcher's states."""
    failed: U64
    """uint64, as many for each 64 states: a bit for each place and state that no match follows. Zero."""


@kernel
def write_classes(text: Any, letters: Letters, kinds: Any) -> None:
    """Write the class of each character at its first byte, 0 at the others. Broken UTF-8 gives any class."""
    ascii_classes, blocks, classes = letters
    n = len(text)
    for i in range(n):
        kinds[i] = ascii_classes[text[i]]
    for base in range(0, n, WIDE):
        high = lanes_of(text, base, _HIGH)
        if high == 0:
            continue
        high &= ~lanes_within(text, base)
        while high != 0:
            at = base + lowest_bit(np.int64(high))
            high &= high - _ONE
            lead = int(text[at])
            length = character_length(lead)
            if at + length > n:
                break
            if length == 2:
                block, last = lead & 0x1F, at + 1
            elif length == 3:
                block, last = (lead & 0x0F) << 6 | int(text[at + 1] & 0x3F), at + 2
            else:
                block, last = (lead & 0x07) << 12 | int(text[at + 1] & 0x3F) << 6 | int(text[at + 2] & 0x3F), at + 3
            kinds[at] = classes[int(blocks[block]) * 64 + int(text[last] & 0x3F)]


@kernel
def match_end(kinds: Any, at: int, restart: int, steps: Any, accepts: Any, room: Room) -> int:
    """Return where the match that begins at `at` ends; `at` if none does. The text ends where a piece begins."""
    width = 2 * restart
    per_place = (len(steps) // width + 63) >> 6
    state: Any = np.int64(START * width)
    place, end = at, at
    while True:
        kind = np.int64(kinds[place])
        if kind & restart and place > at:
            if accepts[state]:
                end = place
            break
        kind &= restart - 1
        if kind > 0:
            if accepts[state + kind]:
                end = place
            state = np.int64(steps[state + kind])
            if state == FAIL:
                break
        place += 1
        if place % STRIDE == 0:
            row = np.uint64(state // width)
            word = (place // STRIDE) * per_place + np.int64(row >> np.uint64(6))
            if room.failed[word] >> (row & np.uint64(63)) & _ONE:
                break
            room.visited[place // STRIDE] = np.int64(row)
    for number in range(end // STRIDE + 1, (place - 1) // STRIDE + 1):
        row = np.uint64(room.visited[number])
        room.failed[number * per_place + np.int64(row >> np.uint64(6))] |= _ONE << (row & np.uint64(63))
    return int(end)


@kernel
def settle(
    kinds: Any, far: int, gap: int, restart: int, steps: Any, accepts: Any, room: Room
) -> tuple[int, int]:  # fmt: skip
    """Find the pieces from the last known border on, up to about `far`, where the border machine got stuck.

    gap: 0 if a match may have begun at that border; 1 for a gap, in which the first match may begin at `far`; 2 at the
    character before it. Returns (place, state) to go on from.
    """
    at, in_gap = far, gap > 0
    if gap == 2:
        at -= 1
        while kinds[at] == 0:
            at -= 1
    if gap == 0:
        at -= 1
        while kinds[at] & restart == 0:
            at -= 1
    while True:
        end = match_end(kinds, at, restart, steps, accepts, room)
        if end > at:
            if in_gap:
                kinds[at] |= restart
            in_gap, at = False, end
            kinds[at] |= restart
        else:
            at += 1
            while kinds[at] == 0:
                at += 1
            in_gap = kinds[at] & restart == 0
        if far - at < STRIDE:
            return at, (GAP if in_gap else START) * 2 * restart


@kernel
def cut_on(
    kinds: Any, at: Any, state: Any, last: Any, restart: int, machine: Machine, room: Room
) -> None:  # fmt: skip
    """Set `restart` where the pieces of one expression begin, from a place and state on up to the place `last`."""
    moves, flags, steps, accepts = machine
    while at <= last:
        before = state
        index = state + np.uint64(kinds[at])
        state = np.uint64(moves[index])
        kinds[at] |= flags[index]
        if state == np.uint64(FAIL):
            gap = np.int64(accepts[before + np.uint64(restart)])
            place, following = settle(kinds, np.int64(at), gap, restart, steps, accepts, room)
            at, state = np.uint64(place), np.uint64(following)
        else:
            at += _ONE


@kernel
def cut(kinds: Any, middle: int, n: int, restart: int, machine: Machine, room: Room) -> None:
    """Set `restart` where the pieces of one expression begin. kinds[n] is a class with `restart`.

    A step waits for the one before it, so two parts of the text go on side by side: up to `middle`, where a document
    begins (or n), and behind it.
    """
    moves, flags, steps, accepts = machine
    state: Any = np.uint64(START * 2 * restart)
    other: Any = state
    at: Any = np.uint64(0)
    beside: Any = np.uint64(middle)
    half, last = np.uint64(middle), np.uint64(n)
    while at < half and beside < last:
        before, other_before = state, other
        index, other_index = state + np.uint64(kinds[at]), other + np.uint64(kinds[beside])
        state, other = np.uint64(moves[index]), np.uint64(moves[other_index])
        kinds[at] |= flags[index]
        kinds[beside] |= flags[other_index]
        at += _ONE
        beside += _ONE
        if state == np.uint64(FAIL):
            gap = np.int64(accepts[before + np.uint64(restart)])
            place, following = settle(kinds, np.int64(at - _ONE), gap, restart, steps, accepts, room)
            at, state = np.uint64(place), np.uint64(following)
        if other == np.uint64(FAIL):
            gap = np.int64(accepts[other_before + np.uint64(restart)])
            place, following = settle(kinds, np.int64(beside - _ONE), gap, restart, steps, accepts, room)
            beside, other = np.uint64(place), np.uint64(following)
    cut_on(kinds, at, state, half, restart, machine, room)
    cut_on(kinds, beside, other, last, restart, machine, room)


@kernel
def scan_compiled(
    data: Any, starts: Any, restart: int, tables: tuple[Letters, Machines], room: Room, written: Any, at: Any
) -> tuple[int, int]:
    """Write the ends of the pre-tokens as `operators.kernels.boundaries.scan_borders` does.

    at: (document, count) from which to continue, as this returns it.
    """
    letters, machines = tables
    document, count = at
    ends, documents = written
    while document < len(starts) - 1:
        begin, stop = starts[document], document + 1
        while stop < len(starts) - 1 and starts[stop + 1] - begin <= BLOCK_BYTES:
            stop += 1
        n = starts[stop] - begin
        if count + n > len(ends):
            break
        if n > 0:
            kinds, borders = room.kinds, room.borders
            write_classes(data[begin : begin + n], letters, kinds)
            kinds[n] = restart | 1
            kinds[n + 1 : n + 1 + WIDE] = 0
            middle = n
            for i in range(document, stop):
                at_start = starts[i] - begin
                kinds[at_start] |= restart
                if abs(2 * at_start - n) < abs(2 * middle - n):
                    middle = at_start
            for i in range(len(machines.borders) - 1):
                first, last = machines.borders[i], machines.borders[i + 1]
                room.failed[: (n // STRIDE + 2) * ((last - first) // (2 * restart) + 63 >> 6)] = 0
                machine = Machine(
                    machines.moves[first:last],
                    machines.flags[first:last],
                    machines.steps[first:last],
                    machines.accepts[first:last],
                )
                cut(kinds, middle, n, restart, machine, room)
            for word64 in range((n + WIDE - 1) // WIDE):
                borders[word64] = lanes_of(kinds, word64 * WIDE, np.uint8(restart))
            count = write_pieces(starts, document, stop, borders, room.ranks, written, count)
        else:
            documents[document + 1 : stop + 1] = count
        document = stop
    return document, count
