"""Tokens whose bytes are no whole characters, and those that cross from one character into another."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_FRAGMENT: Final = re.compile(
    rb"[\x00-\x7f]|[\xc0-\xdf][\x80-\xbf]?|[\xe0-\xef][\x80-\xbf]{0,2}|[\xf0-\xf7][\x80-\xbf]{0,3}|.", re.DOTALL
)
"""A character or what there is of it: a first byte with those of its further bytes that follow, or one stray byte."""


@dataclass(frozen=True)
class Utf8Parts:
    """Kinds of tokens by their bytes, bool[vocabulary] each."""

    incomplete: NDArray[np.bool_]
    """Tokens that are no valid UTF-8 by themselves."""
    crossing: NDArray[np.bool_]
    """Incomplete tokens with bytes of two characters and more."""


def utf8_parts(tokens: Sequence[bytes]) -> Utf8Parts:
    r"""Find the tokens that hold parts of characters (Meister 2026, TokEval: "boundary-crossing tokens").

    >>> parts = utf8_parts(["é".encode(), b"\xc3", b"\xa9a", b"a\xe4\xb8"])
    >>> parts.incomplete.tolist(), parts.crossing.tolist()
    ([False, True, True, True], [False, False, True, True])
    """
    incomplete = np.array([not _is_whole(token) for token in tokens], np.bool_)
    crossing = np.zeros(len(tokens), np.bool_)
    for i in np.flatnonzero(incomplete).tolist():
        fragments = _FRAGMENT.findall(tokens[i])
        crossing[i] = len(fragments) > 1 and any(not _is_long_enough(one) for one in fragments)
    return Utf8Parts(incomplete, crossing)


def _is_whole(token: bytes) -> bool:
    try:
        token.decode()
        return True
    except UnicodeDecodeError:
        return False


def _is_long_enough(fragment: bytes) -> bool:
    """Return True if a first byte is followed by as many bytes as it announces."""
    first = fragment[0]
    needed = 1 if first < 0x80 else 2 if 0xC0 <= first < 0xE0 else 3 if 0xE0 <= first < 0xF0 else 4
    return len(fragment) == needed if first < 0xF8 else False
