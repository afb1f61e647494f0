"""SentencePiece's normalization: at each place the longest rule of a precompiled map, then the rules for spaces.

Rules are a double array of darts-clone, in units of 32 bits, whose values are places in a text of replacements that
end with a null byte. Spaces come out as spaces, not as U+2581.
"""

from typing import Any, NamedTuple

import numpy as np

from operators.arrays import I32, I64, U8, U32
from operators.kernels.character_map import DONE, TOO_SHORT
from operators.kernels.kernel import kernel
from operators.kernels.pieces import character_bytes, child

_LABEL = np.uint32(0x800000FF)
_LEAF, _SHIFT = np.uint32(1 << 8), np.uint32(1 << 9)
_SPACE = 0x20


class Rules(NamedTuple):
    """All that decides what a text becomes."""

    units: U32
    """The double array; empty without rules."""
    texts: U8
    """The replacements, a null byte at the end."""
    kept: I64
    """Double array (operators.kernels.pieces) of texts that stay as they are."""
    kept_ids: I32
    prefix: bool
    """True if a text gets a space in front."""
    squeeze: bool
    """True if runs of spaces become one, and those at both ends none."""


@kernel
def _offset(unit: Any) -> Any:
    return np.int64((unit >> np.uint32(10)) << ((unit & _SHIFT) >> np.uint32(6)))


@kernel
def _next(data: Any, at: Any, end: Any, rules: Any) -> tuple[Any, Any, Any]:
    """Return the bytes that are taken at data[at], and begin and end of their replacement in the texts; -1: none."""
    links, found = rules.kept, rules.kept_ids
    slot = np.int64(0)
    length: Any = 0
    place: Any = at
    while place < end:
        slot = child(links, slot, data[place])
        if slot < 0:
            break
        place += 1
        if found[slot] >= 0:
            length = place - at
    if length > 0:
        return length, -1, -1
    units, texts = rules.units, rules.texts
    value: Any = np.int64(-1)
    if len(units) > 0:
        node = _offset(units[0])
        place = at
        while place < end:
            node ^= np.int64(data[place])
            if node >= len(units) or units[node] & _LABEL != np.uint32(data[place]):
                break
            place += 1
            leaf = units[node] & _LEAF != 0
            node ^= _offset(units[node])
            if leaf and node < len(units):
                length = place - at
                value = np.int64(units[node] & np.uint32(0x7FFFFFFF))
    if value < 0 or value >= len(texts):
        return min(character_bytes(data[at]), end - at), -1, -1
    stop = value
    while texts[stop] != 0:
        stop += 1
    return length, value, stop


@kernel
def apply_rules(data: Any, starts: Any, rules: Rules, opening: Any, out: Any, out_starts: Any) -> int:
    """Write all documents normalized; return DONE, or TOO_SHORT for `out`.

    data[starts[d]:starts[d + 1]] is document d; opening: bool[documents], True for those that may get a prefix.
    """
    n: Any = 0
    out_starts[0] = 0
    texts, squeeze = rules.texts, rules.squeeze
    for document in range(len(starts) - 1):
        at: Any = np.int64(starts[document])
        end = np.int64(starts[document + 1])
        begin: Any = n
        while squeeze and at < end:
            taken, first, last = _next(data, at, end, rules)
            alone = data[at] == _SPACE and taken == 1 if first < 0 else last - first == 1 and texts[first] == _SPACE
            if not alone:
                break
            at += taken
        if rules.prefix and opening[document] and at < end:
            if n >= len(out):
                return TOO_SHORT
            out[n] = _SPACE
            n += 1
        space: Any = squeeze
        while at < end:
            taken, first, last = _next(data, at, end, rules)
            source = texts
            if first < 0:
                source, first, last = data, at, at + taken
            while space and first < last and source[first] == _SPACE:
                first += 1
            if n + last - first > len(out):
                return TOO_SHORT
            for i in range(first, last):
                out[n] = source[i]
                n += 1
            if first < last:
                space = squeeze and source[last - 1] == _SPACE
            at += taken
        while squeeze and n > begin:
            if out[n - 1] == _SPACE:
                n -= 1
            elif n - begin >= 3 and out[n - 3] == 0xE2 and out[n - 2] == 0x96 and out[n - 1] == 0x81:
                n -= 3
            else:
                break
        out_starts[document + 1] = n
    return DONE
