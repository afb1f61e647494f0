"""Escapes and classes of regular expressions as sets of code points, in Oniguruma's syntax."""

import re
from functools import lru_cache
from typing import Final, NoReturn

import numpy as np

from operators.unicode.code_sets import ANYTHING, NOTHING, CodeSet, flagged_set, property_set
from operators.unicode.properties import BLANK, WORD


class NotCompiled(ValueError):
    """An expression that no automaton is made of; the message says why, in a few words."""


def refuse(reason: str) -> NoReturn:
    """Raise NotCompiled."""
    raise NotCompiled(reason)


_CONTROLS: Final = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13, "a": 7, "e": 27}


@lru_cache(maxsize=256)
def class_set(text: str) -> CodeSet:
    """Return the members of a class. Raises NotCompiled."""
    return _Class(text).whole()


def escaped_set(text: str) -> CodeSet:
    """The characters that an escape stands for."""
    name, rest = text[1], text[2:]
    if name in "pP":
        inner = rest[1:-1]
        negated = inner.startswith("^")
        found = property_set(inner[negated:]) if rest[:1] == "{" else None
        if found is None:
            refuse(f"{text}, which is no general category or script")
        return ~found if negated != (name == "P") else found
    if name in "sSwWdDhH":
        sets = {"s": flagged_set(BLANK), "w": flagged_set(WORD), "d": property_set("Nd"), "h": _HEX}
        found = sets[name.lower()]
        assert found is not None
        return found if name.islower() else ~found
    code = _CONTROLS.get(name)
    if name in "xu":
        digits = rest.strip("{}")
        code = int(digits, 16) if re.fullmatch("[0-9A-Fa-f]{1,6}", digits) else None
        if code is not None and (code > 0x10FFFF or (rest[:1] != "{" and name == "x" and code > 0x7F)):
            code = None
    elif not name.isalnum() and name.isascii():
        code = ord(name)
    if code is None:
        refuse(text)
    return CodeSet.of((code, code))


_HEX: Final = CodeSet(np.array([0x30, 0x3A, 0x41, 0x47, 0x61, 0x67]))
_IN_CLASS: Final = re.compile(r"\\(?:[pPxu]\{[^}]*\}|x[0-9A-Fa-f]{1,2}|u[0-9A-Fa-f]{4}|.)|&&|\[:|.", re.S)


class _Class:
    """Reader of a class's parts, from left to right."""

    def __init__(self, text: str) -> None:
        self._parts = _IN_CLASS.findall(text)
        self._place = 0

    def whole(self) -> CodeSet:
        """Read the class."""
        return self._class()

    def _next(self) -> str:
        if self._place == len(self._parts):
            refuse("a class without an end")
        self._place += 1
        return str(self._parts[self._place - 1])

    def _ahead(self) -> str:
        return str(self._parts[self._place]) if self._place < len(self._parts) else ""

    def _class(self) -> CodeSet:
        self._next()  # the bracket
        negated = self._ahead() == "^"
        self._place += negated
        whole, members, count = ANYTHING, NOTHING, 0
        while (part := self._next()) != "]":
            count += 1
            if part == "[:":
                refuse("a POSIX class")
            if part == "&&":
                if count == 1 or self._ahead() in ("]", "&&"):
                    refuse("&& with nothing beside it")
                whole, members, count = whole & members, NOTHING, 0
            elif part == "[":
                self._place -= 1
                members |= self._class()
            else:
                members |= self._range(part, first=count == 1)
        if count == 0:
            refuse("an empty class")
        found = whole & members
        return ~found if negated else found

    def _range(self, part: str, *, first: bool) -> CodeSet:
        """A range that begins with this part, or the part alone."""
        if part == "-" and not (first or self._ahead() == "]"):
            refuse("a - inside a class")
        low = _single(part)
        if self._ahead() != "-" or self._parts[self._place + 1 : self._place + 2] == ["]"]:
            return low
        if len(low) != 1 or part == "-" or part[:2] in (r"\p", r"\P"):
            refuse("a range of classes")
        self._next()
        high = _single(self._next())
        if len(high) != 1 or high.borders[0] < low.borders[0]:
            refuse("a range without an end")
        return CodeSet(np.array([low.borders[0], high.borders[1]]))


_LATIN_NUMBERS: Final = CodeSet.of((0xB2, 0xB3), (0xB9, 0xB9), (0xBC, 0xBE))
r"""², ³, ¹, ¼, ½ and ¾: Oniguruma has them in `\w`, and not in `[\w]`."""


def _single(part: str) -> CodeSet:
    if part in ("[", "[:", "&&", "]") or part == r"\b":
        refuse(f"{part} inside a class")
    if part in (r"\w", r"\W"):
        words = escaped_set(r"\w") & ~_LATIN_NUMBERS
        return words if part == r"\w" else ~words
    return escaped_set(part) if part[0] == "\\" else CodeSet.of((ord(part), ord(part)))
