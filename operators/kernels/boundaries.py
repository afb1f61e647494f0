r"""Borders between the pre-tokens of the published expressions, 64 bytes at a time, as bits.

Bit i of a number is about byte i of a block of documents. With the letters L, numbers N, blanks B (spaces other than
line ends, the plain space among them), line ends R and other signs O, a pre-token begins at these places:

- the first of a run of letters, unless a blank stands before it, or one sign that is the first of its run and has no
  plain space before it: these go with the letters (`[^\r\n\p{L}\p{N}]?\p{L}+`);
- the first of a run of numbers, and every third number behind it (`\p{N}{1,3}`);
- the first of a run of signs, unless a plain space stands before it; the space and all line ends right behind the signs
  go with them (` ?[^\s\p{L}\p{N}]+[\r\n]*`);
- of other whitespace: the first of a run; what follows its last line end (`\s*[\r\n]+`); and its last blank, if
  something follows (`\s+(?!\S)|\s+`, and the first and third rule);
- what follows a contraction (`(?i:'s|'t|'re|'ve|'m|'ll|'d)`), where the apostrophe goes with letters.

These are the rules of GPT-4 (cl100k) and Qwen; `find_borders_gpt2` has GPT-2's, and `operators.kernels.cased_words` has
what o200k and tekken do in another way.

A run is followed to its end by a carry: adding the bit where a run of ones begins sets the bit behind it. Places that
need the text itself (contractions, long numbers, blanks of several bytes, blanks between line ends) are rare; they are
written to a list, `todo`, and done last.
"""

from typing import Any, NamedTuple

import numpy as np

from operators.arrays import I64, U64
from operators.kernels.bits import clear_bit, is_set, set_bit
from operators.kernels.cased_words import CASE, CONTRACTION, SLASHES, settle_cased
from operators.kernels.intrinsics import add_bits, bit_count, lanes_equal, lanes_of, lanes_within, lowest_bit
from operators.kernels.kernel import kernel
from operators.kernels.lanes import WIDE
from operators.kernels.scan import (
    BLOCK_BYTES,
    FAMILY,
    FROM_RIGHT,
    GPT2,
    O200K,
    SINGLE,
    TEKKEN,
    after_character,
    classify,
    contraction_end,
    number_rule,
)
from operators.unicode.classes import CASELESS, LOWER, MARK, NEWLINE, NUMBER, OTHER, SPACE, UPPER

_LETTER, _SIGN = np.uint8(UPPER | LOWER | CASELESS), np.uint8(OTHER | MARK)
_NUMBER, _BLANK, _LINE_END = np.uint8(NUMBER), np.uint8(SPACE), np.uint8(NEWLINE)
_SPACES = np.uint8(SPACE | NEWLINE)
_PLAIN_SPACE, _APOSTROPHE, _LINE_FEED = np.uint8(0x20), np.uint8(0x27), np.uint8(0x0A)
_UPPER, _LOWER, _MARK, _OTHER = np.uint8(UPPER), np.uint8(LOWER), np.uint8(MARK), np.uint8(OTHER)
_BOTH, _SLASH = np.uint8(CASELESS | MARK), np.uint8(0x2F)
_ONE, _TOP = np.uint64(1), np.uint64(63)
NUMBERS, WIDE_BLANK, BLANK_LINE = 3, 4, 5
"""Kinds of places in `todo`, beside those of `operators.kernels.cased_words`."""


@kernel
def add_todo(bits: Any, base: int, shift: int, kind: int, todo: Any, n_todo: int) -> int:
    """Append `(base + bit - shift) * 8 + kind` to `todo` for every bit; return the new length."""
    while bits != 0:
        todo[n_todo] = (base + lowest_bit(np.int64(bits)) - shift) * 8 + kind
        n_todo += 1
        bits &= bits - _ONE
    return n_todo


@kernel
def find_borders(text: Any, kinds: Any, documents: Any, n_words64: int, kind: int, borders: Any, todo: Any) -> int:
    """Write where pre-tokens begin, a bit a byte, and the places that need the text to `todo`; return how many.

    text: uint8, a block of documents; kinds: uint8, their classes, zeros behind them. documents: uint64[n_words64 + 1],
    a bit where a document begins and where the last one ends. kind: a scanner other than GPT2, with its rule for
    numbers. borders: uint64[n_words64], written. todo: int64, with space for one entry a byte.
    """
    zero = np.uint64(0)
    family, single = kind & FAMILY, number_rule(kind) == SINGLE
    cased = family in (O200K, TEKKEN)
    others = lower = tails = heads = taken_ends = zero
    joined_carry = tail_carry = zero
    letters = numbers = signs = blanks = line_ends = plain = firsts = free_ends = spaces = zero
    second = third = fourth = zero
    sign_carry = end_carry = blank_carry = zero
    n_todo = 0
    following_blanks, following_ends = lanes_of(kinds, 0, _BLANK), lanes_of(kinds, 0, _LINE_END)
    for word64 in range(n_words64):
        base = word64 * WIDE
        starts = documents[word64]
        inside = ~starts
        before_letters, before_signs = letters >> _TOP, signs >> _TOP
        before_numbers, numbers = numbers >> _TOP, lanes_of(kinds, base, _NUMBER)
        before_blanks, blanks = blanks >> _TOP, following_blanks
        line_ends = following_ends
        before_plain, plain = plain >> _TOP, lanes_equal(text, base, _PLAIN_SPACE) & blanks
        following_blanks = lanes_of(kinds, base + WIDE, _BLANK) if word64 + 1 < n_words64 else zero
        following_ends = lanes_of(kinds, base + WIDE, _LINE_END) if word64 + 1 < n_words64 else zero
        following_starts = documents[word64 + 1] << _TOP
        within = lanes_within(text, base)
        begun = starts
        behind_plain = (plain << _ONE | before_plain) & inside

        if cased:
            # A mark goes with the signs before it, unless these are one sign without a plain space before it.
            before_others, others = others >> _TOP, lanes_of(kinds, base, _OTHER)
            marks, both = lanes_of(kinds, base, _MARK), lanes_of(kinds, base, _BOTH)
            joining = others & ~within & ((others << _ONE | before_others) & inside | behind_plain)
            run = (others | marks) & inside
            flipped, joined_carry = add_bits(run, joining, joined_carry)
            joined = marks & (flipped ^ run | joining) & inside
            signs, both = others | joined, both & ~joined
            # Within a word: upper case ends a tail, which lower case begins and caseless letters and marks continue.
            upper = lanes_of(kinds, base, _UPPER)
            before_lower, lower = lower >> _TOP, lanes_of(kinds, base, _LOWER)
            letters = upper | lower | both
            run = both & inside
            flipped, tail_carry = add_bits(run, run & (lower << _ONE | before_lower), tail_carry)
            caseless_tails = (flipped ^ run) & run
            before_tails, tails = tails >> _TOP, lower | caseless_tails
            begun |= upper & (tails << _ONE | before_tails) & inside
            before_heads, heads = heads >> _TOP, both & ~caseless_tails
            doubtful = upper & (heads << _ONE | before_heads) & inside
            if doubtful != 0:
                n_todo = add_todo(doubtful, base, 0, CASE, todo, n_todo)
        else:
            letters, signs = lanes_of(kinds, base, _LETTER), lanes_of(kinds, base, _SIGN)

        behind_signs = (signs << _ONE | before_signs) & inside
        first_signs = signs & ~behind_signs & ~behind_plain
        begun |= first_signs
        rest = signs & within & inside
        before_firsts, firsts = firsts >> _TOP, first_signs
        ended, sign_carry = add_bits(rest, (first_signs << _ONE | before_firsts) & inside, sign_carry)
        behind_one_sign = ended & ~rest & inside

        behind_letters = (letters << _ONE | before_letters) & inside
        behind_blanks = (blanks << _ONE | before_blanks) & inside
        begun |= letters & ~behind_letters & ~behind_blanks & ~behind_one_sign

        behind_numbers = (numbers << _ONE | before_numbers) & inside
        begun |= numbers & ~(within if single else behind_numbers)
        before_second, second = second >> _TOP, numbers & behind_numbers
        before_third, third = third >> _TOP, numbers & (second << _ONE | before_second) & inside
        before_fourth, fourth = fourth >> _TOP, numbers & (third << _ONE | before_third) & inside
        if fourth != 0 and not single:
            new = fourth & ~((fourth << _ONE | before_fourth) & inside)
            n_todo = add_todo(new, base, 3, NUMBERS, todo, n_todo)

        run = line_ends & inside
        flipped, end_carry = add_bits(run, line_ends & behind_signs, end_carry)
        before_taken, taken_ends = taken_ends >> _TOP, (flipped ^ run) & run
        before_spaces, spaces = spaces >> _TOP, (blanks | line_ends) & ~taken_ends
        begun |= spaces & ~((spaces << _ONE | before_spaces) & inside)
        before_free, free_ends = free_ends >> _TOP, line_ends & ~taken_ends
        indents = blanks & (free_ends << _ONE | before_free) & inside
        begun |= indents
        run = blanks & inside
        ended, blank_carry = add_bits(run, indents, blank_carry)
        blank_lines = ended & ~run & line_ends & inside
        if blank_lines != 0:
            n_todo = add_todo(blank_lines, base, 0, BLANK_LINE, todo, n_todo)
        any_space, any_following = blanks | line_ends, (following_blanks | following_ends) << _TOP
        last_blanks = blanks & ~(any_space >> _ONE | any_following) & ~(starts >> _ONE | following_starts)
        begun |= last_blanks & ~within
        if last_blanks & within != 0:
            n_todo = add_todo(last_blanks & within, base, 0, WIDE_BLANK, todo, n_todo)

        if family != TEKKEN:
            apostrophes = lanes_equal(text, base, _APOSTROPHE) & (behind_letters if cased else first_signs) & signs
            if apostrophes != 0:
                n_todo = add_todo(apostrophes, base, 0, CONTRACTION, todo, n_todo)
        if cased and taken_ends << _ONE | before_taken != 0:
            slashes = lanes_equal(text, base, _SLASH) & (taken_ends << _ONE | before_taken) & inside
            if slashes != 0:
                n_todo = add_todo(slashes, base, 0, SLASHES, todo, n_todo)
        borders[word64] = begun
    return n_todo


@kernel
def find_borders_gpt2(
    text: Any, kinds: Any, documents: Any, n_words64: int, kind: int, borders: Any, todo: Any
) -> int:  # fmt: skip
    """Write borders as `find_borders` does, for GPT-2's expression, in which only a plain space joins what follows.

    A run of letters, of numbers or of signs is one pre-token, with the plain space before it; the last character of a
    run of whitespace is a pre-token of its own if something follows.
    """
    zero = np.uint64(0)
    letters = numbers = signs = spaces = plain = zero
    n_todo, rule = 0, number_rule(kind)
    following = lanes_of(kinds, 0, _SPACES)
    for word64 in range(n_words64):
        base = word64 * WIDE
        starts = documents[word64]
        inside = ~starts
        before_letters, letters = letters >> _TOP, lanes_of(kinds, base, _LETTER)
        before_numbers, numbers = numbers >> _TOP, lanes_of(kinds, base, _NUMBER)
        before_signs, signs = signs >> _TOP, lanes_of(kinds, base, _SIGN)
        before_spaces, spaces = spaces >> _TOP, following
        before_plain, plain = plain >> _TOP, lanes_equal(text, base, _PLAIN_SPACE) & spaces
        following = lanes_of(kinds, base + WIDE, _SPACES) if word64 + 1 < n_words64 else zero
        within = lanes_within(text, base)
        apart = inside & ~(plain << _ONE | before_plain)
        first_signs = signs & ~((signs << _ONE | before_signs) & inside)
        begun = starts | (first_signs & (apart | starts))
        begun |= letters & ~((letters << _ONE | before_letters) & inside) & (apart | starts)
        first_numbers = numbers & ~((numbers << _ONE | before_numbers) & inside)
        if rule == 0:
            begun |= first_numbers & (apart | starts)
        else:
            begun |= numbers & ~within if rule == SINGLE else first_numbers
        if rule > SINGLE and first_numbers != 0:
            n_todo = add_todo(first_numbers, base, 0, NUMBERS, todo, n_todo)
        begun |= spaces & ~((spaces << _ONE | before_spaces) & inside)
        last = spaces & ~(spaces >> _ONE | following << _TOP) & ~(starts >> _ONE | documents[word64 + 1] << _TOP)
        begun |= last & ~within
        if last & within != 0:
            n_todo = add_todo(last & within, base, 0, WIDE_BLANK, todo, n_todo)
        apostrophes = lanes_equal(text, base, _APOSTROPHE) & first_signs & (apart | starts)
        if apostrophes != 0:
            n_todo = add_todo(apostrophes, base, 0, CONTRACTION, todo, n_todo)
        borders[word64] = begun
    return n_todo


@kernel
def write_ends(borders: Any, n_words64: int, base: int, ends: Any, count: int, ranks: Any) -> int:
    """Write where pre-tokens end, `base` plus the place of every bit but the very first; return the new count.

    ranks: int64[n_words64], written: the count before each 64 bits, the first bit of all not counted.
    """
    bits = borders[0] & ~_ONE
    for word64 in range(n_words64):
        if word64 > 0:
            bits = borders[word64]
        ranks[word64] = count
        at = base + word64 * WIDE
        behind = count + bit_count(bits)
        while bits != 0:
            ends[count] = at + lowest_bit(np.int64(bits))
            bits &= bits - _ONE
            count += 1
        count = behind
    return count


@kernel
def settle_numbers(text: Any, kinds: Any, documents: Any, borders: Any, at: int, from_right: bool) -> None:
    """Cut the run of numbers that begins at `at` into threes, from its end if `from_right`; two passes over it."""
    first, end = 0, at
    while from_right and kinds[end] == NUMBER and (end == at or not is_set(documents, end)):
        end = after_character(text, end)
        first = (first + 1) % 3
    begin, left = at, first if first > 0 else 3  # numbers up to the next border
    while kinds[at] == NUMBER and (at == begin or not is_set(documents, at)):
        if left == 0:
            set_bit(borders, at)
            left = 3
        at = after_character(text, at)
        left -= 1


@kernel
def settle_todo(
    text: Any, kinds: Any, documents: Any, borders: Any, todo: Any, n_todo: int, kind: int
) -> None:  # fmt: skip
    """Set and clear the borders at the places in `todo`; see `find_borders`."""
    family, rule = kind & FAMILY, number_rule(kind)
    if family in (O200K, TEKKEN):
        n_todo = settle_cased(text, kinds, documents, borders, todo, n_todo, kind)
    for i in range(n_todo):
        at, place = todo[i] >> 3, todo[i] & 7
        if place == CONTRACTION:
            end = at
            while end < len(text) and end < at + 4 and (end == at or not is_set(documents, end)):
                end += 1
            after = contraction_end(text[:end], at, family != GPT2)
            if after > at and family == GPT2:
                clear_bit(borders, at + 1)
            if after > at and after < len(text) and kinds[after] & _LETTER:
                set_bit(borders, after)
        elif place == NUMBERS:
            settle_numbers(text, kinds, documents, borders, at, rule == FROM_RIGHT)
        elif place == WIDE_BLANK:
            while text[at] & 0xC0 == 0x80:
                at -= 1
            set_bit(borders, at)
        else:  # the blanks before this line end began behind another one: no pre-token begins there
            at -= 1
            while kinds[at - 1] == SPACE:
                at -= 1
            clear_bit(borders, at)


@kernel
def mark_documents(starts: Any, document: int, stop: int, document_bits: Any) -> None:
    """Set a bit where each of these documents begins, and where the last one ends; clear the others."""
    begin = starts[document]
    document_bits[: (starts[stop] - begin + WIDE - 1) // WIDE + 2] = 0
    for i in range(document, stop + 1):
        at = starts[i] - begin
        document_bits[at >> 6] |= _ONE << np.uint64(at & 63)


@kernel
def write_pieces(
    starts: Any, document: int, stop: int, borders: Any, ranks: Any, written: Any, count: int
) -> int:  # fmt: skip
    """Write the ends of the pre-tokens of these documents, whose borders are bits; return the new count.

    borders: uint64, bits from the first document's first byte to the last one's last.
    """
    ends, documents = written
    begin = starts[document]
    n = starts[stop] - begin
    borders[(n + WIDE - 1) // WIDE] = 0
    borders[n >> 6] |= _ONE << np.uint64(n & 63)  # where the last pre-token ends
    count_before = count
    count = write_ends(borders, (n >> 6) + 1, begin, ends, count, ranks)
    for i in range(document, stop):
        at = starts[i + 1] - begin
        upto = borders[at >> 6] & ((_ONE << np.uint64(at & 63)) - _ONE | _ONE << np.uint64(at & 63))
        if at >> 6 == 0:
            upto &= ~_ONE
        documents[i + 1] = ranks[at >> 6] + bit_count(upto) if at > 0 else count_before
    return count


class BlockBits(NamedTuple):
    """Scratch for one block of documents; a number of 64 bits stands for as many bytes of text."""

    borders: U64
    """uint64, with two more than the longest block needs: bits where pre-tokens begin."""
    document_bits: U64
    """uint64, as many: bits where documents begin."""
    todo: I64
    """int64, one for each byte of the longest block: places that are settled one by one."""
    ranks: I64
    """int64, as many as `borders`: pre-tokens before each number."""


@kernel
def scan_borders(
    data: Any, starts: Any, kind: int, tables: Any, bits: BlockBits, written: Any, document: int, count: int
) -> tuple[int, int]:
    """Write the ends of the pre-tokens, from `document` on, while `ends` has space for a block of one-byte pre-tokens.

    data: uint8, UTF-8, with PADDING behind it. starts: int64[documents + 1], byte offsets of the documents. kind: a
    constant of `operators.kernels.scan`; tables, written: its Classes and Ends. count: pre-tokens so far; `ends` is
    written from there on. Returns (document, count) from which to continue with more space.
    """
    blocks, classes, kinds = tables
    borders, document_bits, todo, ranks = bits
    ends, documents = written
    while document < len(starts) - 1:
        begin, stop = starts[document], document + 1
        while stop < len(starts) - 1 and starts[stop + 1] - begin <= BLOCK_BYTES:
            stop += 1
        n = starts[stop] - begin
        if count + n > len(ends):
            break
        if n > 0:
            text = data[begin : begin + n]
            classify(text, blocks, classes, kinds)
            kinds[n : n + WIDE] = 0
            n_words64 = (n + WIDE - 1) // WIDE
            mark_documents(starts, document, stop, document_bits)
            if kind & FAMILY != GPT2:
                n_todo = find_borders(text, kinds, document_bits, n_words64, kind, borders, todo)
            else:
                n_todo = find_borders_gpt2(text, kinds, document_bits, n_words64, kind, borders, todo)
            settle_todo(text, kinds, document_bits, borders, todo, n_todo, kind)
            count = write_pieces(starts, document, stop, borders, ranks, written, count)
        else:
            documents[document + 1 : stop + 1] = count
        document = stop
    return document, count


@kernel
def write_line_ends(text: Any, ends: Any) -> int:
    """Write where lines end, behind each "\\n", while `ends` has space; return how many there are in all."""
    count = 0
    whole = len(text) - len(text) % WIDE  # nothing behind the text is read
    for at in range(0, whole, WIDE):
        bits = lanes_equal(text, at, _LINE_FEED)
        while bits != 0:
            if count < len(ends):
                ends[count] = at + lowest_bit(np.int64(bits)) + 1
            count += 1
            bits &= bits - _ONE
    for at in range(whole, len(text)):
        if text[at] == _LINE_FEED:
            if count < len(ends):
                ends[count] = at + 1
            count += 1
    return count
