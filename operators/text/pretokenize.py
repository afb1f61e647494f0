"""Pre-tokenization: cutting documents into pre-tokens, whose borders merges never cross.

The pre-tokens are exactly those of Hugging Face's `Split(Regex(pattern), "isolated")`: the matches of a regular
expression, and the gaps between them. Several expressions cut one after the other. Published expressions have scanners
by bits (operators.kernels.scan), others are compiled to tables, and what no table can say goes through `tokenizers`.
docs/explanation/pretokenizers.md says where libraries differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from operators.arrays import I64, U8, padded
from operators.byte_level import to_bytes
from operators.kernels import scan as scanners
from operators.text.arrow_text import bytes_and_starts
from operators.text.character_classes import NotCompiled
from operators.text.character_words import character_words
from operators.text.compiled import Compiled, Cut, by_bits, compiled
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
    library_version,
    looks_like_name,
    split_step,
)
from operators.text.pretokenizers import NAMES, NO_SPLIT, PATTERNS, PRETOKENIZERS
from operators.text.regex_syntax import UnknownSyntax, ambiguity, from_tiktoken_syntax
from operators.text.rules import SCANNED
from operators.text.spaces import cut_before_spaces, prefixed, starts_with_space, unmarked

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
"""Regular expression to the number of its scanner, with its rule for numbers."""


@dataclass(frozen=True)
class PreTokens:
    """Pre-tokens of a batch. They tile each document: one begins where the one before it ends."""

    data: U8
    """The UTF-8 bytes of the batch, read-only, with PADDING readable bytes behind them (operators.arrays)."""
    ends: I64
    """int64[pre-tokens]: end offset in `data` of every pre-token."""
    documents: I64
    """int64[documents + 1]: the pre-tokens of document d are `ends[documents[d]:documents[d + 1]]`."""
    starts: I64
    """int64[documents + 1]: the documents' byte offsets in `data`; the first is 0, the last is len(data)."""


class Pretokenizer:
    """Splits batches of documents. Cheap to make, safe to share between threads, survives pickling.

    pattern: a name in PATTERNS, "none" (each document that is not empty is one pre-token), a regular expression in
    Oniguruma's syntax, or a preprocessing (operators.text.preprocessing) with a normalizer and further steps.
    Raises BadPattern.
    """

    pattern: str
    """The constructor's argument."""
    regex: str | None
    """The regular expression; None where there is none, or more than that."""
    by_library: bool
    """True if some step changes more than where words end, and which `tokenizers` therefore takes by itself."""
    library: str | None
    """`tokenizers` with its version, and why it cuts this text; None: it does not, kernels do."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        try:
            self._preprocessing = parse_preprocessing(pattern)
            self._normalizer = Normalizer(self._preprocessing)
            plan = _plan(self._preprocessing)
            self._by_class = character_words(self._preprocessing.pre_tokenizers) if plan is None else None
            self.by_library = plan is None and self._by_class is None
            self._plan = plan or _Plan()
            self._cut: Cut | None = None
            reason = "a step that changes more than where words end" if self.by_library else None
            if plan is not None:
                try:
                    self._cut = _cutter(plan.steps)
                except NotCompiled as error:
                    reason = str(error)
            self.library = None if reason is None else f"{library_version()}: {reason}"
            # Also where it is not needed: it says what is no expression.
            library = (
                library_tokenizer(None, _without_bytes(self._preprocessing, plan)) if pattern not in NAMES else None
            )
            self._library = library.pre_tokenizer if library is not None and self._cut is None else None
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
    def cut_by(self) -> str:
        """Name of what cuts: "bits" (a scanner by hand), "tables" (a compiled expression), or the library and why."""
        return self.library or ("tables" if isinstance(self._cut, Compiled) else "bits")

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
        """Return the pre-tokens of every document, normalized. No nulls (ValueError)."""
        if text.null_count:
            raise ValueError(f"{text.null_count} of {len(text)} documents are null")
        return self.split_normalized(self._normalizer.normalize(text))

    def count_pretokens(self, text: str) -> int:
        """Count the pre-tokens of one text."""
        return len(self.split(pa.array([text], pa.large_string())).ends)

    def split_normalized(self, text: pa.LargeStringArray, opening: NDArray[np.bool_] | None = None) -> PreTokens:
        """Return the pre-tokens of documents, or of parts of documents, that are normalized already.

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
        """Return ends and documents, fields of PreTokens, of documents' bytes that are cut as they are."""
        if self._plan.spaces == "each" or self._preprocessing.words == "runs":
            return cut_before_spaces(data, starts, runs=self._plan.spaces != "each")
        return (self._cut or self._matched)(data, starts)

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
        from tokenizers import PreTokenizedString  # takes long to import

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

    steps: tuple[Section, ...] = ()
    """Steps that cut, one after the other."""
    prefix: str = "never"
    """Texts that get a space in front if they begin with none: never, always, or first (of a document)."""
    spaces: str | None = None
    """Rule of a vocabulary that marks spaces: words begin at "each", or the text stays "whole"; None: no such one."""


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


def cutting_steps(preprocessing: Preprocessing) -> tuple[Section, ...] | None:
    """Steps that cut a text into words of its own bytes, one after the other; None where more is done to the text."""
    plan = _plan(preprocessing)
    plain = preprocessing.byte_level and preprocessing.normalizer is None
    return plan.steps if plan is not None and plain and plan.prefix == "never" and plan.spaces is None else None


_CUTS: Final = ("Split", "Digits", "Punctuation", "FixedLength")
"""Steps that change nothing but where words end, unless their behavior is Removed. UnicodeScripts loses text."""


def _plan(preprocessing: Preprocessing) -> _Plan | None:
    """Return the way to cut; None where only `tokenizers` itself can tell the words."""
    steps, prefix = preprocessing.pre_tokenizers, "never"
    match steps:
        case [{"type": "Metaspace", "replacement": str(mark), "prepend_scheme": scheme, "split": bool(each)}]:
            if mark != SPACE_MARK or (scheme == "first" and not Normalizer(preprocessing).keeps_beginnings):
                return None
            return _Plan((), scheme, "each" if each else "whole")
        case [*before, {"type": "ByteLevel", "add_prefix_space": bool(prefixes), "use_regex": bool(own)}]:
            if prefixes and before:
                return None  # each pre-token would get a space
            steps = [*before, split_step(PATTERNS["gpt2"])] if own else before
            prefix = "always" if prefixes else "never"
    if any(step["type"] not in _CUTS or step.get("behavior") == "Removed" for step in steps):
        return None
    return _Plan(tuple(steps), prefix)


def _cutter(steps: Sequence[Section]) -> Cut:
    """The cut that these steps make: by bits where they are one published expression. Raises NotCompiled."""
    if not steps:
        return _whole
    regex = str(steps[0].get("pattern", {}).get("Regex"))
    if len(steps) == 1 and regex in _KINDS and steps[0] == split_step(regex):
        return by_bits(_KINDS[regex])
    return compiled(steps)


def _without_bytes(preprocessing: Preprocessing, plan: _Plan | None) -> Section | None:
    """The pre-tokenizer whose words are text, where that is known to cut in the same places."""
    if plan is None:
        return preprocessing.pre_tokenizer
    steps = preprocessing.pre_tokenizers
    if steps and steps[-1]["type"] == "ByteLevel":
        steps = [*steps[:-1], *([split_step(PATTERNS["gpt2"])] if steps[-1]["use_regex"] else [])]
    return {"type": "Sequence", "pretokenizers": steps}


def _whole(data: U8, starts: I64) -> tuple[I64, I64]:
    """Return the cut that makes each document that is not empty one pre-token."""
    has_text = np.diff(starts) > 0
    documents = np.zeros(len(starts), np.int64)
    np.cumsum(has_text, out=documents[1:])
    return starts[1:][has_text], documents
