"""Traits of tokens by their text: words, digits, code, and others that differ in case or in a space only."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

WHOLE_WORD: Final = "word"
SPACE_AND_WORD: Final = "word behind a space"
DIGITS: Final = "digits"
CODE: Final = "code"
BLANKS: Final = "white space"
PUNCTUATION: Final = "punctuation"
OTHER: Final = "other text"

_RULES: Final = (
    (BLANKS, re.compile(r"\s+")),
    (DIGITS, re.compile(r" ?\d+")),
    (SPACE_AND_WORD, re.compile(r" [^\W\d_]+")),
    (WHOLE_WORD, re.compile(r"[^\W\d_]+")),
    (CODE, re.compile(r"[ .]?[^\W\d]*(?:[a-z][A-Z]|_|\()\w*[^\w\s]*|\s*[{}();=<>\[\]/\\*#&|]{2,}\s*")),
    (PUNCTUATION, re.compile(r"\s*[^\w\s]+\s*")),
)


def trait(text: str) -> str:
    r"""Return what a token's text is, by the first of these that fits.

    White space; digits; letters behind a space; letters; code: a name with a capital inside, an underscore or a
    parenthesis, or two and more of {}();=<>[]/\*#&|; punctuation; other text.

    >>> [trait(text) for text in (" the", "12", "getName", "();", "?!", "a1")]
    ['word behind a space', 'digits', 'word', 'code', 'punctuation', 'other text']
    """
    return next((name for name, rule in _RULES if rule.fullmatch(text)), OTHER)


def duplicates(texts: Sequence[str | None], folded: str) -> list[int | None]:
    """Return for each text the place of the first text that is equal but for its case, or for spaces at its ends.

    folded: "case" or "space". None: there is none, or the text is the first itself. Equal texts are not asked for.

    >>> duplicates(["the", "The", " the", None], "case"), duplicates(["the", "The", " the", None], "space")
    ([None, 0, None, None], [None, None, 0, None])
    """
    first: dict[str, int] = {}
    found: list[int | None] = []
    for place, key in enumerate(_keys(texts, folded)):
        at = first.setdefault(key, place) if key else place
        found.append(None if at == place else at)
    return found


def _keys(texts: Iterable[str | None], folded: str) -> Iterable[str]:
    return ((text.casefold() if folded == "case" else text.strip(" ")) if text else "" for text in texts)
