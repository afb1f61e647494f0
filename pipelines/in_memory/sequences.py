"""Lists of ids in memory, encoded and decoded with a tokenizer of `train --sequences`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from operators.arrays import I32, I64
from operators.encoding.decode import TokenOutOfRange, TokenWithoutText
from operators.errors import DataError, UsageError
from operators.id_lists import BYTES, FIRST, LARGEST_ALPHABET, points_of, to_text
from pipelines.engines.local_engine import processors
from pipelines.in_memory.encoders import Encoders
from pipelines.in_memory.ids import Ids, NotIds, checked_offsets, whole_numbers
from pipelines.in_memory.texts import text_batches
from pipelines.in_memory.tokenizer import Tokenizer

IdLists: TypeAlias = Sequence[Sequence[int]] | pa.Array | pa.ChunkedArray
"""Lists of whole numbers: Python lists, or an Arrow column of lists."""


class NotOfSequences(UsageError):
    """A tokenizer of text where one of lists of ids is needed."""

    name: str
    message = "tokenizer {name} is of text, not of lists of ids; train one with --sequences"


class UnknownId(DataError):
    """An id that the tokenizer's alphabet has not."""

    value: int
    position: int
    message = "list {position} (counted from 0) holds the id {value}, which is not in the tokenizer's alphabet"


def encode_sequences(tokenizer: Tokenizer, lists: IdLists, *, threads: int | None = None) -> tuple[I32, I64]:
    """Return the tokens of many lists of ids in one array, int32, and the lists' borders in it, int64[lists + 1].

    Raises NotOfSequences, NotIds, UnknownId.

    >>> from pathlib import Path
    >>> import babelmerge as bm
    >>> _ = Path("codes.jsonl").write_text('{"ids": [7, 7, 9]}')
    >>> result = bm.run(bm.Train(corpus=["codes.jsonl"], sequences=True, vocab_size=3, out="codes"))
    >>> bm.encode_sequences(bm.Tokenizer.load(result.directory), [[7, 7, 9], []])
    (array([2, 1], dtype=int32), array([0, 2, 2]))
    """
    characters = _characters(tokenizer)
    ids, offsets = _flat(lists)
    known = (ids >= 0) & (ids < LARGEST_ALPHABET)
    known[known] = characters[ids[known] + FIRST] >= 0
    if not known.all():
        first = int(np.argmin(known))
        raise UnknownId(int(ids[first]), int(np.searchsorted(offsets, first, side="right")) - 1)
    encoders = Encoders(replace(tokenizer.data, library=None), tokenizer.name)  # the library is for unknown ids alone
    tokens, lengths = [np.empty(0, np.int32)], [np.zeros(1, np.int64)]
    for own, borders in encoders.encode(text_batches(to_text(ids, offsets)), "text", threads or processors()):
        tokens.append(own)
        lengths.append(np.diff(borders))
    return np.concatenate(tokens), np.cumsum(np.concatenate(lengths))


def decode_sequences(tokenizer: Tokenizer, tokens: Ids, offsets: Ids) -> pa.LargeListArray:
    """Return the lists of ids that tokens stand for, large_list<uint32>: the inverse of `encode_sequences`.

    Raises NotOfSequences, NotIds, BadOffsets, TokenOutOfRange, TokenWithoutText (a special token).

    >>> from pathlib import Path
    >>> import babelmerge as bm
    >>> _ = Path("dna.jsonl").write_text('{"ids": [0, 1, 0, 1]}')
    >>> result = bm.run(bm.Train(corpus=["dna.jsonl"], sequences=True, alphabet=4, vocab_size=5, out="dna"))
    >>> bm.decode_sequences(bm.Tokenizer.load(result.directory), [4, 3], [0, 2]).to_pylist()
    [[0, 1, 3]]
    """
    _characters(tokenizer)
    numbers = whole_numbers("tokens", tokens).astype(np.int64)
    borders = checked_offsets(offsets, len(numbers))
    texts = list(tokenizer.data.tokens)
    outside = (numbers < 0) | (numbers >= len(texts))
    if outside.any():
        first = int(np.argmax(outside))
        raise TokenOutOfRange(int(numbers[first]), first, len(texts) - 1)
    for token in tokenizer.data.vocabulary.special_ids:
        if (numbers == token).any():
            raise TokenWithoutText(token, int(np.argmax(numbers == token)))
        texts[token] = b""
    lengths = np.array([len(text) // BYTES for text in texts], np.int64)
    points, begins = points_of(pa.array(texts, pa.large_binary()))
    own = lengths[numbers]
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(own)])
    places = np.repeat(begins[numbers] - ends[:-1], own) + np.arange(ends[-1])
    values = pa.array(points[places] - np.uint32(FIRST))
    return pa.LargeListArray.from_arrays(pa.array(ends[borders]), values)


def _characters(tokenizer: Tokenizer) -> I32:
    """Return tokens by code point. Raises NotOfSequences."""
    characters = tokenizer.data.vocabulary.characters
    if characters is None or (characters[:FIRST] >= 0).any():
        raise NotOfSequences(tokenizer.name)
    return characters


def _flat(lists: Any) -> tuple[I64, I64]:
    """Return all ids, and where each list begins and ends in them."""
    try:
        column = lists if isinstance(lists, pa.Array | pa.ChunkedArray) else pa.array(lists)
        column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        kind = getattr(column.type, "value_type", None)
        if len(column) and (kind is None or not (pa.types.is_integer(kind) or pa.types.is_null(kind))):
            raise NotIds("lists", str(column.type))
        column = column.cast(pa.large_list(pa.int64()))
    except (pa.ArrowException, TypeError, OverflowError) as error:
        raise NotIds("lists", str(error).splitlines()[0]) from None
    values = column.flatten()
    if column.null_count or values.null_count:
        raise NotIds("lists", "null")
    offsets: I64 = np.asarray(column.offsets)
    return np.asarray(values), offsets - offsets[0]
