"""Symbols of a text before any merge: bytes or characters, and which ids they have in a file's vocabulary."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from operators.arrays import I32
from operators.byte_level import BYTE_TO_CHAR, to_bytes
from operators.text.preprocessing import SPACE_MARK
from operators.tokenizer import Vocabulary

_CODE_POINTS: Final = 0x110000
_NEVER_IN_UTF_8: Final = frozenset((0xC0, 0xC1, *range(0xF5, 0x100)))


@dataclass(frozen=True)
class Symbols:
    """The symbols of a vocabulary, and what all its tokens stand for."""

    spelled: dict[int, str]
    """Id to spelling, as the file has it."""
    texts: dict[int, bytes]
    """Id to bytes of text."""
    byte_ids: I32
    """The field of this name in `operators.tokenizer.Vocabulary`."""
    characters: I32 | None = None
    unknown: int | None = None
    fuse_unknown: bool = True
    lacking: str | None = None
    """The feature that keeps the kernels from being exact; None: there is none."""

    def without(self, lacking: str) -> "Symbols":
        """The same, for the library alone to encode."""
        return replace(self, lacking=self.lacking or lacking)

    def vocabulary(self, special_ids: tuple[int, ...]) -> Vocabulary:
        """Return the vocabulary as a tokenizer holds it."""
        tokens, special = [b""] * (1 + max(self.spelled, default=-1)), set(special_ids)
        for i, spelling in self.spelled.items():
            tokens[i] = self.texts.get(i, b"")
            if i in special:
                tokens[i] = spelling.encode("utf-8", "surrogatepass")
        return Vocabulary(tokens, self.byte_ids, special_ids, self.characters, self.unknown, self.fuse_unknown)


def byte_symbols(vocab: dict[str, int], ids: dict[str, int]) -> Symbols:
    """Symbols of a byte-level model, whose vocabulary is spelled in ByteLevel's alphabet."""
    spelled = {i: spelling for spelling, i in ids.items()}
    texts = {i: text for i, spelling in spelled.items() if (text := to_bytes(spelling))}
    byte_ids = np.array([vocab.get(BYTE_TO_CHAR[byte], -1) for byte in range(256)], np.int32)
    missing = [byte for byte in np.flatnonzero(byte_ids < 0).tolist() if byte not in _NEVER_IN_UTF_8]
    lacking = f"no token for the byte 0x{missing[0]:02X}" if missing else None
    return Symbols(spelled, texts, byte_ids, lacking=lacking)


def character_symbols(
    vocab: dict[str, int], ids: dict[str, int], unknown: int | None, *, fuse: bool, bytes_too: bool, marks_spaces: bool
) -> Symbols:
    """Symbols of a model of characters; `bytes_too`: those without a token are spelled with tokens like <0x0A>."""
    spelled = {i: spelling for spelling, i in ids.items()}
    characters = np.full(_CODE_POINTS, -1, np.int32)
    for spelling, i in vocab.items():
        if len(spelling) == 1:
            characters[ord(spelling)] = i
    names = [f"<0x{byte:02X}>" for byte in range(256)]
    byte_ids = np.array([vocab.get(name, -1) if bytes_too else -1 for name in names], np.int32)
    if (byte_ids >= 0).any():  # a byte whose character has a token is never asked for: Gemma has "\t", not <0x09>
        byte_ids[:0x80] = np.where(byte_ids[:0x80] < 0, characters[:0x80], byte_ids[:0x80])
    texts = {i: _text(spelling, marks_spaces) for i, spelling in spelled.items()}
    texts |= {int(i): bytes([byte]) for byte, i in enumerate(byte_ids) if i >= 0}
    lacking = None
    if marks_spaces:
        characters[ord(" ")] = characters[ord(SPACE_MARK)]
        lacking = "no token for the space" if characters[ord(" ")] < 0 else None
    have_bytes = byte_ids >= 0
    missing = [byte for byte in np.flatnonzero(~have_bytes).tolist() if byte not in _NEVER_IN_UTF_8]
    if not missing:
        return Symbols(spelled, texts, byte_ids, characters, lacking=lacking)
    if have_bytes.any():
        lacking = f"no token for the byte 0x{missing[0]:02X}"
    elif unknown is None:
        lacking = "no token for unknown characters"
    return Symbols(spelled, texts, byte_ids, characters, unknown, fuse, lacking)


def _text(spelling: str, marks_spaces: bool) -> bytes:
    return (spelling.replace(SPACE_MARK, " ") if marks_spaces else spelling).encode("utf-8", "surrogatepass")


def reaches_over_spaces(spellings: Iterable[str]) -> bool:
    """True if a token has a space behind something else."""
    return any(_OVER_SPACE.search(spelling) for spelling in spellings)


_OVER_SPACE: Final = re.compile(f"[^{SPACE_MARK}]{SPACE_MARK}")
