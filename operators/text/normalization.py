"""Normalization of texts before they are cut, as `tokenizers` does it: it does it, where there is something to do.

Unicode's four forms leave most documents alone, as a quick check tells; only the others take that way. SentencePiece's
spaces stay spaces here (`operators.text.spaces` says why that is the same).
"""

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from operators.text.character_map import character_map
from operators.text.normal_forms import FORMS, may_change
from operators.text.normalization_rules import RulesNormalizer
from operators.text.preprocessing import SPACE_MARK, Preprocessing, Section, library_tokenizer
from operators.text.regex_syntax import always_consumes
from operators.text.spaces import prefixed, squeezed, trimmed, unmarked

_MARK_SPACES: Final = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE_MARK}
_MOST_GROWTH: Final = 1_000
_PREPEND_MARK: Final = {"type": "Prepend", "prepend": SPACE_MARK}


class Normalizer:
    """Normalizes batches of documents as a preprocessing says. Cheap to make, safe to share between threads."""

    marks_spaces: bool
    """True if spaces are written as SPACE_MARK from here on, which is the same as leaving both spaces."""

    def __init__(self, preprocessing: Preprocessing) -> None:
        steps, self._prefix, self.marks_spaces = preprocessing.normalizers, False, False
        self._squeeze = self._only_opening = False
        self._rules: RulesNormalizer | None = None
        if steps and steps[-1]["type"] == "SentencePiece":
            self._rules = RulesNormalizer(steps[-1]) if "rules" in steps[-1] else None
            self._prefix, self._squeeze = steps[-1]["add_dummy_prefix"], steps[-1]["remove_extra_whitespaces"]
            steps, self.marks_spaces, self._only_opening = [], True, True
        elif not preprocessing.pre_tokenizers and _MARK_SPACES in steps[-2:]:
            if len(steps) > 1 and all(step in (_MARK_SPACES, _PREPEND_MARK) for step in steps[-2:]):
                steps, self._prefix, self.marks_spaces = steps[:-2], _PREPEND_MARK in steps[-2:], True
            elif steps[-1] == _MARK_SPACES:
                steps, self.marks_spaces = steps[:-1], True
        if (times := _growth(steps)) > _MOST_GROWTH:
            raise ValueError(f"a normalizer that may make a text {times:,} times as long, {_MOST_GROWTH:,} at most")
        self._unicode_alone = all(step["type"] in FORMS for step in steps)
        self._steps = steps
        self._library = _library(steps)
        self._map = None if self._unicode_alone else character_map(steps)

    @property
    def changes_nothing(self) -> bool:
        """True if every text is left as it is."""
        return self._library is None and not self.marks_spaces

    @property
    def may_insert_anywhere(self) -> bool:
        """True if a step may replace an empty match: only a whole encoding by `tokenizers` shows what becomes of it."""
        patterns = [step["pattern"].get("Regex") for step in self._steps if step["type"] == "Replace"]
        return not all(regex is None or always_consumes(regex) for regex in patterns)

    @property
    def keeps_beginnings(self) -> bool:
        """True if no text's first character is dropped."""
        return self._unicode_alone

    def normalize(self, text: pa.LargeStringArray, opening: NDArray[np.bool_] | None = None) -> pa.LargeStringArray:
        """The normalized documents, or parts of documents; opening: which is its document's first, None: all are."""
        if self._rules is not None:
            return unmarked(self._rules.normalize(text, opening))
        if self._map is not None:
            text = self._map.normalize(text)
        elif self._library is not None:
            text = self._by_library(text)
        if self._squeeze:
            text = squeezed(text)
        if self.marks_spaces:
            text = unmarked(text)
        if self._prefix:
            text = prefixed(text, opening if self._only_opening else None)
        return trimmed(text) if self._squeeze else text  # a mark at the text's end is a space by now

    def patterns(self, contents: list[str]) -> list[str]:
        """Spell added tokens that are looked for in normalized text as they stand there."""
        if self._only_opening:  # SentencePiece's added tokens get no prefix
            return [content.replace(SPACE_MARK, " ") for content in contents]
        spelled: list[str] = self.normalize(pa.array(contents, pa.large_string())).to_pylist()
        return spelled

    def _by_library(self, text: pa.LargeStringArray) -> pa.LargeStringArray:
        from pyarrow import compute  # takes long to import

        if not self._unicode_alone:
            return pa.array([self._library.normalize_str(one) for one in text.to_pylist()], pa.large_string())
        changed = pa.array(may_change(text, tuple(step["type"] for step in self._steps)))
        done = [self._library.normalize_str(one) for one in text.filter(changed).to_pylist()]
        return compute.replace_with_mask(text, changed, pa.array(done, pa.large_string()))


def _growth(steps: list[Section]) -> int:
    """Return the factor by which these steps may lengthen a text, by what they put in."""
    times = 1
    for step in steps:
        put_in = step.get("content", step.get("prepend", ""))
        times *= max(1, len(str(put_in).encode()) + (step["type"] == "Prepend"))
    return times


def _library(steps: list[Section]) -> Any:
    """The steps as a normalizer of `tokenizers`; None where there are none."""
    return library_tokenizer({"type": "Sequence", "normalizers": steps}, None).normalizer if steps else None
