"""Borders of tokens in the text that they spell, by byte."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from operators.arrays import I32, I64, U8, word_buffers


@dataclass(frozen=True)
class Borders:
    """Borders of tokens in some documents."""

    text: U8
    """uint8[bytes]: the documents' text, one behind the other."""
    starts: I64
    """int64[documents + 1]: places in `text` where documents begin, and its end."""
    at: NDArray[np.bool_]
    """bool[bytes + 1]: True where a token begins, and where a document begins or ends."""
    spelled: NDArray[np.bool_]
    """bool[documents]: True where the tokens spell the document byte by byte. Other documents, which a normalizer
    changed or which have unknown characters, have no borders inside."""


def token_borders(text: pa.LargeStringArray, ids: I32, offsets: I64, tokens: pa.LargeBinaryArray) -> Borders:
    """Find the borders of the tokens of each document, which `operators.encoding.encode.Encoder.encode` returned.

    tokens: the bytes of every token, by id. A space that a tokenizer puts before a document is no part of it.
    """
    starts, data = word_buffers(text.cast(pa.large_binary()))
    data, starts = data[starts[0] : starts[-1]], starts - starts[0]
    spelling = tokens.take(pa.array(ids))
    ends, spelt = word_buffers(spelling)
    ends, spelt = ends - ends[0], spelt[ends[0] : ends[-1]]
    at = np.zeros(len(data) + 1, np.bool_)
    spelled = np.zeros(len(text), np.bool_)
    for i in range(len(text)):
        first, last = int(offsets[i]), int(offsets[i + 1])
        own, whole = spelt[ends[first] : ends[last]], data[starts[i] : starts[i + 1]]
        added = len(own) - len(whole)
        if added in (0, 1) and (not added or own[0] == 0x20) and own[added:].tobytes() == whole.tobytes():
            spelled[i] = True
            at[(ends[first + 1 : last] - ends[first] - added).clip(0) + starts[i]] = True
    at[starts] = True
    return Borders(data, starts, at, spelled)


def split_characters(borders: Borders) -> tuple[I64, I64]:
    """Count the split characters and the characters of several bytes in each spelled document, int64[documents] each.

    A character is split where a token begins inside it (Meister 2026, TokEval: "character split").
    """
    inside = (borders.text & 0xC0) == 0x80
    first = np.append(inside[1:], False) & ~inside
    character = np.cumsum(first) - 1
    is_split = np.zeros(int(first.sum()), np.bool_)
    is_split[character[inside & borders.at[:-1]]] = True
    document = np.searchsorted(borders.starts, np.flatnonzero(first), side="right") - 1
    counts = [np.bincount(document[one], minlength=len(borders.spelled)) for one in (is_split, np.ones_like(is_split))]
    split, whole = (np.where(borders.spelled, one, 0) for one in counts)
    return split, whole
