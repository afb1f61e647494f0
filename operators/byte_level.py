"""Byte tokens in the order of Hugging Face's ByteLevel alphabet.

ByteLevel writes every byte as a printable character: the printable bytes of Latin-1 as themselves, the other 68 as the
characters from U+0100 on. A trainer sorts these characters, so byte tokens are ranked by them and not by byte value.
"""

import codecs
from collections.abc import Iterable
from typing import Final

import numpy as np

from operators.arrays import I32

_PRINTABLE: Final = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_OTHERS: Final = [byte for byte in range(256) if byte not in set(_PRINTABLE)]

BYTE_TO_CHAR: Final[dict[int, str]] = {byte: chr(byte) for byte in _PRINTABLE} | {
    byte: chr(0x100 + i) for i, byte in enumerate(_OTHERS)
}
"""Map of byte values to the characters that stand for them."""

CHAR_TO_BYTE: Final[dict[str, int]] = {char: byte for byte, char in BYTE_TO_CHAR.items()}
"""Inverse of BYTE_TO_CHAR."""

_ALPHABET: Final = "".join(BYTE_TO_CHAR[byte] for byte in range(256))
"""Characters by byte value."""
_BYTES: Final = codecs.charmap_build(_ALPHABET)
"""Inverse of _ALPHABET, as Python's codecs look it up."""

BYTES_IN_RANK_ORDER: Final[bytes] = bytes(CHAR_TO_BYTE[char] for char in sorted(CHAR_TO_BYTE))
"""The 256 bytes, first the one whose token gets the smallest id ("!", 0x21), last the one with the largest (0xAD)."""


def to_chars(token: bytes) -> str:
    """Return the ByteLevel spelling of a token: `to_chars(b" a")` is "Ġa"."""
    return codecs.charmap_decode(token, "strict", _ALPHABET)[0]


def to_bytes(spelling: str) -> bytes | None:
    """Return the bytes of a ByteLevel spelling; None for characters outside the alphabet, as in special tokens."""
    try:
        return codecs.charmap_encode(spelling, "strict", _BYTES)[0]
    except UnicodeEncodeError:
        return None


def byte_ids(special_tokens: Iterable[str] = ()) -> I32:
    """Return the ids of the 256 byte tokens, int32[256] by byte value, behind the special tokens, which take 0, 1, ...

    A special token that spells a byte token is that byte token, as in Hugging Face's trainer.
    """
    taken = {special: i for i, special in enumerate(special_tokens)}
    ids = np.empty(256, np.int32)
    following = len(taken)
    for byte in BYTES_IN_RANK_ORDER:
        spelled = taken.get(BYTE_TO_CHAR[byte])
        if spelled is None:
            spelled, following = following, following + 1
        ids[byte] = spelled
    return ids
