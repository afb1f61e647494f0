"""Encoding of words through a cache of words: each has a slot of half a cache line, two slots are a set.

A slot is four uint64. Words of up to 23 bytes stand in it themselves: their bytes, lowest first, in the first 23 of 24
bytes; the last of these holds the length, and above it how many ids there are. Up to three ids stand in the fourth
number, 21 bits each; more of them, or larger ones, stand in `run_ids`, and the slot says where. Of a longer word the
slot holds the hash, where its bytes begin in `run_bytes`, and its length under the mark `LONG`. Words are compared
byte by byte, so no word is mistaken for another.

Words are looked up in batches: first all hashes are computed while the processor fetches the sets, then the sets are
read. The word of a set that was used last stands first; a new word replaces the other.
"""

from typing import Any, NamedTuple

import numpy as np

from operators.arrays import I32, I64, U8, U64
from operators.kernels.bpe_windows import Scratch
from operators.kernels.intrinsics import eight_bytes, prefetch
from operators.kernels.kernel import kernel
from operators.kernels.segmentation import segment_word
from operators.kernels.word_table import MASKS, SHORT, long_hash, same_bytes, short_hash

SLOT = 4
SET = 2 * SLOT
BATCH = 256
"""Number of words looked up together."""
REMEMBERED_BYTES = 255
"""Longer words are not cached."""
LONG = np.uint64(0x1F)
"""Mark in the place of the length, for words of more than SHORT bytes."""

_ZERO, _LOW = np.uint64(0), np.uint64(0xFFFFFFFF)
_LENGTH, _IDS = np.uint64(56), np.uint64(61)
_WORD = np.uint64((1 << 61) - 1)  # the third number without how many ids there are
_BYTES = np.uint64((1 << 56) - 1)
_ID, _SECOND, _THIRD, _HALF = np.uint64((1 << 21) - 1), np.uint64(21), np.uint64(42), np.uint64(32)
_REMEMBERED = np.uint64(REMEMBERED_BYTES)
_SMALL_IDS = 1 << 21


class Cache(NamedTuple):
    """The cache of an encoder. All zero at first."""

    slots: U64
    """uint64[SET * sets], aligned to 64 bytes; sets are a power of two."""
    run_ids: I32
    """Ids that do not fit their slot, one run a word."""
    run_bytes: U8
    """Bytes of the words that do not fit their slot."""
    used: I64
    """int64[2]: entries of `run_ids` and of `run_bytes` in use."""
    keys: U64
    """uint64[SLOT * BATCH], scratch."""
    scratch: Scratch


class Exceptions(NamedTuple):
    """Words that become one token against the merges; text as in `operators.text.pretokenize.PreTokens`."""

    data: U8
    """24 bytes behind any word may be read."""
    ends: I64
    ids: I32
    slots: I64
    """An open-addressing table of indices, -1 where empty; a power of two, never full."""


@kernel
def word_key(data: Any, start: Any, end: Any) -> tuple[Any, Any, Any, Any]:
    """Return three numbers of data[start:end] as a slot holds them, without ids, and its hash.

    24 bytes from start are read. Of a word of more than SHORT bytes the first number is the hash, and the second, its
    place in `run_bytes`, is zero.
    """
    length = end - start
    if length <= SHORT:
        one = eight_bytes(data, start) & MASKS[length, 0]
        two = eight_bytes(data, start + 8) & MASKS[length, 1]
        three = eight_bytes(data, start + 16) & MASKS[length, 2] | np.uint64(length) << _LENGTH
        return one, two, three, short_hash(one, two, three)
    hashed = long_hash(data, start, end)
    return hashed, _ZERO, LONG << _LENGTH | np.uint64(length), hashed


@kernel
def whole_word(data: Any, start: Any, end: Any, exceptions: Any) -> Any:
    """Return the id of data[start:end] among the exceptions, -1 without one."""
    words, ends, slots = exceptions.data, exceptions.ends, exceptions.slots
    if len(ends) == 0:
        return np.int64(-1)
    last = len(slots) - 1
    slot = np.int64(word_key(data, start, end)[3] & np.uint64(last))
    while slots[slot] >= 0:
        i = slots[slot]
        begin = ends[i - 1] if i > 0 else 0
        length = 0
        while begin + length < ends[i] and start + length < end and data[start + length] == words[begin + length]:
            length += 1
        if begin + length == ends[i] and start + length == end:
            return np.int64(exceptions.ids[i])
        slot = (slot + 1) & last
    return np.int64(-1)


@kernel
def put_words(exceptions: Any) -> None:
    """Fill the hash table of the exceptions."""
    words, ends, slots = exceptions.data, exceptions.ends, exceptions.slots
    last = len(slots) - 1
    for i in range(len(ends)):
        begin = ends[i - 1] if i > 0 else 0
        slot = np.int64(word_key(words, begin, ends[i])[3] & np.uint64(last))
        while slots[slot] >= 0:
            slot = (slot + 1) & last
        slots[slot] = i


@kernel
def remember(cache: Any, at: int, key: Any, ids: Any, first: int, n: int, data: Any, start: int) -> None:
    """Put a word and its ids, ids[first:first + n], into the set at `at`, in the place of the set's older word.

    key: the word's first three numbers (`word_key`). Where the runs are full, the whole cache is emptied; a word that
    not even empty runs can hold is not cached.
    """
    one, two, three = key
    slots, run_ids, run_bytes, used = cache.slots, cache.run_ids, cache.run_bytes, cache.used
    length = np.int64(three & _BYTES) if three >> _LENGTH == LONG else 0  # of what the slot cannot hold
    inline = n <= 3
    for i in range(first, first + n):
        inline = inline and ids[i] < _SMALL_IDS
    run = 0 if inline else n
    if used[0] + run > len(run_ids) or used[1] + length > len(run_bytes):
        slots[:] = _ZERO
        used[:] = 0
        if run > len(run_ids) or length > len(run_bytes):
            return
    for i in range(SLOT):
        slots[at + SLOT + i] = slots[at + i]
    if inline:
        packed = np.uint64(ids[first])
        if n > 1:
            packed |= np.uint64(ids[first + 1]) << _SECOND
        if n > 2:
            packed |= np.uint64(ids[first + 2]) << _THIRD
        three |= np.uint64(n) << _IDS
    else:
        packed = np.uint64(n) << _HALF | np.uint64(used[0])
        for i in range(n):
            run_ids[used[0] + i] = ids[first + i]
    slots[at], slots[at + 1], slots[at + 2], slots[at + 3] = one, two, three, packed
    if length > 0:
        slots[at + 1] = np.uint64(used[1])
        for i in range(length):
            run_bytes[used[1] + i] = data[start + i]
    used[0] += run
    used[1] += length


@kernel
def holds_long(slots: Any, at: int, one: Any, three: Any, data: Any, start: int, run_bytes: Any) -> bool:
    """Return True if the slot at `at` holds the word of more than SHORT bytes that begins at data[start]."""
    if slots[at] != one or (slots[at + 2] ^ three) & _WORD != _ZERO:
        return False
    return same_bytes(run_bytes, np.int64(slots[at + 1]), data, start, np.int64(three & _BYTES))


class PreTokenArrays(NamedTuple):
    """The pre-tokens of a batch: the fields of `operators.text.pretokenize.PreTokens`, read-only."""

    data: U8
    ends: I64
    documents: I64
    starts: I64


@kernel
def encode_words(pretokens: PreTokenArrays, model: Any, exceptions: Any, cache: Any, ids: Any, offsets: Any) -> int:
    """Write the ids of all words of all documents to `ids`, and where each document ends to `offsets[1:]`.

    Words are `PreTokens` (operators.text.pretokenize); 24 bytes behind any may be read. `ids` is int32 with three
    entries more than there are bytes of text. Returns the number of ids.
    """
    data, ends, documents, starts = pretokens
    slots, run_ids, run_bytes, keys = cache.slots, cache.run_ids, cache.run_bytes, cache.keys
    mask = np.uint64(len(slots) // SET - 1)
    out: Any = 0
    document: Any = 0
    offsets[0] = 0
    begin: Any = np.int64(starts[0])
    for first in range(0, len(ends), BATCH):
        batch = min(BATCH, len(ends) - first)
        for i in range(batch):
            end = np.int64(ends[first + i])
            length: Any = end - begin
            if length <= SHORT:  # `word_key`, whose call would cost as much as all the rest
                one = eight_bytes(data, begin) & MASKS[length, 0]
                two = eight_bytes(data, begin + 8) & MASKS[length, 1]
                three = eight_bytes(data, begin + 16) & MASKS[length, 2] | np.uint64(length) << _LENGTH
                hashed = short_hash(one, two, three)
            elif length <= REMEMBERED_BYTES:
                one, two, three, hashed = word_key(data, begin, end)
            else:
                one, two, three, hashed = _ZERO, _ZERO, LONG << _LENGTH | np.uint64(length), _ZERO
            at = SET * np.int64(hashed & mask)
            prefetch(slots, at)
            keys[4 * i], keys[4 * i + 1], keys[4 * i + 2], keys[4 * i + 3] = one, two, three, np.uint64(at)
            begin = end
        for i in range(batch):
            while documents[document + 1] == first + i:
                document += 1
                offsets[document] = out
            one, two, three, at = keys[4 * i], keys[4 * i + 1], keys[4 * i + 2], np.int64(keys[4 * i + 3])
            found: Any = -1
            if three >> _LENGTH != LONG:
                if slots[at] == one and slots[at + 1] == two and (slots[at + 2] ^ three) & _WORD == _ZERO:
                    found = at
                elif (
                    slots[at + SLOT] == one
                    and slots[at + SLOT + 1] == two
                    and (slots[at + SLOT + 2] ^ three) & _WORD == _ZERO
                ):
                    found = at + SLOT
            elif three & _BYTES <= _REMEMBERED:
                start = np.int64(ends[first + i]) - np.int64(three & _BYTES)
                if holds_long(slots, at, one, three, data, start, run_bytes):
                    found = at
                elif holds_long(slots, at + SLOT, one, three, data, start, run_bytes):
                    found = at + SLOT
            if found < 0:
                end = np.int64(ends[first + i])
                length = np.int64(three & _BYTES) if three >> _LENGTH == LONG else np.int64(three >> _LENGTH)
                start = end - length
                whole = whole_word(data, start, end, exceptions)
                if whole >= 0:
                    ids[out] = whole
                    n = np.int64(1)
                else:
                    n = segment_word(data, start, end, model, cache.scratch, ids, out)
                if length <= REMEMBERED_BYTES:
                    remember(cache, at, (one, two, three), ids, out, n, data, start)
                out += n
                continue
            n, packed = np.int64(slots[found + 2] >> _IDS), slots[found + 3]
            if found > at:  # the word used last stands first
                for j in range(at, at + SLOT):
                    slots[j], slots[j + SLOT] = slots[j + SLOT], slots[j]
            if n > 0:
                ids[out] = np.int64(packed & _ID)
                ids[out + 1] = np.int64(packed >> _SECOND & _ID)
                ids[out + 2] = np.int64(packed >> _THIRD)
            else:
                run, n = np.int64(packed & _LOW), np.int64(packed >> _HALF)
                for j in range(n):
                    ids[out + j] = run_ids[run + j]
            out += n
    for rest in range(document + 1, len(documents)):
        offsets[rest] = out
    return int(out)
