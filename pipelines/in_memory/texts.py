"""Texts in memory, from lists, Arrow and Polars, to the Arrow batches that operators read."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from operators.arrays import I64
from operators.errors import DataError, UsageError

Texts: TypeAlias = Iterable[str] | pa.Array | pa.ChunkedArray
"""Documents, in order: an iterable of str, also a generator, or a column of text.

A column is of Arrow, Polars, pandas or any library that exports Arrow arrays (the PyCapsule interface). Its type is
string, large_string, string_view or a dictionary of these."""

BATCH_BYTES: Final = 4 << 20
"""Text in a batch, about; a longer document is a batch of its own."""
LARGEST_DOCUMENT: Final = (1 << 31) - 1
"""Bytes of the longest document: positions in it are 32 bits wide."""


class NullText(DataError):
    """A text that is null or None."""

    position: int
    message = "text {position} (counted from 0) is null; leave it out, or put an empty text in its place"


class NotText(UsageError):
    """A value that is not text, where texts are expected."""

    found: str
    message = "texts are expected, found {found}; give str, or a column of text of Arrow or Polars"


class InvalidText(DataError):
    """A str that has no UTF-8: half of a surrogate pair."""

    reason: str
    message = "a text cannot be written as UTF-8: {reason}; repair it with .encode('utf-8', 'replace').decode()"


class TextTooLong(DataError):
    """A text of 2 GiB or more."""

    position: int
    text_bytes: int
    message = "text {position} (counted from 0) has {text_bytes:,} bytes; split it into texts of less than 2 GiB"


def text_batches(texts: Texts, batch_bytes: int = BATCH_BYTES) -> Iterator[pa.LargeStringArray]:
    """Yield the texts, in order, as large_string arrays without nulls of about `batch_bytes` of text each.

    Columns are not copied where their layout allows it; an iterable is read as batches are asked for.

    Raises NotText, NullText, InvalidText, TextTooLong.
    """
    first = 0
    for chunk in _chunks(texts, batch_bytes):
        if chunk.null_count:
            raise NullText(first + int(np.argmax(chunk.is_null().to_numpy(zero_copy_only=False))))
        for begin, end in _cuts(chunk, batch_bytes, first):
            batch = chunk.slice(begin, end - begin).cast(pa.large_string())
            if batch.null_count:  # a null in a dictionary
                raise NullText(first + begin + int(np.argmax(batch.is_null().to_numpy(zero_copy_only=False))))
            yield batch
        first += len(chunk)


def _chunks(texts: Texts, batch_bytes: int) -> Iterator[pa.Array]:
    """Yield Arrow arrays of text of any of its types."""
    if isinstance(texts, str | bytes | dict) or hasattr(type(texts), "columns"):  # a frame, a table
        raise NotText(f"one {type(texts).__name__}")
    column = _column(texts)
    if column is None:
        yield from _gathered(texts, batch_bytes)
        return
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        if pa.types.is_null(kind):
            yield chunk
        elif not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
            raise NotText(f"a column of type {column.type}")
        elif pa.types.is_dictionary(column.type):  # Arrow takes no rows of a string_view
            yield pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(pa.large_string()))
        else:
            yield chunk


def _column(texts: Any) -> "pa.Array | pa.ChunkedArray | None":
    """Return a column as Arrow holds it, without a copy where that is possible; None for other iterables."""
    if isinstance(texts, pa.Array | pa.ChunkedArray):
        return texts
    if hasattr(texts, "__arrow_c_stream__"):  # Polars' Series among others
        return pa.chunked_array(texts)
    if hasattr(texts, "__arrow_c_array__"):
        return pa.array(texts)
    if hasattr(texts, "__array__"):  # pandas' Series and numpy's arrays of objects
        try:
            return pa.array(texts, from_pandas=True)
        except UnicodeEncodeError as error:
            raise InvalidText(str(error)) from None
        except pa.ArrowException as error:
            raise NotText(str(error).splitlines()[0]) from None
    return None


def _gathered(texts: Iterable[str], batch_bytes: int) -> Iterator[pa.LargeStringArray]:
    """Yield arrays of the texts of an iterable."""
    if not isinstance(texts, Iterable):
        raise NotText(f"one {type(texts).__name__}")
    some, size = list[str](), 0
    try:
        for text in texts:
            some.append(text)
            size += len(text) if isinstance(text, str) else _not_text(text, len(some))
            if size >= batch_bytes:
                yield pa.array(some, pa.large_string())
                some, size = [], 0
        if some:
            yield pa.array(some, pa.large_string())
    except UnicodeEncodeError as error:
        raise InvalidText(str(error)) from None


def _not_text(text: object, number: int) -> int:
    """Return 0 for None, which NullText reports with its position. Raises NotText for anything else."""
    if text is None:
        return 0
    raise NotText(f"a value of type {type(text).__name__} among them (number {number} of its batch)")


def _cuts(chunk: pa.Array, batch_bytes: int, first: int) -> Iterator[tuple[int, int]]:
    """Yield begin and end of runs of about `batch_bytes`; a document that is longer is a run of its own."""
    lengths = _lengths(chunk)
    if len(lengths) and (longest := int(lengths.max())) > LARGEST_DOCUMENT:
        raise TextTooLong(first + int(lengths.argmax()), longest)
    ends = np.cumsum(lengths)
    cuts = [0]
    while cuts[-1] < len(ends):
        before = int(ends[cuts[-1] - 1]) if cuts[-1] else 0
        cuts.append(max(cuts[-1] + 1, int(np.searchsorted(ends, before + batch_bytes, side="right"))))
    yield from pairwise(cuts)


def _lengths(chunk: pa.Array) -> I64:
    """Return the bytes of each text, int64."""
    if pa.types.is_dictionary(chunk.type):
        lengths = _lengths(chunk.dictionary)
        codes: I64 = chunk.indices.to_numpy().astype(np.int64)
        return lengths[codes] if len(codes) else codes
    if pa.types.is_null(chunk.type):
        return np.zeros(len(chunk), np.int64)
    if pa.types.is_string_view(chunk.type):
        chunk = chunk.cast(pa.large_string())
    found: I64 = pc.binary_length(chunk).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    return found
