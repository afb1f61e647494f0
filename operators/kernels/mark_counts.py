"""Marks in words: how many characters are marks, and how many words begin with one."""

from typing import Any, Final

from operators.kernels.kernel import kernel
from operators.kernels.scan import character_length
from operators.unicode.classes import CASELESS, LOWER, MARK, OTHER, UPPER

_LETTER: Final = UPPER | LOWER | CASELESS


@kernel
def class_at(data: Any, at: int, end: int, blocks: Any, classes: Any) -> tuple[int, int]:
    """Return the class and the length in bytes of the character at `at`; OTHER and 1 for a byte outside any."""
    lead = int(data[at])
    length = character_length(lead)
    if lead < 0x80:
        return int(classes[lead]), 1
    if lead < 0xC0 or at + length > end:
        return OTHER, 1
    code = lead & (0xFF >> length + 1)
    for i in range(1, length):
        code = code << 6 | int(data[at + i] & 0x3F)
    return int(classes[int(blocks[code >> 6]) * 64 + (code & 63)]), length


@kernel
def count_marks(offsets: Any, data: Any, counts: Any, blocks: Any, classes: Any) -> tuple[int, int, int]:
    """Return, each as often as its word's count: marks, words that begin with a mark, other words with a letter.

    offsets: int64[words + 1] into data (uint8); blocks, classes: the tables of `operators.unicode.classes`.
    """
    marks: Any = 0
    cut: Any = 0
    lettered: Any = 0
    for word in range(len(counts)):
        own, first, letters = 0, True, False
        at, end = offsets[word], offsets[word + 1]
        begins_with_mark = False
        while at < end:
            kind, length = class_at(data, at, end, blocks, classes)
            if kind == MARK:
                own += 1
                begins_with_mark |= first
            letters |= kind & _LETTER != 0
            first = False
            at += length
        marks += own * counts[word]
        if begins_with_mark:
            cut += counts[word]
        elif letters:
            lettered += counts[word]
    return marks, cut, lettered
