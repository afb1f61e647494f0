"""Normalizers that treat each character alone, or nearly so: a table of characters that the library itself fills.

A step f is one of these where f(ab) = f(a) f(b) for all texts a and b; so is a chain of them. What each character
becomes the library is asked once for each page of characters that texts have. A document in which neighbours may
decide, as a letter and a combining accent do, goes to the library whole.
"""

import base64
import binascii
import json
import threading
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import numpy as np
import pyarrow as pa

from operators.arrays import U32
from operators.kernels.character_map import (
    ALWAYS,
    DONE,
    FIRST,
    HIDDEN,
    JOINER,
    PAGE_BITS,
    TOO_SHORT,
    UNKNOWN,
    Replacements,
    replace_characters,
)
from operators.text.arrow_text import bytes_and_starts
from operators.text.preprocessing import Section, library_tokenizer

_ALONE: Final = ("Lowercase", "StripAccents", "Nmt", "BertNormalizer")
"""Steps that treat each character alone, but for the order of marks in BertNormalizer."""
_DECOMPOSITIONS: Final = ("NFD", "NFKD")
_WHITE_SPACE: Final = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    + ("\u2028\u2029\u202f\u205f\u3000")
)
_LONGEST_JOINED: Final = 6
"""Bytes from which on `tokenizers` takes a grapheme apart before it looks it up in a precompiled map."""
_MOST_NODES: Final = 1 << 20
_SURROGATES: Final = range(0xD800, 0xE000)
_JOINING: Final = (
    *range(0x1100, 0x1200), *range(0xA960, 0xA980), *range(0xAC00, 0xD800), 0xFF9E, 0xFF9F, 0x0E33, 0x0EB3,
    *range(0x1F1E6, 0x1F200), *range(0x1F3FB, 0x1F400),
)  # fmt: skip
"""Characters besides marks, formats and unassigned ones that a grapheme may have behind its first."""
_PREPENDED: Final = frozenset(
    (*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0xD4E, 0x110BD, 0x110CD, 0x111C2, 0x111C3, 0x113D1,
     0x1193F, 0x11941, 0x11A3A, *range(0x11A84, 0x11A8A), 0x11D46, 0x11F02)
)  # fmt: skip
"""Characters that a grapheme may have before its letter."""


class CharacterMap:
    """Normalizes batches of documents with a table. Safe to share between threads."""

    def __init__(self, steps: list[Section]) -> None:
        self._patterns, before, precompiled, behind, self._last = _parts(steps)
        self._whole = _normalizer(steps)
        self._before = _normalizer(before)
        self._library = _normalizer([*before, *precompiled, *behind])
        self._firsts = _first_characters(precompiled[0]) if precompiled else frozenset[str]()
        self._reorders = any(step["type"] in (*_DECOMPOSITIONS, "BertNormalizer") for step in before)
        entries, flags = np.full(0x110000, UNKNOWN, np.int32), np.zeros(0x110000, np.uint8)
        joined = 1 << 30 if before else _LONGEST_JOINED
        kept = self._before is None or self._before.normalize_str("\r\n") == "\r\n"
        line_ends = "\r" in self._firsts and kept
        self._table = Replacements(entries, flags, np.zeros(1, np.int64), np.zeros(0, np.uint8), joined, line_ends)
        self._lock = threading.Lock()

    def normalize(self, text: pa.LargeStringArray) -> pa.LargeStringArray:
        """The normalized documents."""
        from pyarrow import compute  # takes long to import

        data, starts = bytes_and_starts(text)
        out, out_starts = np.empty(len(data) + len(data) // 4 + 64, np.uint8), np.empty(len(starts), np.int64)
        unsure = np.zeros(len(text), np.bool_)
        while (state := replace_characters(data, starts, self._table, out, out_starts, unsure)) != DONE:
            if state == TOO_SHORT:
                out = np.empty(2 * len(out), np.uint8)
            else:
                self._fill(state)
        for pattern in self._patterns:
            unsure |= compute.match_substring(text, pattern).to_numpy(zero_copy_only=False)
        buffers = [None, pa.py_buffer(out_starts), pa.py_buffer(out)]
        made = pa.LargeStringArray.from_buffers(len(text), *buffers[1:])
        for step in self._last:
            made = _apply(step, made)
        if not unsure.any():
            return made
        chosen = pa.array(unsure)
        alone = [self._whole.normalize_str(one) for one in text.filter(chosen).to_pylist()]
        return compute.replace_with_mask(made, chosen, pa.array(alone, pa.large_string()))

    def _fill(self, page: int) -> None:
        """Ask the library about a page. The tables are made anew, as other threads may be reading them."""
        with self._lock:
            old = self._table
            if old.entries[page << PAGE_BITS] != UNKNOWN:
                return
            entries, flags = old.entries.copy(), old.flags.copy()
            pool, ends = [old.pool.tobytes()], old.ends.tolist()
            for code in range(page << PAGE_BITS, (page + 1) << PAGE_BITS):
                entries[code] = 0
                if code in _SURROGATES:
                    continue
                character = chr(code)
                made = character if self._library is None else self._library.normalize_str(character)
                flags[code] = self._flags(character)
                if made != character:
                    pool.append(made.encode())
                    ends.append(ends[-1] + len(pool[-1]))
                    entries[code] = len(ends) - 1
            arrays = np.array(ends, np.int64), np.frombuffer(b"".join(pool), np.uint8).copy()
            self._table = Replacements(entries, flags, *arrays, old.joined_bytes, old.line_ends)

    def _flags(self, character: str) -> int:
        flags = ALWAYS if self._reorders and _stays_marked(character) else 0
        if not self._firsts:
            return flags
        seen = character if self._before is None else self._before.normalize_str(character)
        if not seen:
            return flags | HIDDEN
        if any(one in self._firsts for one in seen):
            flags |= ALWAYS if any(ord(one) in _PREPENDED for one in seen) else FIRST
        return flags | (JOINER if any(_joins(one) for one in seen) else 0)


def _stays_marked(character: str) -> bool:
    """True for a mark whose order among marks matters: one that is not removed with the accents."""
    return any(unicodedata.combining(one) and unicodedata.category(one) != "Mn"
               for one in unicodedata.normalize("NFD", character))  # fmt: skip


@cache
def _joining() -> frozenset[int]:
    return frozenset(_JOINING)


def _joins(character: str) -> bool:
    """True if a grapheme may have this character behind its first, in any version of Unicode; in doubt too."""
    kind = unicodedata.category(character)
    return kind[0] == "M" or kind in ("Cf", "Cn") or ord(character) in _joining()


def _normalizer(steps: list[Section]) -> Any:
    return library_tokenizer({"type": "Sequence", "normalizers": steps}, None).normalizer if steps else None


def _parts(steps: list[Section]) -> tuple[list[str], list[Section], list[Section], list[Section], list[Section]]:
    """Return literals that no text may have, and the steps before, at, behind and after a precompiled map.

    The last are done for whole texts. Raises ValueError for steps that do not fit in.
    """
    rest = list(steps)
    literals = list[str]()
    while rest and _is_literal(rest[0]) and len(rest[0]["pattern"]["String"]) > 1:
        literals.append(rest.pop(0)["pattern"]["String"])
    before = list(_taken(rest))
    precompiled = [rest.pop(0)] if rest and rest[0]["type"] == "Precompiled" else []
    behind = list(_taken(rest)) if precompiled else []
    if any(step["type"] in (*_DECOMPOSITIONS, "BertNormalizer") for step in behind) or not all(map(_is_last, rest)):
        raise ValueError("steps whose effect on a text is more than that on its characters")
    return literals, before, precompiled, behind, rest


def _taken(rest: list[Section]) -> Iterator[Section]:
    """Take the steps that treat each character alone off the list."""
    while rest:
        step = rest[0]
        together = step["type"] in _DECOMPOSITIONS and len(rest) > 1 and rest[1]["type"] == "StripAccents"
        if not (step["type"] in _ALONE or together or (_is_literal(step) and len(step["pattern"]["String"]) == 1)):
            return
        yield rest.pop(0)


def _is_literal(step: Section) -> bool:
    return step["type"] == "Replace" and bool(step["pattern"].get("String"))


def _is_last(step: Section) -> bool:
    spaces = step["type"] == "Replace" and step["pattern"].get("Regex") == " {2,}"
    return spaces or step["type"] in ("Strip", "Prepend") or _is_literal(step)


def _apply(step: Section, text: pa.LargeStringArray) -> pa.LargeStringArray:
    """Do one of the last steps for whole texts."""
    from pyarrow import compute  # takes long to import

    match step:
        case {"type": "Strip"}:
            ends = (step["strip_left"], compute.utf8_ltrim), (step["strip_right"], compute.utf8_rtrim)
            for wanted, trim in ends:
                text = trim(text, _WHITE_SPACE) if wanted else text
            return text
        case {"type": "Prepend"}:
            given = compute.if_else(
                compute.greater(compute.binary_length(text), 0),
                pa.scalar(step["prepend"], pa.large_string()),
                pa.scalar("", pa.large_string()),
            )
            return compute.binary_join_element_wise(given, text, pa.scalar("", pa.large_string()))
        case {"pattern": {"String": str(literal)}}:
            return compute.replace_substring(text, literal, step["content"])
    return compute.replace_substring_regex(text, "  +", step["content"].replace("\\", "\\\\"))


def _first_characters(step: Section) -> frozenset[str]:
    """Return the first characters of all keys of a precompiled map. Raises ValueError for a map that is no such."""
    try:
        blob = base64.b64decode(step["precompiled_charsmap"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("a precompiled map that is no base64") from error
    size = int.from_bytes(blob[:4], "little")
    units = np.frombuffer(blob[4 : 4 + size - size % 4], "<u4").astype(np.uint32)
    firsts = set[str]()
    for key in _keys(units):
        firsts.add(key.decode()[:1])  # UnicodeDecodeError is a ValueError
    return frozenset(firsts)


def _keys(units: U32) -> list[bytes]:
    """Return the keys of a double array as Darts writes it (darts-clone's units of 32 bits). Raises ValueError."""
    if not len(units):
        raise ValueError("an empty precompiled map")
    offset = (units >> 10) << ((units & (1 << 9)) >> 6)
    label, leaf = units & np.uint32(0x800000FF), units >> 8 & 1
    labels = np.arange(1, 256, dtype=np.uint32)
    nodes, prefixes, found = np.array([offset[0]], np.uint32), [b""], list[bytes]()
    for _ in range(64):
        places = nodes[:, None] ^ labels
        inside = places < len(units)
        ours = inside & (label[np.where(inside, places, 0)] == labels)
        rows, columns = np.nonzero(ours)
        if not len(rows):
            return found
        places = places[rows, columns]
        prefixes = [
            prefixes[row] + bytes([column + 1]) for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        ]
        nodes = places ^ offset[places]
        found += [prefix for prefix, is_leaf in zip(prefixes, leaf[places].tolist(), strict=True) if is_leaf]
        if len(found) + len(nodes) > _MOST_NODES:
            break
    raise ValueError("a precompiled map with too many or too long keys")


@cache
def _shared(written: str) -> CharacterMap | None:
    try:
        return CharacterMap(json.loads(written))
    except ValueError:
        return None


def character_map(steps: list[Section]) -> CharacterMap | None:
    """Return the table for these steps, one in a process; None where characters alone do not say what they do."""
    return _shared(json.dumps(steps)) if steps else None
