"""Restriction of merges to whole characters: no token crosses or splits a character's border, but as its beginning.

A round of merges must give what one merge at a time gives. The argument for that (docs/explanation/exactness.md) is
that a new pair (x, ab) is no more frequent than (x, a), which waits before it. Where `a` only begins a character,
(x, a) is never merged and does not wait; so such a merge is the last of its round.

After Land and Arnett, BPE stays on SCRIPT (arXiv 2505.24689), section on constrained merges.
"""

from codecs import utf_8_decode

FORBIDDEN, ALLOWED, LAST = range(3)
"""Verdicts on a pair; LAST is allowed too, and no other pair may follow it in the same round."""


def judge(left: bytes, right: bytes) -> int:
    """ALLOWED if both tokens are whole characters, LAST if the left one begins one and the right one is its next byte.

    >>> judge("é".encode(), "à!".encode()), judge("é".encode()[:1], "é".encode()[1:])
    (1, 2)
    >>> judge("aé".encode()[:2], "é".encode()[1:])
    0
    """
    if _is_whole(left) and _is_whole(right):
        return ALLOWED
    joined = left + right
    return LAST if len(right) == 1 and _begins_one(left) and (_begins_one(joined) or _is_whole(joined)) else FORBIDDEN


def _is_whole(token: bytes) -> bool:
    try:
        return bool(token.decode())
    except UnicodeDecodeError:
        return False


def _begins_one(token: bytes) -> bool:
    """True if the bytes are some of a character's, from its first on, but not all."""
    try:
        return bool(token) and utf_8_decode(token, "strict", False)[1] == 0
    except UnicodeDecodeError:
        return False
