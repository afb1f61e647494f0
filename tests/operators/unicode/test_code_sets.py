"""Sets of code points against the table of classes, Python's sets, and `tokenizers`."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import PreTokenizedString, Regex, pre_tokenizers

from operators.unicode import classes, properties, properties_table
from operators.unicode.code_sets import END, CodeSet, flagged_set, property_set
from tests.conftest import sample_and_whole

CODES = np.setdiff1d(np.arange(END), np.arange(0xD800, 0xE000))
RANGES = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5)).map(lambda pair: (pair[0], sum(pair))), max_size=4)


@given(RANGES, RANGES)
def test_sets_are_those_of_python(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    def plain(ranges: list[tuple[int, int]]) -> set[int]:
        return {code for first, last in ranges for code in range(first, last + 1)}

    def members(found: CodeSet) -> set[int]:
        return set(np.flatnonzero(found.has(np.arange(60))).tolist())

    a, b = CodeSet.of(*one), CodeSet.of(*other)
    assert members(a | b) == plain(one) | plain(other)
    assert members(a & b) == plain(one) & plain(other)
    assert members(~a) == set(range(60)) - plain(one)
    assert len(a) == len(plain(one)) and all((code in a) == (code in plain(one)) for code in range(60))


def test_the_two_tables_agree_about_every_code_point() -> None:
    found = classes.CLASSES[classes.BLOCKS[CODES >> 6].astype(np.int64) * 64 + (CODES & 63)]
    for name, bits in (
        ("L", classes.UPPER | classes.LOWER | classes.CASELESS),
        ("M", classes.MARK),
        ("N", classes.NUMBER),
        ("Ll", classes.LOWER),
    ):
        members = property_set(name)
        assert members is not None and np.array_equal(members.has(CODES), found & bits != 0)
    blanks = flagged_set(properties.BLANK).has(CODES)
    assert np.array_equal(blanks, found & (classes.SPACE | classes.NEWLINE) != 0)


@sample_and_whole
def test_the_installed_tokenizers_has_the_same_properties(every: bool) -> None:
    names = (
        (*properties_table.CATEGORIES, *properties_table.SCRIPTS) if every else ("Pc", "Nl", "Thai", "Hiragana", "Zs")
    )
    for name in names:
        members = property_set(name)
        assert members is not None
        text = "".join(map(chr, CODES[members.has(CODES)].tolist()))
        for regex, left in ((rf"\p{{{name}}}+", ""), (rf"\P{{{name}}}+", text)):
            pieces = PreTokenizedString(text)
            pre_tokenizers.Split(Regex(regex), "removed").pre_tokenize(pieces)
            assert "".join(piece for piece, _, _ in pieces.get_splits()) == left, name


@pytest.mark.parametrize(
    ("step", "flag"),
    [
        (pre_tokenizers.Digits(individual_digits=True), properties.DIGIT_STEP),
        (pre_tokenizers.Punctuation("isolated"), properties.PUNCTUATION_STEP),
    ],
)
def test_the_installed_tokenizers_has_the_same_digits_and_punctuation(step: object, flag: int) -> None:
    codes = CODES[CODES < 0x20000]
    pieces = PreTokenizedString("aa" + "aa".join(map(chr, codes.tolist())) + "aa")
    step.pre_tokenize(pieces)  # type: ignore[attr-defined]
    splits = pieces.get_splits(offset_referential="original", offset_type="char")
    found = [(begin - 2) // 3 for _, (begin, end), _ in splits if end == begin + 1]
    assert np.array_equal(np.flatnonzero(flagged_set(flag).has(codes)), found)


def test_names_are_compared_as_oniguruma_compares_them() -> None:
    for name in ("Old_Italic", "olditalic", "OLD ITALIC", "lu", "Letter"):
        assert property_set(name) is not None
    assert property_set("Emoji") is None and property_set("IsHan") is None
