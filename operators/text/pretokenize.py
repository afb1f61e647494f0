"""Pre-tokenization: cutting documents into the pieces that merges never cross.

The pieces are exactly those of Hugging Face's `Split(Regex(pattern), "isolated")`: the matches of a regular expression,
and the gaps between them; of several, one after the other. The published expressions have scanners of their own
(operators.kernels.scan); any other step goes through `tokenizers` itself. docs/explanation/pretokenizers.md says where
libraries differ.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tokenizers import PreTokenizedString

from operators.arrays import I64, PADDING, U8, padded
from operators.byte_level import to_bytes
from operators.kernels import scan as scanners
from operators.kernels.boundaries import BlockBits, scan_borders
from operators.kernels.intrinsics import WIDE
from operators.kernels.scan import BLOCK_BYTES, Classes, Ends
from operators.kernels.superwords import ISOLATED, scan_isolated
from operators.text.arrow_text import bytes_and_starts
from operators.text.character_words import character_words
from operators.text.errors import BadPattern, PatternGaveUp
from operators.text.normalization import Normalizer
from operators.text.preprocessing import (
    SPACE_MARK,
    Preprocessing,
    Section,
    byte_level_step,
    from_json,
    is_json,
    library_tokenizer,
    looks_like_name,
    split_step,
)
from operators.text.pretokenizers import NAMES, NO_SPLIT, PATTERNS, PRETOKENIZERS
from operators.text.regex_syntax import UnknownSyntax, ambiguity, from_tiktoken_syntax
from operators.text.rules import SCANNED, SUPERBPE_REGEX
from operators.text.spaces import cut_before_spaces, prefixed, starts_with_space, unmarked
from operators.unicode.classes import BLOCKS, CLASSES

_KINDS: Final[dict[str, int]] = {
    row.regex: getattr(scanners, row.scanner) for row in PRETOKENIZERS.values() if row.scanner is not None
}
_KINDS.update(
    {
        regex: getattr(scanners, scanner) + getattr(scanners, rule)
        for regex, (scanner, rule) in SCANNED.items()
        if regex not in _KINDS
    }
)
_KINDS[SUPERBPE_REGEX] = ISOLATED
"""Regular expression to the number of its scanner, with its rule for numbers."""
_BYTES_PER_PIECE: Final = 4
"""A guess for the first allocation; English under gpt4 has about 4.6."""


@dataclass(frozen=True)
class PreTokens:
    """The pieces of a batch. They tile each document: a piece begins where the one before it ends."""

    data: U8
    """The UTF-8 bytes of the batch, read-only, with PADDING readable bytes behind them (operators.arrays)."""
    ends: I64
    """int64[pieces]: end offset in `data` of every piece."""
    documents: I64
    """int64[documents + 1]: the pieces of document d are `ends[documents[d]:documents[d + 1]]`."""
    starts: I64
    """int64[documents + 1]: the documents' byte offsets in `data`; the first is 0, the last is len(data)."""


class Pretokenizer:
    """Splits batches of documents. Cheap to make, safe to share between threads, survives pickling.

    pattern: a name in PATTERNS, "none" (each document that is not empty is one piece), a regular expression in
    Oniguruma's syntax, or a preprocessing (operators.text.preprocessing) with a normalizer and further steps.
    Raises BadPattern.
    """

    pattern: str
    """The constructor's argument."""
    regex: str | None
    """The regular expression; None where there is none, or more than that."""
    by_library: bool
    """True if some step changes more than where words end, and which `tokenizers` therefore takes by itself."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        try:
            self._preprocessing = parse_preprocessing(pattern)
            self._normalizer = Normalizer(self._preprocessing)
            plan = _plan(self._preprocessing)
            self._by_class = character_words(self._preprocessing.pre_tokenizers) if plan is None else None
            self.by_library = plan is None and self._by_class is None
            self._plan = plan or _Plan()
            slow = self.by_library or any(kind is None for kind in self._plan.kinds)
            self._library = (
                library_tokenizer(None, _without_bytes(self._preprocessing, plan)).pre_tokenizer if slow else None
            )
        except ValueError as error:
            raise BadPattern(pattern, str(error)) from None
        self.regex = None if is_json(pattern) or pattern == NO_SPLIT else PATTERNS.get(pattern, pattern)

    @classmethod
    def from_tiktoken(cls, pattern: str) -> "Pretokenizer":
        """Make the one that cuts as tiktoken does with this name or expression. Raises BadPattern.

        tiktoken's engine reads some expressions in another way than Oniguruma (operators.text.regex_syntax).
        """
        if pattern in NAMES or is_json(pattern) or looks_like_name(pattern):
            return cls(pattern)
        try:
            return cls(from_tiktoken_syntax(pattern))
        except UnknownSyntax as error:
            raise BadPattern(pattern, str(error)) from None

    def __reduce__(self) -> tuple[type["Pretokenizer"], tuple[str]]:
        return Pretokenizer, (self.pattern,)

    @property
    def normalizer(self) -> Normalizer:
        """The normalizer, which comes before any cut."""
        return self._normalizer

    @property
    def marks_spaces(self) -> bool:
        """True if the vocabulary's U+2581 stands for a space (`operators.text.spaces`)."""
        by_class = self._by_class is not None and self._by_class.marks_spaces
        return self._normalizer.marks_spaces or self._plan.spaces is not None or by_class

    def split(self, text: pa.LargeStringArray) -> PreTokens:
        """The pieces of every document, normalized. No nulls (ValueError); a document without text has no pieces."""
        if text.null_count:
            raise ValueError(f"{text.null_count} of {len(text)} documents are null")
        return self.split_normalized(self._normalizer.normalize(text))

    def count_pretokens(self, text: str) -> int:
        """Count the pre-tokens of one text."""
        return len(self.split(pa.array([text], pa.large_string())).ends)

    def split_normalized(self, text: pa.LargeStringArray, opening: NDArray[np.bool_] | None = None) -> PreTokens:
        """The pieces of documents, or of parts of documents, that are normalized already.

        opening: for each part whether it is its document's first; None: all are.
        """
        plan = self._plan
        if self.by_library:
            return self._words_by_library(text, opening)
        if self._by_class is not None:
            return PreTokens(*self._by_class.cut(text))
        if plan.spaces is not None:
            text = unmarked(text)
        if plan.prefix != "never":
            which = ~starts_with_space(text)
            text = prefixed(text, which if plan.prefix == "always" or opening is None else which & opening)
        data, starts = bytes_and_starts(text)
        ends, documents = self.cut(data, starts)
        return PreTokens(data, ends, documents, starts)

    def cut(self, data: U8, starts: I64) -> tuple[I64, I64]:
        """The ends and documents of the pieces of documents' bytes, which are as they are cut; fields of PreTokens."""
        if self._plan.spaces == "each" or self._preprocessing.words == "runs":
            return cut_before_spaces(data, starts, runs=self._plan.spaces != "each")
        return self._scan(data, starts) if self._library is None else self._matched(data, starts)

    def _scan(self, data: U8, starts: I64) -> tuple[I64, I64]:
        """Ends and documents by scanners: each piece of one step is a document to the next."""
        first, *more = self._plan.kinds or (None,)
        ends, documents = _whole(starts) if first is None else _scanned(data, starts, first)
        for kind in more:
            assert kind is not None
            ends, inner = _scanned(data, _bounds(ends), kind)
            documents = inner[documents]
        return ends, documents

    def _matched(self, data: U8, starts: I64) -> tuple[I64, I64]:
        """Ends and documents by way of `tokenizers`, one document at a time."""
        text = data.data
        parts: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
        documents = np.zeros(len(starts), np.int64)
        offsets = starts.tolist()
        for d, (begin, end) in enumerate(pairwise(offsets)):
            pieces = self._cut_one(str(text[begin:end], "utf-8"), opening=True)
            splits = pieces.get_splits(offset_referential="original", offset_type="byte")
            parts.append(np.array([last for _, (_, last), _ in splits], np.int64) + begin)
            documents[d + 1] = documents[d] + len(splits)
        return np.concatenate(parts), documents

    def _words_by_library(self, text: pa.LargeStringArray, opening: NDArray[np.bool_] | None) -> PreTokens:
        """All by way of `tokenizers`, the words' bytes too, as steps may change them."""
        words: list[bytes] = []
        documents, starts = np.zeros(len(text) + 1, np.int64), np.zeros(len(text) + 1, np.int64)
        for d, document in enumerate(text.to_pylist()):
            splits = self._cut_one(document, opening is None or bool(opening[d])).get_splits()
            found = [self._spelled(word) for word, _, _ in splits]
            words += found
            documents[d + 1], starts[d + 1] = len(words), starts[d] + sum(map(len, found))
        data = np.frombuffer(b"".join(words), np.uint8)
        ends = np.cumsum([len(word) for word in words], dtype=np.int64)
        return PreTokens(padded(data, len(data)), ends, documents, starts)

    def _spelled(self, word: str) -> bytes:
        """The bytes of text that a word stands for."""
        spelled = to_bytes(word) if self._preprocessing.byte_level else None
        return word.encode() if spelled is None else spelled

    def _cut_one(self, document: str, opening: bool) -> Any:
        pieces, library = PreTokenizedString(document), self._library
        assert library is not None
        try:
            library.pre_tokenize(pieces)
        except BaseException as error:
            # A search that fails inside `tokenizers` arrives as a Rust panic, which is not an Exception.
            if type(error).__name__ != "PanicException":
                raise
            raise PatternGaveUp(self.pattern, len(document.encode()), str(error)) from None
        return pieces


@dataclass(frozen=True)
class _Plan:
    """Way to find pre-tokens that changes no word's bytes."""

    kinds: tuple[int | None, ...] = ()
    """Scanners, one after the other; None where there is none for a step."""
    prefix: str = "never"
    """Texts that get a space in front if they begin with none: never, always, or first (of a document)."""
    spaces: str | None = None
    """For a vocabulary that marks spaces, whether words begin at "each" or the text is left "whole"; None: another."""


def require_unambiguous(pattern: str) -> None:
    """Raise BadPattern for a setting that is no pre-tokenizer, or that `tokenizers` and tiktoken read differently.

    A tokenizer trained with it is written for both.
    """
    Pretokenizer(pattern)
    if pattern not in NAMES and not is_json(pattern) and (reason := ambiguity(pattern)) is not None:
        raise BadPattern(pattern, reason)


def parse_preprocessing(pattern: str) -> Preprocessing:
    """The preprocessing that a name, an expression or a preprocessing's own text stands for. Raises ValueError."""
    if is_json(pattern):
        return from_json(pattern)
    if looks_like_name(pattern) and pattern not in NAMES:
        meant = f"write (?:{pattern}) where an expression is meant" if pattern else "none leaves each document whole"
        raise ValueError(f"no name is spelled so; {meant}")
    steps = [] if pattern == NO_SPLIT else [split_step(PATTERNS.get(pattern, pattern))]
    return Preprocessing(None, {"type": "Sequence", "pretokenizers": [*steps, byte_level_step()]})


def format_preprocessing(preprocessing: Preprocessing) -> str:
    """The name, expression or text of a preprocessing."""
    written = preprocessing.to_string()
    match preprocessing.pre_tokenizers:
        case [{"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}] if preprocessing.normalizer is None:
            return "gpt2"
    return next((name for name, regex in PATTERNS.items() if regex == written), written)


_CUTS: Final = ("Split", "Digits", "Punctuation", "FixedLength")
"""Steps that change nothing but where words end, unless their behavior is Removed. UnicodeScripts loses text."""


def _plan(preprocessing: Preprocessing) -> _Plan | None:
    """None where only `tokenizers` itself knows what the words are."""
    steps, prefix = preprocessing.pre_tokenizers, "never"
    match steps:
        case [{"type": "Metaspace", "replacement": str(mark), "prepend_scheme": scheme, "split": bool(each)}]:
            if mark != SPACE_MARK or (scheme == "first" and not Normalizer(preprocessing).keeps_beginnings):
                return None
            return _Plan((), scheme, "each" if each else "whole")
        case [*before, {"type": "ByteLevel", "add_prefix_space": bool(prefixes), "use_regex": bool(own)}]:
            if prefixes and before:
                return None  # each piece would get a space
            steps = [*before, split_step(PATTERNS["gpt2"])] if own else before
            prefix = "always" if prefixes else "never"
    if any(step["type"] not in _CUTS or step.get("behavior") == "Removed" for step in steps):
        return None
    return _Plan(tuple(_kind(step) for step in steps), prefix)


def _kind(step: Section) -> int | None:
    """The scanner for a step; None: there is none."""
    if step == split_step(regex := str(step.get("pattern", {}).get("Regex"))):
        return _KINDS.get(regex)
    return None


def _without_bytes(preprocessing: Preprocessing, plan: _Plan | None) -> Section | None:
    """The pre-tokenizer whose words are text, where that is known to cut in the same places."""
    if plan is None:
        return preprocessing.pre_tokenizer
    steps = preprocessing.pre_tokenizers
    if steps and steps[-1]["type"] == "ByteLevel":
        steps = [*steps[:-1], *([split_step(PATTERNS["gpt2"])] if steps[-1]["use_regex"] else [])]
    return {"type": "Sequence", "pretokenizers": steps}


def _bounds(ends: I64) -> I64:
    """Begins of pre-tokens and the end of the last one: each is a document to the next step."""
    bounds = np.zeros(len(ends) + 1, np.int64)
    bounds[1:] = ends
    bounds.flags.writeable = False
    return bounds


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
    kinds = np.empty(longest + 2 * PADDING, np.uint8)
    words = longest // WIDE + 3
    borders, document_bits, ranks = np.empty(words, np.uint64), np.empty(words, np.uint64), np.empty(words, np.int64)
    places = np.empty(longest, np.int64)
    tables, bits = Classes(BLOCKS, CLASSES, kinds), BlockBits(borders, document_bits, places, ranks)
    document = count = 0
    while True:
        if kind == ISOLATED:
            document, count = scan_isolated(data, starts, tables, Ends(ends, documents), document, count)
        else:
            document, count = scan_borders(data, starts, kind, tables, bits, Ends(ends, documents), document, count)
        if document == len(starts) - 1:
            return ends[:count], documents
        fuller, ends = ends, np.empty(2 * len(ends), np.int64)
        ends[:count] = fuller[:count]
