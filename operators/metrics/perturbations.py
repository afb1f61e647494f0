"""Small changes of a word that a reader hardly sees, and how many of its tokens they change."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

ASCII_ZERO: Final = ord("0")
OTHER_ZERO: Final = 0x0660
"""ARABIC-INDIC DIGIT ZERO, for digits of ASCII; digits of other scripts become ASCII's."""


def typo(word: str, draw: np.random.Generator) -> str:
    """Return the word with one slip: two neighbours exchanged, a character left out, or one typed twice.

    `draw` decides which and where; a slip that changes nothing, as of equal neighbours, is one too.
    """
    at, slip = int(draw.integers(len(word))), int(draw.integers(3))
    if slip == 0 and at + 1 < len(word):
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if slip == 1 and len(word) > 1:
        return word[:at] + word[at + 1 :]
    return word[: at + 1] + word[at:]


def without_marks(word: str) -> str:
    """Return the word without its combining marks: `without_marks("Größe")` is "Große"."""
    apart = unicodedata.normalize("NFD", word)
    return unicodedata.normalize("NFC", "".join(one for one in apart if unicodedata.category(one) != "Mn"))


def other_form(word: str) -> str:
    """Return the word in NFD; in NFC where it is in NFD already."""
    decomposed = unicodedata.normalize("NFD", word)
    return decomposed if decomposed != word else unicodedata.normalize("NFC", word)


def other_digits(word: str) -> str:
    """Return the word with its ASCII digits as Arabic-Indic ones, and digits of other scripts as ASCII's."""
    return "".join(_other_digit(one) if one.isdecimal() else one for one in word)


def _other_digit(digit: str) -> str:
    zero = OTHER_ZERO if digit.isascii() else ASCII_ZERO
    return chr(zero + unicodedata.decimal(digit))


CHANGES: Final[dict[str, tuple[Callable[[str], str], str]]] = {
    "lost_marks": (without_marks, "no word has a combining mark"),
    "other_form": (other_form, "no word has another Unicode form"),
    "other_digits": (other_digits, "no word has a digit"),
}
"""Change to its function, and what the text lacks where it changes no word."""


def changed_tokens(before: Sequence[int], after: Sequence[int]) -> int:
    """Count the tokens of a word that its changed spelling does not have, each as often as it occurs.

    >>> changed_tokens([5, 7, 7], [7, 9])
    2
    """
    return (Counter(before) - Counter(after)).total()
