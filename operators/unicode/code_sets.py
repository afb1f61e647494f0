"""Sets of code points, and the properties of regular expressions as such sets."""

from dataclasses import dataclass
from functools import cache, reduce
from operator import or_
from typing import Final

import numpy as np
from numpy.typing import NDArray

from operators.arrays import I64
from operators.unicode import properties, properties_table

END: Final = 0x110000
"""One more than the largest code point."""


@dataclass(frozen=True, eq=False)
class CodeSet:
    """A set of code points, by its borders: members are range(borders[0], borders[1]), and so on."""

    borders: I64
    """int64, rising, an even number of them."""

    @classmethod
    def of(cls, *ranges: tuple[int, int]) -> "CodeSet":
        """Make one of ranges: first and last member of each."""
        found = [cls(np.array([first, last + 1])) for first, last in ranges]
        return reduce(or_, found or [NOTHING])

    def has(self, codes: I64) -> NDArray[np.bool_]:
        """Return for each code point whether it is a member; bool[codes]."""
        members: NDArray[np.bool_] = np.searchsorted(self.borders, codes, "right") % 2 == 1
        return members

    def __contains__(self, code: int) -> bool:
        return bool(self.has(np.array([code]))[0])

    def __or__(self, other: "CodeSet") -> "CodeSet":
        places = np.union1d(self.borders, other.borders)
        return _from_members(places, self.has(places) | other.has(places))

    def __and__(self, other: "CodeSet") -> "CodeSet":
        places = np.union1d(self.borders, other.borders)
        return _from_members(places, self.has(places) & other.has(places))

    def __invert__(self) -> "CodeSet":
        return CodeSet(np.setxor1d(self.borders, [0, END]))

    def __len__(self) -> int:
        return int((self.borders[1::2] - self.borders[::2]).sum())


def _from_members(places: I64, members: NDArray[np.bool_]) -> CodeSet:
    """Make the set of the runs that begin at `places`, of which `members` says whether they are in it."""
    return CodeSet(places[np.diff(members, prepend=False) != 0])


NOTHING: Final = CodeSet(np.empty(0, np.int64))
ANYTHING: Final = CodeSet(np.array([0, END]))
ASCII: Final = CodeSet(np.array([0, 0x80]))

_LONG_NAMES: Final = {
    "letter": "L", "mark": "M", "number": "N", "punctuation": "P", "symbol": "S", "separator": "Z", "other": "C",
}  # fmt: skip


def _plain(name: str) -> str:
    """A property's name as Oniguruma compares names."""
    return name.replace(" ", "").replace("_", "").replace("-", "").lower()


@cache
def property_set(name: str) -> CodeSet | None:
    """Return the code points with a general category (`Lu`), a group of them (`L`) or a script (`Han`); None: unknown.

    Case, spaces, `_` and `-` in the name do not matter.
    """
    begins, categories, scripts, _ = properties.runs()
    plain = _plain(_LONG_NAMES.get(_plain(name), name))
    found = [i for i, one in enumerate(properties_table.CATEGORIES) if plain in (one.lower(), one[0].lower())]
    if found:
        return _from_members(begins, np.isin(categories, found))
    found = [i for i, one in enumerate(properties_table.SCRIPTS) if _plain(one) == plain]
    return _from_members(begins, scripts == found[0]) if found else None


@cache
def flagged_set(flag: int) -> CodeSet:
    """Return the code points with a flag of `operators.unicode.properties`."""
    begins, _, _, flags = properties.runs()
    return _from_members(begins, flags & flag != 0)
