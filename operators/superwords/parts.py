"""Encoding in two steps: parts of text that the first merges never reach over, then the tokens of each whole piece.

Byte-pair encoding by rank merges with the first merges until none applies, before any other merge. While it does, no
merge joins tokens across a place where no first merge has a left token that ends with the byte before it and a right
token that begins with the byte behind it. So a piece, which may be a whole document, is cut at the ends of words, where
that holds; its parts are short and recur, so they are found in a cache; and the tokens of all parts, one after the
other, are what the first merges make of the piece. The other merges then go on from there, on five times fewer symbols.
"""

from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from operators.arrays import I32, I64
from operators.encoding.word_encoder import WordEncoder
from operators.kernels.superwords import part_ends
from operators.text.pretokenize import Pretokenizer, PreTokens
from operators.tokenizer import Merges, Tokenizer


def crossed_borders(merges: Merges, texts: dict[int, bytes]) -> NDArray[np.bool_]:
    """Return bool[65536]: at 256 * x + y, whether a merge's left token ends with x and its right begins with y."""
    last = np.zeros(max(texts, default=0) + 1, np.int64)
    first = np.zeros_like(last)
    for token, text in texts.items():
        last[token], first[token] = text[-1], text[0]
    crossed = np.zeros(1 << 16, np.bool_)
    crossed[256 * last[merges.left] + first[merges.right]] = True
    return crossed


class PieceEncoder:
    """Encoder of pieces of any length by the merges of a tokenizer, with a cache of the words in them.

    words: pre-tokenizer whose cuts are tried; any one gives the same tokens. Each thread needs an encoder of its own.
    """

    def __init__(self, tokenizer: Tokenizer, words: Pretokenizer) -> None:
        self._words = words
        self._crossed = crossed_borders(tokenizer.merges, tokenizer.text_tokens)
        self._encoder = WordEncoder(replace(tokenizer, ignore_merges=False))

    def encode(self, text: pa.LargeStringArray, pieces: PreTokens) -> tuple[I32, I64]:
        """Return the ids of all pieces, int32, and where each piece's begin and end, int64[n pieces + 1]."""
        words = self._words.split_normalized(text)
        ends = np.empty(len(words.ends) + len(pieces.ends), np.int64)
        parts = np.empty(len(pieces.ends) + 1, np.int64)
        n = part_ends(pieces.data, words.ends, pieces.ends, self._crossed, ends, parts)
        return self._encoder.encode(PreTokens(pieces.data, ends[:n], parts, pieces.starts))
