"""Counting words: a hash table from a word's bytes to its count.

`slots` (int64, a power of two, -1 when empty) name words; word w is `arena[begins[w]:begins[w + 1]]` with `hashes[w]`
and `counts[w]`. Memory: a copy of the word's bytes, and 24 bytes a word plus 8 a slot, filled to a half at most.
"""

from typing import Any

import numpy as np
from numba import njit

from operators.kernels.merge import grown

_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_FACTOR, _LAST_FACTOR = np.uint64(0x9E3779B1), np.uint64(0x85EBCA77)


@njit(cache=True, nogil=True)
def hash_bytes(data: Any, first: int, end: int) -> Any:
    """A hash of `data[first:end]`, uint64, the same on every machine: it also decides a word's partition.

    Multiply with carry over four bytes at a time: 32-bit halves are multiplied and added, so nothing wraps.
    """
    value = np.uint64(end - first) + _FACTOR
    at = first
    while at + 4 <= end:
        four = (
            np.uint64(data[at])
            | np.uint64(data[at + 1]) << np.uint64(8)
            | np.uint64(data[at + 2]) << np.uint64(16)
            | np.uint64(data[at + 3]) << np.uint64(24)
        )
        value = ((value & _LOW) ^ four) * _FACTOR + (value >> _HALF)
        at += 4
    rest = np.uint64(0)
    while at < end:
        rest = rest << np.uint64(8) | np.uint64(data[at])
        at += 1
    value = ((value & _LOW) ^ rest) * _FACTOR + (value >> _HALF)
    value ^= value >> np.uint64(29)
    value = (value & _LOW) * _LAST_FACTOR + (value >> _HALF)
    return value ^ value >> np.uint64(31)


@njit(cache=True, nogil=True)
def reslot(hashes: Any, words: int, size: int) -> Any:
    """A table of `size` slots for the first `words` words."""
    slots = np.full(size, -1, np.int64)
    for word in range(words):
        slot = np.int64(hashes[word] & np.uint64(size - 1))
        while slots[slot] != -1:
            slot = (slot + 1) & (size - 1)
        slots[slot] = word
    return slots


@njit(cache=True, nogil=True)
def add_words(
    data: Any, starts: Any, ends: Any, documents: Any, first_document: int, last_document: int, weight: int,
    slots: Any, hashes: Any, begins: Any, counts: Any, arena: Any, words: int,
) -> Any:  # fmt: skip
    """Add `weight` to the count of every piece of documents `first_document` to `last_document` (exclusive).

    The arrays are changed and may be grown; returns them and the number of words.
    """
    for document in range(first_document, last_document):
        first = starts[document]
        for piece in range(documents[document], documents[document + 1]):
            end = ends[piece]
            length = end - first
            hashed = hash_bytes(data, first, end)
            slot = np.int64(hashed & np.uint64(len(slots) - 1))
            word = slots[slot]
            while word != -1:
                if hashes[word] == hashed and begins[word + 1] - begins[word] == length:
                    begin = begins[word]
                    same = True
                    for i in range(length):
                        if arena[begin + i] != data[first + i]:
                            same = False
                            break
                    if same:
                        break
                slot = (slot + 1) & (len(slots) - 1)
                word = slots[slot]
            if word == -1:
                word = words
                words += 1
                slots[slot] = word
                hashes, counts = grown(hashes, words), grown(counts, words)
                begins = grown(begins, words + 1)
                begin = begins[word]
                arena = grown(arena, begin + length)
                arena[begin : begin + length] = data[first:end]
                hashes[word], counts[word], begins[words] = hashed, 0, begin + length
                if 2 * words > len(slots):
                    slots = reslot(hashes, words, 2 * len(slots))
            counts[word] += weight
            first = end
    return slots, hashes, begins, counts, arena, words
