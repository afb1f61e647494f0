"""Vocabularies of scored pieces while they are trained, and as tokenizers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from operators.arrays import F64, I32, I64, read_only
from operators.byte_level import to_bytes
from operators.double_array import double_array
from operators.kernels.unigram_training import MOST_BYTES, Texts, Vocabulary
from operators.tokenizer import Merges, PieceModel, Tokenizer, initial_tokens, known_tokens
from operators.tokenizer import Vocabulary as TokenIds

BYTES: Final = 256
"""Number of the first pieces, which are the bytes by value."""
DECIMALS: Final = 13
"""Decimals of a tokenizer's scores: `tokenizers` reads more than 15 digits of a number inexactly."""
_SPARSE: Final = 4
"""Factor by which a trie must have lost pieces before it is built anew."""


@dataclass(frozen=True)
class Pieces:
    """Pieces of bytes with scores: first the 256 bytes, by value, then others."""

    texts: Sequence[bytes]
    scores: F64
    """float64[pieces]."""
    links: I64
    """Double array of these pieces, and perhaps of others that are gone."""
    ids: I32
    """int32[slots]: the piece that ends at a slot, -1 where none does."""
    built: int
    """Number of pieces that the double array was built of."""

    @classmethod
    def of(cls, texts: Sequence[bytes], scores: F64) -> "Pieces":
        """Make the pieces of distinct texts, the bytes first."""
        links, ids = double_array(texts, np.arange(len(texts), dtype=np.int32))
        return cls(texts, scores, links, ids, len(texts))

    def __len__(self) -> int:
        return len(self.texts)

    def kept(self, keep: NDArray[np.bool_], scores: F64) -> "Pieces":
        """Return the pieces that `keep` (bool[pieces]) names, in their order, with new scores."""
        texts = [text for text, one in zip(self.texts, keep.tolist(), strict=True) if one]
        if _SPARSE * len(texts) < self.built:
            return Pieces.of(texts, scores)
        new = np.full(len(self) + 1, -1, np.int32)  # the last entry is for slots without a piece
        new[:-1][keep] = np.arange(len(texts), dtype=np.int32)
        return Pieces(texts, scores, self.links, new[self.ids], self.built)

    @property
    def joined(self) -> Texts:
        """The texts for kernels, without counts."""
        ends = np.cumsum([0, *map(len, self.texts)], dtype=np.int64)
        data = np.frombuffer(b"".join(self.texts), np.uint8)
        return Texts(data, read_only(ends), read_only(np.empty(0, np.int64)))

    @property
    def for_kernels(self) -> Vocabulary:
        """The vocabulary as kernels read it."""
        longest = min(max(map(len, self.texts)), MOST_BYTES)
        links, ids, scores, weights = map(_fixed, (self.links, self.ids, self.scores, np.exp(self.scores)))
        return Vocabulary(links, ids, scores, weights, longest)


def _fixed(array: Any) -> Any:
    """Return a read-only view, such as Ray delivers: kernels are compiled for one kind."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


def piece_tokenizer(pretokenizer: str, special_tokens: Sequence[str], texts: Sequence[bytes], scores: F64) -> Tokenizer:
    """Return a Unigram tokenizer: special tokens, bytes, then the other pieces by falling score.

    texts: the bytes by value, then pieces that are distinct, and no special token's text. scores: float64, finite, < 0.
    Equal scores stand in the order of `texts`.
    """
    scores = np.round(scores, DECIMALS)
    first = initial_tokens(special_tokens)
    known = known_tokens(special_tokens)
    order = BYTES + np.argsort(-scores[BYTES:], kind="stable")
    byte_ids = np.array([known[bytes([byte])] for byte in range(BYTES)], np.int32)
    tokens = [*first, *(texts[i] for i in order.tolist())]
    by_id = np.full(len(tokens), np.nan)
    by_id[byte_ids] = scores[:BYTES]
    by_id[len(first) :] = scores[order]
    by_text = {text: i for i, text in enumerate(tokens) if i >= len(special_tokens)}
    by_text |= {bytes([byte]): i for byte, i in enumerate(byte_ids.tolist())}
    for i, special in enumerate(special_tokens):
        if np.isnan(by_id[i]):
            by_id[i] = never_taken(special, float(scores.min()))
            if (spelled := to_bytes(special)) is not None:
                by_text[spelled] = i
    by_text = dict(sorted(by_text.items(), key=lambda one: one[1]))
    ids = np.fromiter(by_text.values(), np.int32, len(by_text))
    pieces = PieceModel("unigram", tuple(by_text), ids, -1, by_id[ids], float(by_id.min()) - 10.0, of_bytes=True)
    published = TokenIds(tokens, byte_ids, tuple(range(len(special_tokens))))
    return replace(Tokenizer(pretokenizer, tuple(special_tokens), Merges.from_rows([]), published), pieces=pieces)


def never_taken(special: str, lowest: float) -> float:
    """Return a score with which no path takes a special token's text: its bytes together have a higher one.

    lowest: the lowest score of other pieces.

    >>> never_taken("<s>", -9.0)
    -72.0
    """
    return float(round(2 * lowest * (len(special.encode()) + 1)))
