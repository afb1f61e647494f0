"""Documents of JSON lines, where every line is plainly right; else a careful reader must look (`pipelines.corpus`)."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from operators.arrays import I64, U8, read_only
from operators.kernels.json_objects import UNUSUAL, Texts, read_objects
from operators.kernels.lanes import WIDE
from operators.reading.lines import count_line_ends

_LARGEST_BYTES: Final = (1 << 31) - WIDE
"""Largest block in bytes: ids and languages have offsets of 32 bits."""


@dataclass(frozen=True)
class Objects:
    """The objects of a block, in order."""

    ids: pa.StringArray
    """"" where an object has none."""
    languages: pa.StringArray
    """"" where objects name none."""
    texts: pa.LargeStringArray
    lines: I64
    """Line of the block in which each object stands, from 0."""
    named: I64
    """1 where an object has an id, else 0."""
    line_count: int
    has_language: bool


def objects_of(block: bytes, fields: tuple[str, str, str], has_language: bool | None) -> Objects | None:
    """Return the objects of a block of whole lines of valid UTF-8; None where a line is not a plain object with a text.

    fields: names of the fields of text, id and language; an empty name: there is no such field. has_language: True if
    all records name their language, False if none does; None: as the first does.

    A plain object is strict JSON (RFC 8259). Its text is a string, its id a string or an integer of up to 18 digits,
    its language a string that is not empty. None of these fields stands twice or has an escaped name. Nothing is
    nested deeper than 60, and no number has an exponent.
    """
    if len(block) > _LARGEST_BYTES:
        return None
    if not block.endswith(b"\n"):
        block += b"\n"
    data = np.frombuffer(block, np.uint8)
    names = [field.encode() for field in fields]
    name_ends = np.cumsum([len(name) for name in names], dtype=np.int64)
    most = count_line_ends(block)
    texts, ids, languages = (np.empty(len(data) + WIDE, np.uint8) for _ in range(3))  # untouched where nothing goes
    ends = np.zeros((3, most + 1), np.int64)
    lines = np.empty(most, np.int64)
    first = -1 if has_language is None else int(has_language)
    joined = np.frombuffer(b"".join(names), np.uint8)
    outs = Texts(texts, ends[0, 1:]), Texts(ids, ends[1, 1:]), Texts(languages, ends[2, 1:])
    records, line_count, has = read_objects(data, Texts(joined, read_only(name_ends)), first, *outs, lines)
    if records == UNUSUAL:
        return None
    named = (lines[:records] >= 0).astype(np.int64)
    return Objects(
        ids=_strings(ids, ends[1, : records + 1]),
        languages=_strings(languages, ends[2, : records + 1]),
        texts=pa.LargeStringArray.from_buffers(records, pa.py_buffer(ends[0, : records + 1]), pa.py_buffer(texts)),
        lines=np.where(named, lines[:records], -1 - lines[:records]),
        named=named,
        line_count=line_count,
        has_language=has == 1,
    )


def _strings(data: U8, ends: I64) -> pa.StringArray:
    narrow = ends.astype(np.int32)
    return pa.StringArray.from_buffers(len(ends) - 1, pa.py_buffer(narrow), pa.py_buffer(data))
