"""Whitespace words, counted, and compared with the borders of tokens."""

from typing import Any

import numpy as np

from operators.kernels.kernel import kernel

BLANK_LEADS = np.isin(np.arange(256), [*range(0x09, 0x0E), *range(0x1C, 0x21), 0xC2, 0xE1, 0xE2, 0xE3])
"""bool[256]: True for the first bytes of blanks."""


@kernel
def blank_bytes(data: Any, at: Any, end: Any) -> int:
    """Return the length in bytes of the blank at `at`, 0 without one. Blanks are as for Python's `str.split`."""
    byte = data[at]
    if byte < 0x80:
        return 1 if byte == 0x20 or 0x09 <= byte <= 0x0D or 0x1C <= byte <= 0x1F else 0
    if byte == 0xC2:
        return 2 if at + 1 < end and (data[at + 1] == 0x85 or data[at + 1] == 0xA0) else 0
    if byte < 0xE1 or byte > 0xE3 or at + 2 >= end:
        return 0
    two, three = data[at + 1], data[at + 2]
    if byte == 0xE1:
        return 3 if two == 0x9A and three == 0x80 else 0
    if byte == 0xE2:
        if two == 0x80:
            return 3 if three <= 0x8A or three == 0xA8 or three == 0xA9 or three == 0xAF else 0
        return 3 if two == 0x81 and three == 0x9F else 0
    return 3 if two == 0x80 and three == 0x80 else 0


@kernel
def count_words(
    data: Any, starts: Any, ids: Any, offsets: Any, lengths: Any, leading: Any, words: Any, continued: Any,
) -> None:  # fmt: skip
    """Fill `words` and `continued` (int64[documents]): the number of words, and of words that a token border cuts.

    Document d is data[starts[d]:starts[d + 1]] and has the tokens ids[offsets[d]:offsets[d + 1]]; token i stands for
    `lengths[i]` bytes, and begins with a space where `leading[i]`; the caller has checked that both have all ids. A
    space that the first token adds before the text is ignored. `continued` is -1 where the lengths of the tokens do
    not add up to that of the text.
    """
    for document in range(len(starts) - 1):
        start, end = starts[document], starts[document + 1]
        token, last = offsets[document], offsets[document + 1]
        border = start
        for i in range(token, last):
            border += lengths[ids[i]]
        spelled = border == end
        border = start
        if not spelled and token < last and start < end and leading[ids[token]] and data[start] != 0x20:
            total = 0
            for i in range(token, last):
                total += lengths[ids[i]]
            spelled = total == end - start + 1
            border = start - 1
        found, cut = 0, 0
        at = start
        while at < end:
            blank = blank_bytes(data, at, end) if BLANK_LEADS[data[at]] else 0
            if blank > 0:
                at += blank
                continue
            begin = at
            while at < end and (not BLANK_LEADS[data[at]] or blank_bytes(data, at, end) == 0):
                at += 1
            found += 1
            if spelled:
                while border <= begin:
                    border += lengths[ids[token]]
                    token += 1
                if border < at:
                    cut += 1
        words[document] = found
        continued[document] = cut if spelled else -1
