"""Substrings of words: the counts of a plain loop, whatever the shards are."""

import random
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from operators.arrays import word_buffers
from operators.unigram_training import substrings
from operators.unigram_training.substrings import Children, SubstringCounter, added_up, branching, texts_of


def counted(words: dict[bytes, int], shards: int, longest: int) -> list[Children]:
    parts = [[*words.items()][i::shards] for i in range(shards)]
    counters = []
    for part in parts:
        offsets, data = word_buffers(pa.array([word for word, _ in part], pa.large_binary()))
        counters.append(SubstringCounter(data, offsets, np.array([count for _, count in part], np.int64)))
    levels, kept = list[Children](), np.zeros(1, np.int64)
    for length in range(1, longest + 1):
        answers = [counter.children(length, kept) for counter in counters]
        again = counters[0].children(length, kept)  # as after a lost answer
        assert again is answers[0]
        levels.append(added_up(answers))
        kept = levels[-1].keys
    return levels


@pytest.mark.parametrize("shards", [1, 3])
def test_counts_and_branches_are_those_of_a_plain_loop(shards: int) -> None:
    draw = random.Random(shards)
    words = {bytes(draw.choices(b"ab\xc3\xff", k=draw.randrange(12))): draw.choice((1, 1, 3)) for _ in range(60)}
    plain, following = Counter[bytes](), dict[bytes, Counter[bytes]]()
    for word, count in words.items():
        for begin in range(len(word)):
            for end in range(begin + 1, len(word) + 1):
                plain[word[begin:end]] += count
                following.setdefault(word[begin:end], Counter())[word[end : end + 1]] += count
    levels = counted(words, shards, 6)
    for length, level in enumerate(levels, 1):
        texts = texts_of(levels[:length], np.arange(len(level.keys)))
        expected = {text: n for text, n in plain.items() if len(text) == length and n >= 2}
        assert dict(zip(texts, level.counts.tolist(), strict=True)) == expected
        assert texts == sorted(texts)
        if length < len(levels):
            found = {texts[i] for i in branching(level, levels[length]).tolist()}
            assert found == {text for text in expected if len(following[text]) > 1 or b"" in following[text]}


def test_of_too_many_substrings_the_rarest_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(substrings, "MOST_OF_A_LENGTH", 3)
    level = counted({b"aabbc": 5, b"dc": 2, b"ab": 1}, 2, 1)[0]
    assert dict(zip(level.keys.tolist(), level.counts.tolist(), strict=True)) == {97: 11, 98: 11}


def test_a_length_out_of_turn_is_an_error() -> None:
    counter = SubstringCounter(np.frombuffer(b"ab", np.uint8), np.array([0, 2]), np.array([1]))
    with pytest.raises(RuntimeError, match="length 2 was asked of a counter that is at length 0"):
        counter.children(2, np.zeros(1, np.int64))
