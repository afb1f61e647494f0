"""Segmentation of words by a vocabulary of pieces alone: Unigram's best path, and WordPiece's longest match.

The pieces stand in a double array (Aoe 1989) over bytes. `links[slot]` is `parent << 32 | base`: the child of a slot
for byte b is slot `base ^ b`, if its parent is that slot. Both stay in one block of 256, so that no byte leads out of
the array. -1: an empty slot. Slot 0 is the root.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from operators.arrays import F64, I32, I64
from operators.kernels.kernel import kernel

UNIGRAM: Final = 5
"""The piece model of Unigram; numbers go on from those of operators.kernels.segmentation."""
UNIGRAM_32: Final = 6
"""Unigram with sums rounded to 32 bits, as SentencePiece has them."""
WORDPIECE: Final = 7
KEPT: Final = 256
"""Bytes of words whose best paths are looked for in the scratch arrays."""
_BASE = np.int64(0xFFFFFFFF)
_SPACE = np.uint8(0x20)


class Paths(NamedTuple):
    """Best paths to the places of a word, from its first byte on: scratch for words of less than KEPT bytes."""

    scores: F64
    """float64[places]: the score of the best path to a place."""
    begins: I32
    """int32[places]: where its last piece begins, -1 where no path leads."""
    ids: I32
    """int32[places]: the id of its last piece."""
    ends: I32
    """int32[places]: where the piece of the whole word's best path that begins here ends."""


class PieceTable(NamedTuple):
    """The pieces of a vocabulary, and what to do where none fits."""

    links: I64
    """The double array."""
    ids: I32
    """int32[slots]: the id of the piece that ends at a slot, -1 where none does."""
    scores: F64
    """float64[ids]: the score of each piece; its last entry is that of an unknown character. Empty for WordPiece."""
    byte_ids: I32
    """int32[256]: tokens of the bytes of unknown characters; -1, all of them, where bytes have none."""
    unknown: int
    """The id of what no piece fits."""
    inner: int
    """WordPiece: the slot from which pieces inside a word are looked for; -1: no piece is one."""
    longest: int
    """WordPiece: characters of the longest word that is looked up; longer ones are unknown."""
    of_bytes: bool
    """Unigram: True if each byte counts as a character, and each of them is a piece."""
    paths: Paths


@kernel
def character_bytes(lead: Any) -> Any:
    """Return the number of bytes of the character whose first byte is `lead`."""
    return 1 if lead < 0xC0 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4


@kernel
def child(links: Any, slot: Any, byte: Any) -> Any:
    """Return the slot that `byte` leads to from `slot`, -1 where it leads to none."""
    to = (links[slot] & _BASE) ^ np.int64(byte)
    return to if links[to] >> 32 == slot else np.int64(-1)


@kernel
def _base_of(data: Any, ends: Any, rows: Any, depth: Any, links: Any, free: Any) -> Any:
    """Return a base that leaves the places of all children free; -1 where the array is too short.

    rows: (first, last + 1) of the sorted keys that go through the node. free: int64[2], the places from which on
    nodes with one child and with several are tried.
    """
    first = data[(ends[rows[0] - 1] if rows[0] > 0 else 0) + depth]
    last = data[(ends[rows[1] - 2] if rows[1] > 1 else 0) + depth]
    one = first == last
    place: Any = free[0] if one else free[1]
    tried: Any = 0
    while place < len(links):
        if links[place] == -1:
            base = place ^ np.int64(first)
            fits = True
            if not one:
                for row in range(rows[0], rows[1]):
                    begin = ends[row - 1] if row > 0 else 0
                    if links[base ^ np.int64(data[begin + depth])] != -1:
                        fits = False
                        break
            if fits:
                if one:
                    free[0] = place + 1
                return base
        tried += 1
        if tried % 256 == 0 and not one:  # few places are free here: they are left to nodes with one child
            free[1] = place
        place += 1
    return np.int64(-1)


@kernel
def put_pieces(data: Any, ends: Any, ids: Any, links: Any, found: Any) -> bool:
    """Build the double array of sorted, distinct, non-empty keys; False if it is too short for them.

    Key i is data[ends[i - 1]:ends[i]] (uint8) with the id `ids[i]`. links: int64[slots], slots a multiple of 256;
    found: int32[slots], gets the ids.
    """
    links[:] = -1
    found[:] = -1
    links[0] = np.int64(-2) << 32
    free = np.ones(2, np.int64)
    slots, firsts = np.empty(len(data) + 2, np.int32), np.empty(len(data) + 2, np.int32)
    lasts, depths = np.empty(len(data) + 2, np.int32), np.empty(len(data) + 2, np.int32)
    slots[0], firsts[0], lasts[0], depths[0] = 0, 0, len(ends), 0
    read: Any = 0
    written: Any = 1
    while read < written:
        slot, first, last, depth = np.int64(slots[read]), np.int64(firsts[read]), np.int64(lasts[read]), depths[read]
        read += 1
        begin: Any = ends[first - 1] if first > 0 else 0
        if first < last and ends[first] - begin == depth:
            found[slot] = ids[first]
            first += 1
        if first >= last:
            continue
        base = _base_of(data, ends, (first, last), depth, links, free)
        if base < 0:
            return False
        links[slot] = links[slot] >> 32 << 32 | base
        row = first
        while row < last:
            byte = data[(ends[row - 1] if row > 0 else 0) + depth]
            following = row + 1
            while following < last and data[ends[following - 1] + depth] == byte:
                following += 1
            to = base ^ np.int64(byte)
            links[to] = slot << 32
            slots[written], firsts[written], lasts[written], depths[written] = to, row, following, depth + 1
            written += 1
            row = following
    return True


@kernel
def _best_paths(data: Any, start: Any, n: Any, single: bool, table: Any, paths: Any) -> None:
    """Find the best path to each place of data[start:start + n]; of two of the same score the first found stays.

    At each character the pieces are tried from the shortest on, then the unknown character where no piece is that
    character alone. With `single` each sum is rounded to 32 bits before it is compared.
    """
    links, ids, scores = table.links, table.ids, table.scores
    best, begins, last = paths.scores, paths.begins, paths.ids
    for i in range(n + 1):
        begins[i] = -1
    best[0] = 0.0
    at: Any = 0
    while at < n:
        length = 1 if table.of_bytes else min(character_bytes(data[start + at]), n - at)
        here = best[at]
        alone = False
        slot = np.int64(0)
        place: Any = at
        while place < n:
            slot = child(links, slot, data[start + place])
            if slot < 0:
                break
            place += 1
            token = ids[slot]
            if token >= 0:
                score = scores[token] + here
                if single:
                    score = np.float64(np.float32(score))
                if begins[place] < 0 or score > best[place]:
                    best[place] = score
                    begins[place], last[place] = at, token
                alone = alone or place - at == length
        if not alone:
            place = at + length
            score = scores[len(scores) - 1] + here
            if single:
                score = np.float64(np.float32(score))
            if begins[place] < 0 or score > best[place]:
                best[place] = score
                begins[place], last[place] = at, table.unknown
        at += length


@kernel
def _put_unknown(data: Any, start: Any, end: Any, table: Any, ids: Any, out: Any) -> Any:
    """Write what becomes of unknown text: its own token if it has one, its bytes' tokens, or the unknown token."""
    slot = np.int64(0)
    by_bytes = True
    for i in range(start, end):
        if slot >= 0:
            slot = child(table.links, slot, data[i])
        by_bytes = by_bytes and table.byte_ids[data[i]] >= 0
    if slot >= 0 and table.ids[slot] >= 0:
        ids[out] = table.ids[slot]
        return 1
    if not by_bytes:
        ids[out] = table.unknown
        return 1
    for i in range(start, end):
        ids[out + i - start] = table.byte_ids[data[i]]
    return end - start


@kernel
def unigram(data: Any, start: Any, end: Any, single: bool, table: Any, ids: Any, out: Any) -> Any:
    """Write the tokens of the best path through data[start:end] to ids[out:]; return how many.

    Unknown characters side by side are one piece, as in both libraries.
    """
    n: Any = end - start
    paths = table.paths
    if n >= KEPT:
        paths = Paths(
            np.empty(n + 1, np.float64), np.empty(n + 1, np.int32), np.empty(n + 1, np.int32), np.empty(n + 1, np.int32)
        )
    _best_paths(data, start, n, single, table, paths)
    begins, last, ends = paths.begins, paths.ids, paths.ends
    at = n
    while at > 0:
        ends[begins[at]] = at
        at = np.int64(begins[at])
    made: Any = 0
    while at < n:
        first = at
        at = np.int64(ends[at])
        if last[at] != table.unknown:
            ids[out + made] = last[at]
            made += 1
            continue
        while at < n and last[ends[at]] == table.unknown:
            at = np.int64(ends[at])
        made += _put_unknown(data, start + first, start + at, table, ids, out + made)
    return made


@kernel
def wordpiece(data: Any, start: Any, end: Any, table: Any, ids: Any, out: Any) -> Any:
    """Write the tokens of a word to ids[out:], each the longest that fits; return how many, 0 for spaces alone.

    Spaces before the word are no part of it. A word is the unknown token where at some place no piece fits, or where
    it has too many characters.
    """
    while start < end and data[start] == _SPACE:
        start += 1
    if start == end:
        return 0
    characters = 0
    for i in range(start, end):
        characters += 1 if data[i] & 0xC0 != 0x80 else 0
    made: Any = 0
    at: Any = start
    while at < end and characters <= table.longest:
        slot = np.int64(0 if at == start else table.inner)
        place: Any = at
        token: Any = -1
        reached: Any = at
        while place < end and slot >= 0:
            slot = child(table.links, slot, data[place])
            place += 1
            if slot >= 0 and table.ids[slot] >= 0:
                token, reached = np.int64(table.ids[slot]), place
        if token < 0:
            break
        ids[out + made] = token
        made += 1
        at = reached
    if at == end:
        return made
    ids[out] = table.unknown
    return 1
