"""Words that `tokenizers` cuts by the class of each character alone: BertPreTokenizer, WhitespaceSplit and the like.

The library itself says what class a character has: it is asked once for each page of characters that texts have.
"""

import json
from functools import cache
from itertools import takewhile
from typing import Final

import numpy as np
import pyarrow as pa

from operators.arrays import I64, PADDING, U8
from operators.kernels.character_classes import ALONE, FIRST_KIND, MARK, PAGE_BITS, SPACE, UNKNOWN, cut_by_class
from operators.text.arrow_text import bytes_and_starts
from operators.text.preprocessing import SPACE_MARK, Section, library_tokenizer

_STEPS: Final = ("BertPreTokenizer", "WhitespaceSplit", "Whitespace", "Punctuation", "Digits")
_KINDS: Final = ("a", "1", "+", "\u0905")
"""A character of each class that these steps tell apart, but for white space and characters that are alone."""
_SURROGATES: Final = range(0xD800, 0xE000)


class CharacterWords:
    """Cuts batches of normalized documents by characters' classes. Safe to share between threads."""

    marks_spaces: bool
    """True if words begin with the space that a space mark of the vocabulary stands for."""

    def __init__(self, steps: list[Section], metaspace: Section | None) -> None:
        self.marks_spaces = metaspace is not None
        self._library = library_tokenizer(None, {"type": "Sequence", "pretokenizers": steps}).pre_tokenizer
        self._classes = np.full(0x110000, UNKNOWN, np.uint8)
        prefixes = metaspace is not None and metaspace["prepend_scheme"] == "always"
        self._marks = np.array([prefixes, metaspace is not None and metaspace["split"]], np.int64)

    def cut(self, text: pa.LargeStringArray) -> tuple[U8, I64, I64, I64]:
        """Return data, ends, documents and starts as `PreTokens` has them; the data are the words' bytes alone."""
        data, starts = bytes_and_starts(text)
        count = len(starts) - 1
        out, ends = np.zeros(len(data) + count + PADDING, np.uint8), np.empty(len(data) + 1, np.int64)
        documents, out_starts = np.empty(count + 1, np.int64), np.empty(count + 1, np.int64)
        arrays = (data, starts, self._classes, self._marks, out, ends, documents, out_starts)
        while (page := cut_by_class(*arrays)) >= 0:
            self._fill(page)
        out.flags.writeable = False
        return out[: out_starts[-1]], ends[: documents[-1]].copy(), documents, out_starts

    def _fill(self, page: int) -> None:
        """Ask the library for the classes of a page. Two threads may both do so: they write the same."""
        codes = np.arange(page << PAGE_BITS, (page + 1) << PAGE_BITS)
        characters = ["" if code in _SURROGATES else chr(code) for code in codes.tolist()]
        classes = np.full(len(codes), FIRST_KIND + len(_KINDS), np.uint8)
        for kind in reversed(range(len(_KINDS))):
            classes[self._words([_KINDS[kind] + character for character in characters]) == 1] = FIRST_KIND + kind
        alone = self._words([character * 2 for character in characters])
        classes[alone == 2] = ALONE
        classes[alone == 0] = SPACE
        if self.marks_spaces:
            classes[codes == ord(SPACE_MARK)] = MARK
        self._classes[codes] = classes

    def _words(self, texts: list[str]) -> I64:
        """Return the number of words of each text of up to two characters, int64[texts]."""
        padded = " ".join(text.ljust(2) for text in texts)
        begins = [begin for _, (begin, _) in self._library.pre_tokenize_str(padded)]
        counts: I64 = np.bincount(np.array(begins, np.int64) // 3, minlength=len(texts))
        return counts


@cache
def _shared(written: str) -> CharacterWords:
    """Make one for all encoders: each page is asked for once in a process."""
    plain, metaspace = json.loads(written)
    return CharacterWords(plain, metaspace)


def character_words(steps: list[Section]) -> CharacterWords | None:
    """Return what cuts as these steps of a pre-tokenizer do; None where classes of characters do not say it."""
    plain = list(takewhile(lambda step: step["type"] in _STEPS, steps))
    rest = steps[len(plain) :]
    if not any(step["type"] in _STEPS[:3] for step in plain):
        return None  # without white space that goes, the words tile the text
    if any(step.get("behavior", "Isolated") != "Isolated" for step in plain):
        return None
    match rest:
        case []:
            return _shared(json.dumps([plain, None]))
        case [{"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always" | "never"} as metaspace]:
            return _shared(json.dumps([plain, metaspace])) if plain == [{"type": "WhitespaceSplit"}] else None
    return None
