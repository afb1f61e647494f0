"""Second-stage rules, cut by the scanner and by `tokenizers`; limits of superwords."""

import random
from itertools import pairwise
from unicodedata import category

import pyarrow as pa
import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from operators.superwords.limits import SuperwordLimits
from operators.superwords.rules import NoSpaceRule, second_stage
from operators.text.pretokenize import Pretokenizer
from operators.text.pretokenizers import PATTERNS
from operators.text.rules import RULED, SUPERBPE_REGEX, with_digits
from operators.training.whole_characters import ALLOWED, FORBIDDEN, judge
from tests.conftest import examples

EDGES = ["a", "Bé", " ", "  ", ".", "..", " !", "/", "\n", "\r\n", "1", "٣2", "́", "日", "\xa0", "\t", "'s", "😀"]


def ends_of(regex: str, text: str) -> list[int]:
    pieces = tokenizers.pre_tokenizers.Split(tokenizers.Regex(regex), "isolated").pre_tokenize_str(text)
    return [len(text[:end].encode()) for _, (_, end) in pieces]


@examples(200)
@given(st.lists(st.lists(st.sampled_from(EDGES), max_size=30).map("".join), min_size=1, max_size=3))
def test_superbpe_is_cut_as_tokenizers_cuts_it(texts: list[str]) -> None:
    found = Pretokenizer(SUPERBPE_REGEX).split(pa.array(texts, pa.large_string()))
    for text, own, begin in zip(texts, pairwise(found.documents), found.starts[:-1], strict=True):
        assert (found.ends[slice(*own)] - begin).tolist() == ends_of(SUPERBPE_REGEX, text)


@pytest.mark.parametrize("first", [*RULED, with_digits("o200k", "single")])
def test_punctuation_frees_the_space_before_words_and_nothing_else(first: str) -> None:
    regex, own = second_stage("punctuation", first), PATTERNS.get(first, first)
    draw = random.Random(first)
    for _ in range(30):
        text = "".join(draw.choices(EDGES, k=20))
        data, freed = text.encode(), set(ends_of(own, text)) - set(ends_of(regex, text))
        assert set(ends_of(regex, text)) <= set(ends_of(own, text))
        assert all(data[end] == 0x20 and data[end + 1 :].decode()[0] in "aBé日\u0301" for end in freed)
    assert ends_of(regex, "the cat. The Dog") == [7, 8, 16]


@pytest.mark.parametrize("first", [r"\w+", "codebpe2"])
def test_punctuation_needs_a_first_stage_whose_words_are_known(first: str) -> None:
    with pytest.raises(NoSpaceRule, match=r"punctuation is made of one of gpt2, .*tekken, not of "):
        second_stage("punctuation", first)


def test_an_expression_is_a_second_stage_as_it_is() -> None:
    assert second_stage(r"\w+", "gpt2") == r"\w+"


def test_limits_forbid_many_words_and_signs_before_spaces() -> None:
    limits = SuperwordLimits(2, ":;", 9, judge)
    assert limits(b" of", b" the") == ALLOWED
    for left, right in ((b" a b", b" c"), (b"a: ", b"b"), (b"b;", b" "), (b"12345", b"6789"), (b"\xc3", b"a")):
        assert limits(left, right) == FORBIDDEN
    assert SuperwordLimits(0, "")(b" a b c: ", b" d e f") == ALLOWED


@pytest.mark.parametrize("first", ["gpt2", "gpt4", "o200k"])
def test_words_joins_neighbouring_words_and_nothing_else(first: str) -> None:
    regex, draw = second_stage("words", first), random.Random(first)
    for text in ["".join(draw.choices(EDGES, k=20)) for _ in range(30)]:
        own = ends_of(PATTERNS[first], text)
        pieces = [text.encode()[begin:end].decode("utf-8") for begin, end in pairwise([0, *own])]
        are_words = [any(category(char)[0] == "L" for char in piece) for piece in pieces]
        last = [not (one and other) for one, other in pairwise([*are_words, False])]
        if "\u0301" not in text:  # a mark is a word to o200k at some places, a sign at others
            assert ends_of(regex, text) == [end for end, is_last in zip(own, last, strict=True) if is_last]
