"""Renyi, Gini and words against definitions written out."""

import math
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.metrics.efficiency import ratio, renyi_efficiency
from operators.metrics.fairness import TooFewLanguages, gini, worst_to_best
from operators.metrics.words import whole_words, without_space, word_counts, word_table, writes_words

counts = st.lists(st.integers(0, 1000), min_size=1, max_size=30)


@given(counts, st.sampled_from([0.5, 1, 2, 2.5, 3]), st.integers(0, 50))
def test_renyi_efficiency_is_its_definition(counts: list[int], alpha: float, more: int) -> None:
    seen = [count for count in counts if count]
    types = len(counts) + more
    for among in (None, types):
        found = renyi_efficiency(np.array(counts, np.int64), among, alpha)
        w = len(seen) if among is None else among
        if w < 2 or not seen:
            assert found is None
            continue
        p = [count / sum(seen) for count in seen]
        if alpha == 1:
            entropy = -sum(one * math.log2(one) for one in p)
        else:
            entropy = math.log2(sum(one**alpha for one in p)) / (1 - alpha)
        assert found == pytest.approx(entropy / math.log2(w), abs=1e-12)


def test_tokens_used_alike_are_fully_efficient_and_one_token_says_nothing() -> None:
    assert renyi_efficiency(np.array([7, 7, 7, 0], np.int64)) == pytest.approx(1)
    assert renyi_efficiency(np.array([7, 0], np.int64)) is None
    assert renyi_efficiency(np.array([0, 0], np.int64), 2) is None
    assert ratio(3, 0) is None and ratio(3, 2) == 1.5


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=40))
def test_gini_is_the_mean_difference_of_all_pairs(costs: list[int]) -> None:
    n = len(costs)
    by_pairs = Fraction(sum(abs(a - b) for a in costs for b in costs), 2 * n * sum(costs))
    assert gini(np.array(costs, np.float64)) == pytest.approx(float(by_pairs), abs=1e-12)
    assert worst_to_best(np.array(costs, np.float64)) == max(costs) / min(costs)


def test_nobody_is_unequal_alone() -> None:
    for costs in (np.ones(0), np.ones(1)):
        for figure in (gini, worst_to_best):
            with pytest.raises(TooFewLanguages, match="takes two"):
                figure(costs)


def test_words_are_told_where_tokens_spell_the_text() -> None:
    tokens = [b"the", b" dog", b" do", b"g", b" the", b"?"]
    lengths, leading = np.array([len(t) for t in tokens], np.int32), np.array([t[:1] == b" " for t in tokens], np.uint8)
    text = pa.array(["left out", "the dog", "the dog", "the dog", ""], pa.large_string())[
        1:
    ]  # an offset, as slices have
    ids = np.array([0, 1, 4, 2, 3, 0, 5], np.int32)  # whole; a space in front and a cut word; not this text
    found = word_counts(text, ids, np.array([0, 2, 5, 7, 7], np.int64), lengths, leading)
    assert (found.words, found.told, found.continued) == (6, 4, 1)


def test_the_word_table_has_words_without_what_is_around_them() -> None:
    assert word_table("«Hello, world!» 1984 … hello world's e-mail ที่ 5th") == {
        "Hello", "world", "hello", "world's", "e-mail", "ที่", "5th",
    }  # fmt: skip
    assert word_table("क्या है?") == {"क्या", "है"}  # a vowel sign at the end belongs to the word
    stripped = without_space([b"the", b" the", b"  the", b" x", b"\xff"])
    words = pa.array([b"the"], pa.binary())
    assert whole_words(np.arange(5), stripped, words) == 2
    assert whole_words(np.arange(0), stripped, words) == 0


def test_scripts_without_blanks() -> None:
    assert [writes_words(one) for one in ("Latn", "Hang", "Deva", "Thai", "Jpan", "Hani", None)] == [True] * 3 + [
        False
    ] * 4
