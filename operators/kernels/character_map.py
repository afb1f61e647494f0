"""Replacement of characters one by one, with a look at the next: texts whose neighbours decide are told apart.

Tables are filled in page by page, as texts need them: a kernel that meets a page without entries returns its number.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from operators.arrays import I32, I64, U8
from operators.kernels.bpe import code_point
from operators.kernels.kernel import kernel

KEPT: Final = 0
"""Entry of a character that stays."""
UNKNOWN: Final = -1
"""Entry of a character whose page is not filled in."""
PAGE_BITS: Final = 10
"""A page is 1,024 code points."""
FIRST: Final = 1
"""Flag of a character that becomes something else, perhaps, where a JOINER follows."""
JOINER: Final = 2
ALWAYS: Final = 4
"""Flag of a character that must not be replaced alone."""
HIDDEN: Final = 8
"""Flag of a character that is gone before neighbours are looked at."""
DONE: Final = -1
TOO_SHORT: Final = -2
_RETURN, _FEED = 13, 10


class Replacements(NamedTuple):
    """Replacement of each character."""

    entries: I32
    """int32[0x110000]: KEPT, UNKNOWN, or the number of a replacement from 1 on."""
    flags: U8
    """uint8[0x110000]: a sum of the flags above."""
    ends: I64
    """int64[replacements + 1]: replacement i is pool[ends[i - 1]:ends[i]]."""
    pool: U8
    joined_bytes: int
    """Bytes of a character and its JOINER from which on they are replaced one by one all the same."""
    line_ends: bool
    """True if CR LF becomes what CR becomes."""


@kernel
def replace_characters(data: Any, starts: Any, table: Replacements, out: Any, out_starts: Any, unsure: Any) -> int:
    """Write all documents with their characters replaced; return DONE, TOO_SHORT for `out`, or a missing page.

    data[starts[d]:starts[d + 1]] is document d; unsure: bool[documents], True for those of which nothing is written,
    as neighbours decide.
    """
    entries, flags, ends, pool, joined_bytes, line_ends = table
    n: Any = 0
    room = len(out)
    out_starts[0] = 0
    for document in range(len(starts) - 1):
        at: Any = np.int64(starts[document])
        end = np.int64(starts[document + 1])
        unsure[document] = False
        begin: Any = n
        first: Any = np.int64(0)  # the bytes of the FIRST before, 0 without one
        while at < end:
            lead = np.int64(data[at])
            length: Any = 1
            code: Any = lead
            if lead >= 0x80:
                code, length = code_point(data, at, end)
            entry = np.int64(entries[code])
            if entry == UNKNOWN:
                return int(code >> PAGE_BITS)
            flag = np.int64(flags[code])
            if flag != 0:
                joins = first > 0 and flag & JOINER != 0 and first + length < joined_bytes
                if joins or flag & ALWAYS != 0:
                    unsure[document] = True
                    break
            if flag & HIDDEN == 0:
                first = length if flag & FIRST != 0 else np.int64(0)
            if entry == KEPT:
                if n + length > room:
                    return TOO_SHORT
                for i in range(length):
                    out[n + i] = data[at + i]
                n += length
            else:
                size = ends[entry] - ends[entry - 1]
                if n + size > room:
                    return TOO_SHORT
                for i in range(size):
                    out[n + i] = pool[ends[entry - 1] + i]
                n += size
            at += length
            if line_ends and code == _RETURN and at < end and data[at] == _FEED:
                at += 1
        if unsure[document]:
            n = begin
        out_starts[document + 1] = n
    return DONE
