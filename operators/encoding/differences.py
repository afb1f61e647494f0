"""Words that two encoders of the same ids encode differently."""

import numpy as np
import pyarrow as pa

from operators.arrays import I64, padded, word_buffers
from operators.encoding.word_encoder import WordEncoder
from operators.text.pretokenize import PreTokens


def differing_bytes(words: pa.LargeBinaryArray, counts: I64, one: WordEncoder, other: WordEncoder) -> tuple[int, int]:
    """Return the bytes of running text in words whose ids differ, and those of all words.

    words: no nulls, none empty; counts: int64[words], how often each stands in the text.

    >>> from operators.tokenizer import Merges, Tokenizer
    >>> merges = [Merges.from_rows(rows) for rows in ([], [(64, 65, 256, 1)])]
    >>> encoders = [WordEncoder(Tokenizer("none", (), own)) for own in merges]
    >>> differing_bytes(pa.array([b"ab", b"c"], pa.large_binary()), np.array([3, 1]), *encoders)
    (6, 7)
    """
    offsets, data = word_buffers(words)
    text = data[offsets[0] : offsets[-1]]
    ends = offsets[1:] - offsets[0]
    pretokens = PreTokens(padded(text, len(text)), ends, np.arange(len(ends) + 1), np.append(0, ends))
    (ids, begins), (other_ids, other_begins) = (each.encode(pretokens) for each in (one, other))
    sizes = np.diff(begins)
    differs = sizes != np.diff(other_begins)
    same = np.repeat(~differs, sizes)
    unequal = ids[same] != other_ids[np.repeat(~differs, np.diff(other_begins))]
    rows = np.repeat(np.arange(len(sizes)), sizes)[same]
    differs[rows[unequal]] = True
    weights = np.diff(offsets) * counts
    return int(weights[differs].sum()), int(weights.sum())
