"""Lists of ids as text: id i is the character U+10000 + i, so that ids up to 2^20 - 1 are characters of four bytes.

The order of the ids is the order of the characters, so a trainer on characters breaks ties as one on ids.
"""

from typing import Any, Final

import numpy as np
import pyarrow as pa

from operators.arrays import I32, I64, U8, U32, word_buffers
from operators.text.pretokenizers import NO_SPLIT
from operators.tokenizer import Merges, Tokenizer, Vocabulary

LARGEST_ALPHABET: Final = 1 << 20
"""Number of characters beyond U+FFFF, and so of ids."""
FIRST: Final = 0x10000
"""Code point of the id 0."""
BYTES: Final = 4
"""UTF-8 bytes of each of these characters."""


def to_text(ids: Any, offsets: I64) -> pa.LargeStringArray:
    """Return lists of ids as texts; ids: integers under LARGEST_ALPHABET, offsets: int64[lists + 1], from 0.

    >>> import numpy as np
    >>> to_text(np.array([0, 1]), np.array([0, 2])).to_pylist() == ["\\U00010000\\U00010001"]
    True
    """
    points = np.asarray(ids).astype(np.uint32) + np.uint32(FIRST)
    data = np.empty((len(points), BYTES), np.uint8)
    data[:, 0] = 0xF0 | points >> 18
    for place, shift in ((1, 12), (2, 6), (3, 0)):
        data[:, place] = 0x80 | points >> shift & 0x3F
    ends = np.ascontiguousarray(offsets, np.int64) * BYTES
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(data)]
    return pa.LargeStringArray.from_buffers(len(offsets) - 1, *buffers[1:])


def points_of(texts: pa.Array) -> tuple[U32, I64]:
    """Return the code points of texts that `to_text` made, uint32, and where each text begins and ends in them."""
    offsets, data = word_buffers(texts)
    return _points(data[offsets[0] : offsets[-1]]), (offsets - offsets[0]) // BYTES


def _points(data: U8) -> U32:
    rows = data.reshape(-1, BYTES).astype(np.uint32)
    points = (rows[:, 0] & 7) << 18 | (rows[:, 1] & 0x3F) << 12 | (rows[:, 2] & 0x3F) << 6 | rows[:, 3] & 0x3F
    return points.astype(np.uint32, copy=False)


def tokens_of(rows: pa.LargeBinaryArray, characters: I32) -> tuple[U32, I64]:
    """Return the tokens of rows of characters, uint32, and the rows' offsets. characters: tokens by code point."""
    points, offsets = points_of(rows)
    return characters[points].astype(np.uint32), offsets


def start_of(alphabet: I64, special_tokens: tuple[str, ...]) -> Tokenizer:
    """Return the tokenizer without merges of an alphabet (int64, ascending): special tokens, then the ids."""
    characters = np.full(0x110000, -1, np.int32)
    characters[alphabet + FIRST] = np.arange(len(alphabet), dtype=np.int32) + len(special_tokens)
    texts = [chr(FIRST + one) for one in alphabet.tolist()]
    tokens = [name.encode() for name in (*special_tokens, *texts)]
    special = tuple(range(len(special_tokens)))
    vocabulary = Vocabulary(tokens, np.full(256, -1, np.int32), special, characters)
    return Tokenizer(NO_SPLIT, special_tokens, Merges.from_rows([]), vocabulary)
