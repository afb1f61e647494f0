"""Token ids of texts that are each one word, whatever a pre-tokenizer would do."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from operators.arrays import padded
from operators.encoding.word_encoder import WordEncoder
from operators.text.pretokenize import PreTokens
from operators.tokenizer import Tokenizer


def encode_words(tokenizer: Tokenizer, texts: Sequence[bytes]) -> list[list[int]]:
    """Return the ids of each text, which is taken for one pre-token; b"" has none. Raises UnusableIds.

    >>> from operators.tokenizer import Merges
    >>> encode_words(Tokenizer("none", (), Merges.from_rows([(64, 65, 256, 1)])), [b"ab", b"aab"])
    [[256], [64, 256]]
    """
    data = np.frombuffer(b"".join(texts), np.uint8)
    ends = np.cumsum([len(text) for text in texts if text], dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum([len(text) for text in texts], dtype=np.int64)]).astype(np.int64)
    documents = np.concatenate([[0], np.cumsum([bool(text) for text in texts])]).astype(np.int64)
    ids, offsets = WordEncoder(tokenizer).encode(PreTokens(padded(data, 0), ends, documents, starts))
    listed = ids.tolist()
    return [listed[begin:end] for begin, end in pairwise(offsets.tolist())]
