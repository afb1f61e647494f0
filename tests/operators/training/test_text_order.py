"""Selection by count and then by texts, against a loop over the definition in BoundlessBPE's paper and code."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from operators.shard import Shard
from operators.tokenizer import Merges, Tokenizer
from operators.training.reducer import Reducer, learn_rounds
from operators.training.text_order import TextOrderSelection
from tests.conftest import examples
from tests.oracle import merges_by_text

START = Tokenizer("none", (), Merges.from_rows([]))


def learned(words: dict[bytes, int], size: int, shards: int = 1, after: int = 0) -> list[Merges]:
    """The rounds of a training on shards; the first `after` rounds are replayed, as where a run is resumed."""
    tables = [list(words.items())[i::shards] for i in range(shards)]
    made = [
        Shard(pa.array([word for word, _ in own], pa.large_binary()), np.array([n for _, n in own]), START.byte_ids)
        for own in tables
    ]
    before = learned(words, size)[:after] if after else []
    selection = TextOrderSelection(START)
    selection.ask = lambda tokens: [np.array([one.doubled(token) for token in tokens.tolist()]) for one in made]
    reducer = Reducer(START, size, 1, selection)
    assert all(reducer.restore_round(batch) for batch in before)
    changes = [one.initial_counts() for one in made]
    list(learn_rounds(reducer, changes, lambda batch: [one.apply(batch) for one in made], Merges.joined(before)))
    return list(reducer.rounds)


def rows(rounds: list[Merges]) -> list[tuple[bytes, bytes, int]]:
    merges = Merges.joined(rounds)
    texts = Tokenizer("none", (), merges).text_tokens
    return [
        (texts[left], texts[right], count)
        for left, right, _, count in zip(*(column.tolist() for column in merges.columns), strict=True)
    ]


WORDS = st.dictionaries(st.text("abc", min_size=1, max_size=12).map(str.encode), st.integers(1, 3), min_size=1)


@examples(60)
@given(WORDS, st.integers(257, 300), st.integers(1, 3), st.integers(0, 20))
def test_merges_are_those_of_a_slow_loop_on_any_shards_and_resumed(
    words: dict[bytes, int], size: int, shards: int, after: int
) -> None:
    expected = merges_by_text({tuple(bytes([byte]) for byte in word): n for word, n in words.items()}, size - 256)
    rounds = learned(words, size)
    assert rows(rounds) == expected
    shards = min(shards, len(words))
    again = learned(words, size, shards, min(after, len(rounds)))
    assert [len(batch) for batch in again] == [len(batch) for batch in rounds]
    assert rows(again) == expected


def test_equal_counts_come_by_text_and_doubled_tokens_count_as_they_merge() -> None:
    assert rows(learned({b"zy": 2, b"ba": 2, b"ab": 2}, 259)) == [(b"a", b"b", 2), (b"b", b"a", 2), (b"z", b"y", 2)]
    assert rows(learned({b"aaa": 3, b"bc": 4}, 258)) == [(b"b", b"c", 4), (b"a", b"a", 3)]
