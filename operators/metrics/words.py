"""Whitespace words under a tokenizer: tokens a word, words that are split, tokens that are words.

A word here is a maximal run without white space, as `str.split` returns it. Where a script writes no spaces between
words, these runs are phrases or sentences, and figures about them mean nothing: see `writes_words`.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from operators.arrays import I32, I64, U8
from operators.kernels.whitespace_words import count_words

WITHOUT_BLANKS: Final = frozenset(
    {
        "Bali", "Batk", "Bugi", "Cham", "Hani", "Hira", "Java", "Jpan", "Kana", "Khmr", "Lana", "Laoo", "Mymr", "Rjng",
        "Sund", "Tale", "Talu", "Tavt", "Thai", "Tibt", "Yiii",
    }
)  # fmt: skip
"""Scripts (ISO 15924) that are written without blanks between words, or with other marks than blanks."""


@dataclass(frozen=True)
class WordCounts:
    """Number of words of a text, and of those that are split between tokens, where that can be measured."""

    words: int
    measured: int
    """Words of documents whose tokens spell them byte by byte: no normalizer changed them, no token is unknown."""
    split: int
    """Measured words of more than one token (Rust et al. 2021: "continued words")."""


def writes_words(script: str | None) -> bool:
    """Return True if a script writes spaces between words; False for None, a text without letters."""
    return script is not None and script not in WITHOUT_BLANKS


def word_counts(text: pa.LargeStringArray, ids: I32, offsets: I64, lengths: I32, leading: U8) -> WordCounts:
    """Count the words of the documents in `text`, whose tokens `operators.encoding.encode.Encoder.encode` returned.

    `lengths` (int32) is the number of bytes of every token, `leading` (uint8) is 1 where the first of them is a space.
    No nulls in `text`. ValueError for an id that they do not have.
    """
    if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < min(len(lengths), len(leading)):
        raise ValueError(f"ids from {ids.min()} to {ids.max()}, but {len(lengths)} tokens")
    documents = len(text)
    words, continued = np.zeros(documents, np.int64), np.zeros(documents, np.int64)
    starts = np.frombuffer(text.buffers()[1] or bytes(8), np.int64)[text.offset :][: documents + 1]
    data = np.frombuffer(text.buffers()[2] or b"", np.uint8)
    count_words(data, starts, *(_read_only(one) for one in (ids, offsets, lengths, leading)), words, continued)
    measured = continued >= 0
    return WordCounts(int(words.sum()), int(words[measured].sum()), int(continued[measured].sum()))


def _read_only(array: np.ndarray[tuple[int], np.dtype[np.integer]]) -> np.ndarray[tuple[int], np.dtype[np.integer]]:
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


def word_table(text: str) -> set[str]:
    """Return the distinct words of a text, without the punctuation and symbols around them; each contains a letter."""
    around = "".join(one for one in set(text) if unicodedata.category(one)[0] in "PSC")
    stripped = {word.strip(around) for word in set(text.split())}
    return {word for word in stripped if word.isalpha() or any(map(str.isalpha, word))}


def whole_words(types: I64, stripped: pa.BinaryArray, words: pa.BinaryArray) -> int:
    """Count the tokens in `types` that are one of `words`; `stripped`: every token's bytes without a leading space."""
    return int(pc.sum(pc.is_in(stripped.take(pa.array(types)), value_set=words)).as_py() or 0)


def without_space(tokens: Sequence[bytes]) -> pa.BinaryArray:
    """Return tokens without the one space that each may begin with."""
    return pa.array([token[1:] if token[:1] == b" " else token for token in tokens], pa.binary())
