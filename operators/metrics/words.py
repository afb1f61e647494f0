"""What a tokenizer does to words: how many tokens a word takes, how many words are cut, which tokens are words.

Words are what stands between blanks, as Python's `str.split` has it. Where a script writes no blanks between words,
these are phrases or sentences, and no figure about them says anything: `writes_words`.
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
    """Words of a text, and those that a border between tokens cuts, where that can be told."""

    words: int
    told: int
    """Words of documents whose tokens spell them byte by byte: no normalizer changed them, no token is unknown."""
    continued: int
    """Of these, the words of more than one token (Rust et al. 2021: "continued words")."""


def writes_words(script: str | None) -> bool:
    """Whether a script parts its words with blanks; None (a text without letters) does not."""
    return script is not None and script not in WITHOUT_BLANKS


def word_counts(text: pa.LargeStringArray, ids: I32, offsets: I64, lengths: I32, leading: U8) -> WordCounts:
    """Words of the documents in `text`, whose tokens `operators.encoding.encode.Encoder.encode` gave.

    `lengths` (int32) and `leading` (uint8) say of every token how many bytes it stands for, and whether the first is a
    space. No nulls in `text`. ValueError for an id that they do not have.
    """
    if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < min(len(lengths), len(leading)):
        raise ValueError(f"ids from {ids.min()} to {ids.max()}, but {len(lengths)} tokens")
    documents = len(text)
    words, continued = np.zeros(documents, np.int64), np.zeros(documents, np.int64)
    starts = np.frombuffer(text.buffers()[1] or bytes(8), np.int64)[text.offset :][: documents + 1]
    data = np.frombuffer(text.buffers()[2] or b"", np.uint8)
    count_words(data, starts, *(_read_only(one) for one in (ids, offsets, lengths, leading)), words, continued)
    told = continued >= 0
    return WordCounts(int(words.sum()), int(words[told].sum()), int(continued[told].sum()))


def _read_only(array: np.ndarray[tuple[int], np.dtype[np.integer]]) -> np.ndarray[tuple[int], np.dtype[np.integer]]:
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


def word_table(text: str) -> set[str]:
    """The distinct words of a text, without the punctuation and symbols around them; each holds a letter."""
    around = "".join(one for one in set(text) if unicodedata.category(one)[0] in "PSC")
    stripped = {word.strip(around) for word in set(text.split())}
    return {word for word in stripped if word.isalpha() or any(map(str.isalpha, word))}


def whole_words(types: I64, stripped: pa.BinaryArray, words: pa.BinaryArray) -> int:
    """How many of the tokens in `types` are a word of `words`; `stripped`: every token's bytes, a leading space off."""
    return int(pc.sum(pc.is_in(stripped.take(pa.array(types)), value_set=words)).as_py() or 0)


def without_space(tokens: Sequence[bytes]) -> pa.BinaryArray:
    """Tokens without the one space that each may begin with."""
    return pa.array([token[1:] if token[:1] == b" " else token for token in tokens], pa.binary())
