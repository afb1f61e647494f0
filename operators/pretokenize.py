"""Pre-tokenization: cutting documents into the pieces that merges never cross.

The pieces are exactly those of Hugging Face's `Split(Regex(pattern), "isolated")`: the matches of a regular expression,
and the gaps between them. The published expressions have scanners of their own (operators.kernels.scan); any other
expression goes through `tokenizers` itself. docs/pretokenizers.md says where libraries differ.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tokenizers import PreTokenizedString, Regex
from tokenizers.pre_tokenizers import Split

from operators.arrays import I64, ROOM, U8, with_room
from operators.errors import DataError, UsageError
from operators.kernels.borders import scan_borders
from operators.kernels.machine import WIDE
from operators.kernels.scan import BLOCK_BYTES, CL100K, GPT2, O200K, scan
from operators.unicode_classes import BLOCKS, CLASSES

_CL100K: Final = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)

PATTERNS: Final[dict[str, str]] = {
    "gpt2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "gpt4": _CL100K,
    "o200k": (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
    "llama3": _CL100K,
}
"""Name to the published regular expression; gpt4 (cl100k_base) and llama3 are the same one."""

_KINDS: Final = {PATTERNS["gpt2"]: GPT2, PATTERNS["gpt4"]: CL100K, PATTERNS["o200k"]: O200K}
_BYTES_PER_PIECE: Final = 4
"""A guess for the first allocation; English under gpt4 has about 4.6."""


class BadPattern(UsageError):
    """A regular expression that does not compile."""

    def __init__(self, pattern: str, reason: str) -> None:
        super().__init__(pattern, reason)
        self.pattern, self.reason = pattern, reason

    def __str__(self) -> str:
        names = ", ".join([*PATTERNS, "none"])
        return f"pre-tokenizer {self.pattern!r} is neither a name ({names}) nor a regular expression: {self.reason}"


class PatternGaveUp(DataError):
    """A regular expression that backtracks too long on a document."""

    def __init__(self, pattern: str, document_bytes: int, reason: str) -> None:
        super().__init__(pattern, document_bytes, reason)
        self.pattern, self.document_bytes, self.reason = pattern, document_bytes, reason

    def __str__(self) -> str:
        return (
            f"pre-tokenizer {self.pattern!r} gave up on a document of {self.document_bytes} bytes: {self.reason}; "
            "write the expression without nested repetition"
        )


@dataclass(frozen=True)
class Pieces:
    """The pieces of a batch. They tile each document: a piece begins where the one before it ends."""

    data: U8
    """The UTF-8 bytes of the batch, read-only, with ROOM readable bytes behind them (operators.arrays)."""
    ends: I64
    """int64[pieces]: end offset in `data` of every piece."""
    documents: I64
    """int64[documents + 1]: the pieces of document d are `ends[documents[d]:documents[d + 1]]`."""
    starts: I64
    """int64[documents + 1]: the documents' byte offsets in `data`; the first is 0, the last is len(data)."""


class Pretokenizer:
    """Splits batches of documents. Cheap to make, safe to share between threads, survives pickling.

    pattern: a name in PATTERNS, "none" (each document that is not empty is one piece), or a regular expression in
    Oniguruma's syntax. Raises BadPattern.
    """

    pattern: str
    """As given."""
    regex: str | None
    """The regular expression; None for "none"."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.regex = None if pattern == "none" else PATTERNS.get(pattern, pattern)
        self._kind = None if self.regex is None else _KINDS.get(self.regex)
        self._split: Any = None
        if self.regex is not None and self._kind is None:
            try:
                self._split = Split(Regex(self.regex), "isolated")
            except Exception as error:  # tokenizers has no class of its own for it
                raise BadPattern(pattern, str(error).removeprefix("Oniguruma error: ")) from None

    def __reduce__(self) -> tuple[type["Pretokenizer"], tuple[str]]:
        return Pretokenizer, (self.pattern,)

    def split(self, text: pa.LargeStringArray) -> Pieces:
        """The pieces of every document. No nulls (ValueError); a document without text has no pieces."""
        if text.null_count:
            raise ValueError(f"{text.null_count} of {len(text)} documents are null")
        data, starts = _bytes_and_starts(text)
        if self.regex is None:
            ends, documents = _whole(starts)
        elif self._kind is not None:
            ends, documents = _scanned(data, starts, self._kind)
        else:
            ends, documents = self._matched(data, starts)
        return Pieces(data, ends, documents, starts)

    def _matched(self, data: U8, starts: I64) -> tuple[I64, I64]:
        """Ends and documents by way of `tokenizers`, one document at a time."""
        text = data.data
        parts: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
        documents = np.zeros(len(starts), np.int64)
        offsets = starts.tolist()
        for d, (begin, end) in enumerate(pairwise(offsets)):
            ends = self._matched_ends(str(text[begin:end], "utf-8"), end - begin)
            parts.append(np.array(ends, np.int64) + begin)
            documents[d + 1] = documents[d] + len(ends)
        return np.concatenate(parts), documents

    def _matched_ends(self, document: str, document_bytes: int) -> list[int]:
        pieces = PreTokenizedString(document)
        try:
            self._split.pre_tokenize(pieces)
        except BaseException as error:
            # A search that fails inside `tokenizers` arrives as a Rust panic, which is not an Exception.
            if type(error).__name__ != "PanicException":
                raise
            raise PatternGaveUp(self.pattern, document_bytes, str(error)) from None
        return [end for _, (_, end), _ in pieces.get_splits(offset_referential="original", offset_type="byte")]


def _bytes_and_starts(text: pa.LargeStringArray) -> tuple[U8, I64]:
    """The bytes of exactly these documents, with ROOM behind them, and their offsets from 0 on, both read-only."""
    _, offsets, values = text.buffers()
    if len(text) == 0 or values is None:
        data, starts, follows = np.empty(0, np.uint8), np.zeros(len(text) + 1, np.int64), 0
    else:
        absolute = np.frombuffer(offsets, np.int64, len(text) + 1, text.offset * 8)
        first, last = int(absolute[0]), int(absolute[-1])
        data, starts, follows = (
            np.frombuffer(values, np.uint8, last - first, first),
            absolute - first,
            values.size - first,
        )
    starts.flags.writeable = False
    return with_room(data, follows), starts


def _whole(starts: I64) -> tuple[I64, I64]:
    has_text = np.diff(starts) > 0
    documents = np.zeros(len(starts), np.int64)
    np.cumsum(has_text, out=documents[1:])
    return starts[1:][has_text], documents


def _scanned(data: U8, starts: I64, kind: int) -> tuple[I64, I64]:
    # Room for a piece per byte of one block of documents at least; places that are never written take no memory.
    longest = max(int(np.diff(starts).max(initial=0)), BLOCK_BYTES)
    ends = np.empty(len(data) // _BYTES_PER_PIECE + longest, np.int64)
    documents = np.zeros(len(starts), np.int64)
    kinds = np.empty(longest + 2 * ROOM, np.uint8)
    words = longest // WIDE + 3
    borders, document_bits, ranks = np.empty(words, np.uint64), np.empty(words, np.uint64), np.empty(words, np.int64)
    places = np.empty(longest, np.int64) if kind != O200K else ranks
    document = count = 0
    while True:
        if kind != O200K:
            document, count = scan_borders(
                data, starts, kind == CL100K, BLOCKS, CLASSES, kinds, borders, document_bits, places, ranks, document,
                ends, count, documents,
            )  # fmt: skip
        else:
            document, count = scan(data, starts, kind, BLOCKS, CLASSES, kinds, document, ends, count, documents)
        if document == len(starts) - 1:
            return ends[:count], documents
        fuller, ends = ends, np.empty(2 * len(ends), np.int64)
        ends[:count] = fuller[:count]
