"""Words of a text by the class of each character: white space goes, some characters are words of their own.

Classes are filled in page by page, as texts need them: a kernel that meets a page without classes returns its number.
"""

from typing import Any, Final

import numpy as np

from operators.kernels.bpe import code_point
from operators.kernels.kernel import kernel

UNKNOWN: Final = 255
"""The class of characters whose page is not filled in."""
SPACE: Final = 0
"""White space, which is no part of any word."""
ALONE: Final = 1
"""A character that is a word of its own."""
MARK: Final = 2
"""U+2581, which stands for a space before it, and begins a word."""
FIRST_KIND: Final = 3
"""Classes from here on: side by side, characters of one class belong to one word, of two classes to two."""
PAGE_BITS: Final = 10
"""A page is 1,024 code points."""


@kernel
def cut_by_class(
    data: Any, starts: Any, classes: Any, marks: Any, out: Any, ends: Any, documents: Any, out_starts: Any,
) -> int:  # fmt: skip
    """Write the words of all documents, one behind the other; return -1, or the page whose classes are missing.

    data[starts[d]:starts[d + 1]] is document d. classes: uint8[0x110000]. marks: int64[2], whether each word gets a
    space in front, and whether a MARK inside a word begins another. out: uint8 with a place for each byte and each
    document; ends: int64, a place for each byte; documents, out_starts: int64[documents + 1], as in `PreTokens`.
    """
    prefixes, splits = marks[0] == 1, marks[1] == 1
    n: Any = 0
    words: Any = 0
    documents[0] = 0
    out_starts[0] = 0
    for document in range(len(starts) - 1):
        at: Any = np.int64(starts[document])
        end = np.int64(starts[document + 1])
        before: Any = np.int64(SPACE)
        begin: Any = n
        while at < end:
            lead = np.int64(data[at])
            length: Any = 1
            code: Any = lead
            if lead >= 0x80:
                code, length = code_point(data, at, end)
            kind = np.int64(classes[code])
            if kind == UNKNOWN:
                return int(code >> PAGE_BITS)
            if kind == SPACE:
                if n > begin:
                    ends[words] = n
                    words += 1
                    begin = n
                before = np.int64(SPACE)
                at += length
                continue
            starting = before == SPACE
            cut = splits if kind == MARK else before != MARK and (kind != before or kind == ALONE)
            if cut and not starting:
                ends[words] = n
                words += 1
                begin = n
            if kind == MARK:
                out[n] = 0x20
                n += 1
                before = np.int64(MARK) if splits else np.int64(FIRST_KIND)
            else:
                if starting and prefixes:
                    out[n] = 0x20
                    n += 1
                for i in range(length):
                    out[n + i] = data[at + i]
                n += length
                before = kind
            at += length
        if n > begin:
            ends[words] = n
            words += 1
        documents[document + 1] = words
        out_starts[document + 1] = n
    return -1
