"""Encoding in two steps: words that the first merges never reach over, then the tokens of each whole pre-token.

Byte-pair encoding by rank uses up the first merges before any other merge. Take a place in the text, with the byte x
before it and the byte y behind it. If no first merge has a left token that ends with x and a right token that begins
with y, no first merge joins tokens across the place. A pre-token, which may be a whole document, is cut at those ends
of words where this holds. The parts are short and recur, so a cache has most of them. The tokens of all parts, one
after the other, are what the first merges make of the pre-token. The other merges go on from there, on five times fewer
symbols.
"""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from operators.arrays import I32, I64, U64
from operators.encoding.word_encoder import WordEncoder, merge_table, rank_table, scratch
from operators.kernels.superwords import merge_pieces, part_ends
from operators.text.pretokenize import Pretokenizer, PreTokens
from operators.text.pretokenizers import DEFAULT
from operators.tokenizer import Merges, Tokenizer

_SPACE: Final = 0x20
_BLANKS: Final = np.frombuffer(b" \t\n\r\v\f", np.uint8)


def outer_bytes(texts: dict[int, bytes]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the first and the last byte of each token's text, by id; 0 where there is none."""
    first, last = (np.zeros(max(texts, default=0) + 1, np.uint8) for _ in range(2))
    for token, text in texts.items():
        first[token], last[token] = text[0], text[-1]
    return first, last


def crossed_borders(merges: Merges, texts: dict[int, bytes]) -> NDArray[np.bool_]:
    """Return bool[65536]: at 256 * x + y, True if a merge's left token ends with x and its right begins with y."""
    first, last = outer_bytes(texts)
    crossed = np.zeros(1 << 16, np.bool_)
    crossed[256 * last[merges.left].astype(np.int64) + first[merges.right]] = True
    return crossed


def words_end(tokenizer: Tokenizer) -> int:
    """Return the rank of the first merge that joins two words: the right begins with a space, the left ends in none.

    A left token of white space alone, such as no-break spaces, is no word. Without such a merge, the number of merges.
    """
    texts, merges = tokenizer.text_tokens, tokenizer.merges
    first, last = outer_bytes(texts)
    across = (first[merges.right] == _SPACE) & ~np.isin(last[merges.left], _BLANKS)
    ranks = (i for i in np.flatnonzero(across).tolist() if _is_word(texts.get(int(merges.left[i]), b"")))
    return next(ranks, len(merges))


def _is_word(text: bytes) -> bool:
    return bool(text.decode(errors="ignore").strip())


class PieceEncoder:
    """Encoder of pre-tokens of any length by the merges of a tokenizer, with a cache of the words in them.

    words: pre-tokenizer whose cuts are tried; any one gives the same tokens. Each thread needs an encoder of its own.
    """

    def __init__(self, tokenizer: Tokenizer, words: str) -> None:
        self._words = Pretokenizer(words)
        self._crossed = crossed_borders(tokenizer.merges, tokenizer.text_tokens)
        self._encoder = WordEncoder(replace(tokenizer, ignore_merges=False))

    def encode(self, pretokens: PreTokens) -> tuple[I32, I64]:
        """Return the ids of all pre-tokens, int32, and the borders of each one's ids, int64[pre-tokens + 1]."""
        word_ends, _ = self._words.cut(pretokens.data, pretokens.starts)
        ends = np.empty(len(word_ends) + len(pretokens.ends), np.int64)
        parts = np.empty(len(pretokens.ends) + 1, np.int64)
        n = part_ends(pretokens.data, word_ends, pretokens.ends, self._crossed, ends, parts)
        return self._encoder.encode(PreTokens(pretokens.data, ends[:n], parts, pretokens.starts))


class SuperwordEncoder:
    """Encoder of pre-tokens with superwords: the first merges in each word, then all merges on a pre-token's tokens."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        last = tokenizer.merges.last_places
        merges = Merges(*(np.ascontiguousarray(column[last]) for column in tokenizer.merges.columns))
        first = replace(tokenizer, merges=merges)
        self._words = PieceEncoder(replace(first, merges=merges[: words_end(first)]), DEFAULT)
        self._ranks, self._table, self._scratch = rank_table(merges), merge_table(merges), scratch()

    def encode(self, pretokens: PreTokens, _: U64 | None = None) -> tuple[I32, I64]:
        """Return the ids of all documents, int32, and the borders of each one's ids, int64[documents + 1]."""
        ids, offsets = self._words.encode(pretokens)
        out, out_offsets = np.empty(len(ids), np.int32), np.empty(len(offsets), np.int64)
        n = merge_pieces(ids, offsets, self._ranks, self._table, self._scratch, out, out_offsets)
        return out[:n].copy(), out_offsets[pretokens.documents]


def joins_words(tokenizer: Tokenizer) -> bool:
    """Return True if `SuperwordEncoder` encodes the tokenizer: some merge joins two words, and merges alone decide."""
    plain = tokenizer.vocabulary.characters is None and not tokenizer.ignore_merges and tokenizer.pieces is None
    return plain and words_end(tokenizer) < len(tokenizer.merges)
