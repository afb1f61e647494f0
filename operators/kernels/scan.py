"""Classes of characters, byte by byte, and pre-tokens found one by one where bits do not settle them.

A first pass writes the class of every byte (all bytes of a character have the class of the character, so a run of
characters is a run of bytes). Classes are bits (operators.unicode.classes), so 32 bytes are compared with any set of
classes at once; a zero behind the last byte of a document ends every run. `operators.kernels.boundaries` finds the
borders, and asks the functions here where it needs the text.

Each `..._end` function returns the end of the pre-token that begins at `i`, as a backtracking engine would find it,
which tries alternatives in their order and takes as much as it can. All are linear: a byte is read a bounded number of
times. Broken UTF-8 never leads to an index outside the arrays.

In all of them text is uint8[n], up to the end of a document; kinds is uint8[n + LANES or more], kinds[n] is 0; i < n
is a character's first byte.
"""

from typing import Final, NamedTuple

import numpy as np

from operators.arrays import I64, U8, U16
from operators.kernels.intrinsics import ascii_classifier, lowest_bit, run_length
from operators.kernels.kernel import kernel
from operators.kernels.lanes import LANES
from operators.unicode.classes import CASELESS, LOWER, MARK, NEWLINE, NUMBER, OTHER, SPACE, UPPER

GPT2: Final = 0
CL100K: Final = 1
O200K: Final = 2
QWEN: Final = 3
"""CL100K with single numbers as pre-tokens."""
TEKKEN: Final = 4
"""O200K with single numbers as pre-tokens, without contractions."""

SINGLE: Final = 8
THREES: Final = 16
FROM_RIGHT: Final = 24
"""Rules for numbers, one of which may be added to a scanner's constant; without one its expression's own rule holds.

FROM_RIGHT cuts a run of numbers into threes from its end: its first piece has 1 to 3.
"""
FAMILY: Final = 7
"""Mask of the scanner in a constant with a rule."""

BLOCK_BYTES: Final = 1 << 16
"""Size of the blocks of documents that are classified together, about; they stay in the processor's cache."""

_LETTER: Final = UPPER | LOWER | CASELESS  # \p{L}
_BLANK: Final = SPACE | NEWLINE  # \s
_SIGN: Final = OTHER | MARK  # [^\s\p{L}\p{N}]
_HEAD: Final = UPPER | CASELESS | MARK  # [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]
_BOTH: Final = CASELESS | MARK
_TAIL: Final = LOWER | CASELESS | MARK  # [\p{Ll}\p{Lm}\p{Lo}\p{M}]


ASCII_CLASSES: Final = (
    (0x09, 0x0D, SPACE),
    (0x0A, 0x0A, NEWLINE),
    (0x0D, 0x0D, NEWLINE),
    (0x20, 0x20, SPACE),
    (0x30, 0x39, NUMBER),
    (0x41, 0x5A, UPPER),
    (0x61, 0x7A, LOWER),
)
"""(first byte, last byte, class), later ones over earlier ones; the others are OTHER."""
_classify_lanes: Final = ascii_classifier(ASCII_CLASSES, OTHER)


@kernel
def classify(text: U8, blocks: U16, classes: U8, kinds: U8) -> None:
    """Write the class of every byte's character. A byte outside any character is OTHER.

    ASCII 32 bytes at a time, whatever else is among them; the other characters are then written over it one by one.
    """
    n = len(text)
    i = 0
    while i < n:
        high = _classify_lanes(text, i, kinds, i)
        following = i + LANES
        while high != 0:
            at = i + lowest_bit(high)
            if at >= n:
                break
            lead = int(text[at])
            length = character_length(lead)
            if lead < 0xC0 or at + length > n:
                kinds[at] = OTHER
                length = 1
            elif lead < 0xE0:
                kind = classes[int(blocks[lead & 0x1F]) * 64 + int(text[at + 1] & 0x3F)]
                kinds[at] = kinds[at + 1] = kind
            elif lead < 0xF0:
                block = (lead & 0x0F) << 6 | int(text[at + 1] & 0x3F)
                kind = classes[int(blocks[block]) * 64 + int(text[at + 2] & 0x3F)]
                kinds[at] = kinds[at + 1] = kinds[at + 2] = kind
            else:
                block = (lead & 0x07) << 12 | int(text[at + 1] & 0x3F) << 6 | int(text[at + 2] & 0x3F)
                kind = classes[int(blocks[block]) * 64 + int(text[at + 3] & 0x3F)]
                kinds[at] = kinds[at + 1] = kinds[at + 2] = kinds[at + 3] = kind
            after = at + length
            if after >= following:
                following = after
                break
            high &= ~((1 << (after - i)) - 1)
        i = following


@kernel
def number_rule(kind: int) -> int:
    """Return the rule for numbers of a scanner; 0 is GPT-2's own, whole runs with the plain space before them."""
    if kind & ~FAMILY:
        return kind & ~FAMILY
    if kind == GPT2:
        return 0
    return SINGLE if kind in (QWEN, TEKKEN) else THREES


@kernel
def character_length(lead: int) -> int:
    """Return the length in bytes of the character that begins with this byte."""
    if lead < 0xC0:
        return 1
    if lead < 0xE0:
        return 2
    return 3 if lead < 0xF0 else 4


@kernel
def after_character(text: U8, i: int) -> int:
    """Return the end of the character at i."""
    return min(i + character_length(int(text[i])), len(text))


@kernel
def _run_end(kinds: U8, i: int, mask: int) -> int:
    """Return the end of the run, from i on, of classes in the mask."""
    while True:
        length = run_length(kinds, i, np.uint8(mask))
        i += length
        if length < LANES:
            return i


@kernel
def contraction_end(text: U8, i: int, fold: bool) -> int:
    """`'s|'t|'re|'ve|'m|'ll|'d` at i, in any case if `fold`: return its end, or i without one."""
    n = len(text)
    if i + 2 > n or text[i] != 0x27:
        return i
    first = int(text[i + 1])
    second = int(text[i + 2]) if i + 2 < n else 0
    if fold:
        if first == 0xC5 and second == 0xBF:  # ſ, the only other character whose case folds to one of these letters
            return i + 3
        first |= 0x20
        second |= 0x20
    if first == 0x73 or first == 0x74 or first == 0x6D or first == 0x64:  # s t m d
        return i + 2
    if (first == 0x72 or first == 0x76) and second == 0x65:  # re ve
        return i + 3
    if first == 0x6C and second == 0x6C:  # ll
        return i + 3
    return i


@kernel
def _blank_end(text: U8, kinds: U8, i: int, lines: bool) -> int:
    r"""`\s+(?!\S)|\s+` at a blank, with `\s*[\r\n]+` before them if `lines`."""
    begin = i
    line_end = -1
    while kinds[i] & _BLANK:
        if kinds[i] == NEWLINE:
            line_end = i + 1
        i += 1
    if lines and line_end >= 0:
        return line_end
    if i == len(text):
        return i
    # Before a character the lookahead returns one blank, unless it is the only one.
    last = i - 1
    while last > begin and text[last] & 0xC0 == 0x80:
        last -= 1
    return last if last > begin else i


@kernel
def _number_end(text: U8, kinds: U8, i: int, most: int) -> int:
    r"""`\p{N}{1,most}` at a number."""
    for _ in range(most):
        if kinds[i] == NUMBER:
            i = after_character(text, i)
    return i


@kernel
def cased_end(text: U8, kinds: U8, i: int, contractions: bool) -> int:
    """Return the end of a word of o200k at i; i without one. With H = _HEAD and T = _TAIL its two alternatives are

    [^\\r\\n\\p{L}\\p{N}]? H* T+ (contraction)?  and then  [^\\r\\n\\p{L}\\p{N}]? H+ T* (contraction)?

    H* takes the whole run of heads. If a lower-case letter follows, T+ goes on from there. If none does, H* backtracks
    until T+ finds a character that is in both sets, so the word ends behind the last caseless letter or mark of the
    run. If the run holds none, but the optional character before it is itself a mark, then the optional part releases
    it and T+ takes it alone. Only then comes the second alternative: the run is all upper case, and it is the word.
    """
    at = begin = i if kinds[i] & _LETTER else after_character(text, i)
    while kinds[at] == UPPER:
        at += 1
    if kinds[at] & _BOTH:
        both_end = at
        while kinds[at] & _BOTH:
            while kinds[at] & _BOTH:
                at += 1
            both_end = at
            while kinds[at] == UPPER:
                at += 1
        if kinds[at] != LOWER:
            at = both_end
    elif kinds[at] != LOWER:
        if kinds[i] == MARK:
            at = begin
        elif at == begin:
            return i
    while kinds[at] & _TAIL:
        at += 1
    if contractions and kinds[at] and text[at] == 0x27:
        return contraction_end(text, at, True)
    return at


@kernel
def o200k_end(text: U8, kinds: U8, i: int, numbers: int, contractions: bool) -> int:
    r"""The words of cased_end, then `\p{N}{1,numbers}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`."""
    kind = kinds[i]
    if kind == NUMBER:
        return _number_end(text, kinds, i, numbers)
    if kind == NEWLINE:
        return _blank_end(text, kinds, i, True)
    word = cased_end(text, kinds, i, contractions)
    if word > i:
        return word
    if kind == SPACE:
        if text[i] != 0x20 or kinds[i + 1] & _SIGN == 0:
            return _blank_end(text, kinds, i, True)
        i += 1
    i = _run_end(kinds, i, _SIGN)
    while kinds[i] == NEWLINE or (kinds[i] and text[i] == 0x2F):
        i += 1
    return i


class Classes(NamedTuple):
    """Tables of character classes (operators.unicode.classes), and space for the classes of a block."""

    blocks: U16
    classes: U8
    kinds: U8
    """uint8, scratch: PADDING + 1 more than the longest document and BLOCK_BYTES."""


class Ends(NamedTuple):
    """Arrays that a scanner writes."""

    ends: I64
    """int64: where each pre-token ends."""
    documents: I64
    """int64[documents + 1]: `documents[d + 1]` is the number of pre-tokens up to the end of document d."""
