"""Where the pre-tokens of a batch end: a hand-written scanner for each of the published regular expressions.

Every scanner answers "the piece that begins at `i` ends where?" exactly as a backtracking engine would, which tries
alternatives in their order and takes as much as it can. A comment beside a branch shows the alternative it stands for.
All are linear: a character is looked at a bounded number of times. Broken UTF-8 cannot lead out of the arrays.

The classes of characters are bits (operators.unicode_classes), so one loop walks over any set of classes.
"""

from typing import Final

from numba import njit

from operators.arrays import I64, U8
from operators.unicode_classes import CASELESS, LOWER, MARK, NEWLINE, NUMBER, OTHER, SPACE, U16, UPPER

GPT2: Final = 0
CL100K: Final = 1
O200K: Final = 2

_LETTER: Final = UPPER | LOWER | CASELESS  # \p{L}
_BLANK: Final = SPACE | NEWLINE  # \s
_SIGN: Final = OTHER | MARK  # [^\s\p{L}\p{N}]
_HEAD: Final = UPPER | CASELESS | MARK  # [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]
_TAIL: Final = LOWER | CASELESS | MARK  # [\p{Ll}\p{Lm}\p{Lo}\p{M}]


@njit(cache=True, nogil=True)
def _character(data: U8, i: int, end: int, blocks: U16, classes: U8) -> tuple[int, int]:
    """The class of the character at i < end, and where it ends. A byte that begins no character counts as a sign."""
    lead = int(data[i])
    if lead < 0x80:
        return int(classes[lead]), i + 1
    if lead < 0xE0:
        if lead < 0xC0 or i + 2 > end:
            return OTHER, i + 1
        return int(classes[int(blocks[lead & 0x1F]) * 64 + int(data[i + 1] & 0x3F)]), i + 2
    if lead < 0xF0:
        if i + 3 > end:
            return OTHER, i + 1
        block = (lead & 0x0F) << 6 | int(data[i + 1] & 0x3F)
        return int(classes[int(blocks[block]) * 64 + int(data[i + 2] & 0x3F)]), i + 3
    if i + 4 > end:
        return OTHER, i + 1
    block = (lead & 0x07) << 12 | int(data[i + 1] & 0x3F) << 6 | int(data[i + 2] & 0x3F)
    return int(classes[int(blocks[block]) * 64 + int(data[i + 3] & 0x3F)]), i + 4


@njit(cache=True, nogil=True)
def _run_end(data: U8, i: int, end: int, mask: int, blocks: U16, classes: U8) -> int:
    """Where the run of characters whose class is in the mask, from i on, ends."""
    while i < end:
        byte = int(data[i])
        if byte < 0x80:
            if classes[byte] & mask == 0:
                return i
            i += 1
        else:
            kind, after = _character(data, i, end, blocks, classes)
            if kind & mask == 0:
                return i
            i = after
    return i


@njit(cache=True, nogil=True)
def _contraction_end(data: U8, i: int, end: int, fold: bool) -> int:
    """`'s|'t|'re|'ve|'m|'ll|'d` at i, in any case if `fold`: where it ends, or i where there is none."""
    if i + 2 > end or data[i] != 0x27:
        return i
    first = int(data[i + 1])
    second = int(data[i + 2]) if i + 2 < end else 0
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


@njit(cache=True, nogil=True)
def _blank_end(data: U8, i: int, end: int, lines: bool, blocks: U16, classes: U8) -> int:
    r"""`\s+(?!\S)|\s+` at a blank, with `\s*[\r\n]+` before them if `lines`."""
    begin = last = i
    line_end = -1
    while i < end:
        kind, after = _character(data, i, end, blocks, classes)
        if kind & _BLANK == 0:
            break
        if kind == NEWLINE:
            line_end = after
        last = i
        i = after
    if lines and line_end >= 0:
        return line_end
    # Before a character the lookahead gives one blank back, unless there is but one.
    return i if i == end or last == begin else last


@njit(cache=True, nogil=True)
def _number_end(data: U8, i: int, end: int, blocks: U16, classes: U8) -> int:
    r"""`\p{N}{1,3}`, the first already seen."""
    for _ in range(2):
        if i == end:
            return i
        kind, after = _character(data, i, end, blocks, classes)
        if kind != NUMBER:
            return i
        i = after
    return i


@njit(cache=True, nogil=True)
def _gpt2_end(data: U8, i: int, end: int, blocks: U16, classes: U8) -> int:
    r"""`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`."""
    kind, after = _character(data, i, end, blocks, classes)
    if kind == OTHER:
        contraction = _contraction_end(data, i, end, False)
        if contraction > i:
            return contraction
    elif kind & _BLANK:
        if data[i] != 0x20 or after == end:
            return _blank_end(data, i, end, False, blocks, classes)
        kind, after = _character(data, after, end, blocks, classes)
        if kind & _BLANK:
            return _blank_end(data, i, end, False, blocks, classes)
    if kind & _LETTER:
        return _run_end(data, after, end, _LETTER, blocks, classes)
    if kind == NUMBER:
        return _run_end(data, after, end, NUMBER, blocks, classes)
    return _run_end(data, after, end, _SIGN, blocks, classes)


@njit(cache=True, nogil=True)
def _cl100k_end(data: U8, i: int, end: int, blocks: U16, classes: U8) -> int:
    r"""`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|` _blank_end."""
    kind, after = _character(data, i, end, blocks, classes)
    if kind & _LETTER:
        return _run_end(data, after, end, _LETTER, blocks, classes)
    if kind == NUMBER:
        return _number_end(data, after, end, blocks, classes)
    if kind == NEWLINE:
        return _blank_end(data, i, end, True, blocks, classes)
    contraction = _contraction_end(data, i, end, True)
    if contraction > i:
        return contraction
    following = 0
    if after < end:
        following, beyond = _character(data, after, end, blocks, classes)
        if following & _LETTER:  # [^\r\n\p{L}\p{N}]\p{L}+
            return _run_end(data, beyond, end, _LETTER, blocks, classes)
    if kind == SPACE and (data[i] != 0x20 or following & _SIGN == 0):
        return _blank_end(data, i, end, True, blocks, classes)
    i = _run_end(data, after, end, _SIGN, blocks, classes)
    while i < end and (data[i] == 0x0A or data[i] == 0x0D):
        i += 1
    return i


@njit(cache=True, nogil=True)
def _cased_end(data: U8, i: int, end: int, blocks: U16, classes: U8) -> int:
    """The two alternatives for words of o200k at i; i where neither matches. With H = _HEAD and T = _TAIL they are

    [^\\r\\n\\p{L}\\p{N}]? H* T+ (contraction)?  and then  [^\\r\\n\\p{L}\\p{N}]? H+ T* (contraction)?

    H* takes the whole run of heads. If a lower-case letter follows, T+ goes on from there. If none does, H* gives back
    until T+ finds a character that is in both sets, so the word ends behind the last caseless letter or mark of the
    run. If the run holds none, but the optional character before it is itself a mark, then the optional part gives it
    back and T+ takes it alone. Only then comes the second alternative: the run is all upper case, and it is the word.
    """
    kind, after = _character(data, i, end, blocks, classes)
    begin = i if kind & _LETTER else after
    both_end = -1
    at = begin
    following = 0
    while at < end:
        following, beyond = _character(data, at, end, blocks, classes)
        if following & _HEAD == 0:
            break
        if following != UPPER:
            both_end = beyond
        at = beyond
    if at < end and following == LOWER:
        at = _run_end(data, at, end, _TAIL, blocks, classes)
    elif both_end >= 0:
        at = both_end
    elif kind == MARK:
        at = after
    elif at == begin:
        return i
    return _contraction_end(data, at, end, True)


@njit(cache=True, nogil=True)
def _o200k_end(data: U8, i: int, end: int, blocks: U16, classes: U8) -> int:
    r"""The words of _cased_end, then `\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`."""
    kind, after = _character(data, i, end, blocks, classes)
    if kind == NUMBER:
        return _number_end(data, after, end, blocks, classes)
    if kind == NEWLINE:
        return _blank_end(data, i, end, True, blocks, classes)
    word = _cased_end(data, i, end, blocks, classes)
    if word > i:
        return word
    if kind == SPACE:
        if data[i] != 0x20 or after == end:
            return _blank_end(data, i, end, True, blocks, classes)
        kind, after = _character(data, after, end, blocks, classes)
        if kind & _SIGN == 0:
            return _blank_end(data, i, end, True, blocks, classes)
    i = _run_end(data, after, end, _SIGN, blocks, classes)
    while i < end and (data[i] == 0x0A or data[i] == 0x0D or data[i] == 0x2F):
        i += 1
    return i


@njit(cache=True, nogil=True)
def scan(
    data: U8,
    starts: I64,
    kind: int,
    blocks: U16,
    classes: U8,
    document: int,
    at: int,
    ends: I64,
    count: int,
    documents: I64,
) -> tuple[int, int, int]:
    """Write the ends of the pieces from byte `at` of `document` on, until the last document or until `ends` is full.

    data: uint8, UTF-8. starts: int64[documents + 1], byte offsets of the documents. kind: GPT2, CL100K or O200K.
    blocks, classes: operators.unicode_classes. ends: written from `count` on. documents: int64[documents + 1], written:
    `documents[d + 1]` is the number of pieces up to the end of document d. Returns (document, at, count) to go on from;
    all is done when the document is len(starts) - 1. To begin: document 0, at = starts[0], count 0.
    """
    while document < len(starts) - 1:
        end = starts[document + 1]
        while at < end:
            if count == len(ends):
                return document, at, count
            if kind == GPT2:
                at = _gpt2_end(data, at, end, blocks, classes)
            elif kind == CL100K:
                at = _cl100k_end(data, at, end, blocks, classes)
            else:
                at = _o200k_end(data, at, end, blocks, classes)
            ends[count] = at
            count += 1
        document += 1
        documents[document] = count
    return document, at, count
