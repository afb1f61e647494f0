"""Text to token ids: pre-tokenization, then the merges, word by word.

Text is ordinary text: what looks like a special token in it is encoded as the characters it is made of.
"""

import numpy as np
import pyarrow as pa

from operators.arrays import I32, I64
from operators.pretokenize import Pretokenizer
from operators.tokenizer import Tokenizer
from operators.word_encoder import WordEncoder


class Encoder:
    """Encodes with one tokenizer. It remembers words (24 MiB), so each thread needs an encoder of its own."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._pretokenizer = Pretokenizer(tokenizer.pretokenizer)
        self._words = WordEncoder(tokenizer)

    def encode(self, text: pa.LargeStringArray) -> tuple[I32, I64]:
        """Token ids of all documents, int32, and where each document's begin and end, int64[n documents + 1].

        Raises ValueError for a batch with nulls, or of 2 GiB of text and more: positions in a word are 32 bits wide.
        """
        if text.nbytes >= 1 << 31:
            raise ValueError(f"a batch of {text.nbytes} bytes; encode less than 2 GiB at once")
        return self._words.encode(self._pretokenizer.split(text))

    def count(self, text: pa.LargeStringArray) -> I64:
        """Tokens per document, int64[n documents]."""
        return np.diff(self.encode(text)[1])
