"""Picky BPE: the events of a slow oracle, on any number of shards, and after any round of an interrupted run."""

import random
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.encoding.encode import Encoder
from operators.event_shard import EventShard
from operators.tokenizer import Merges, Tokenizer
from operators.training.event_list import event_tokenizer, events_of, problem_of
from operators.training.nearest_plain import exact_plain, nearest_plain
from operators.training.picky import PickyReducer
from operators.training.reducer import learn_rounds
from tests.conftest import examples
from tests.picky_oracle import picky

pytestmark = pytest.mark.filterwarnings("error")  # interpreted, an integer that wraps around warns

EMPTY = Tokenizer("none", (), Merges.from_rows([]))
IDS = {bytes([byte]): int(i) for byte, i in enumerate(EMPTY.byte_ids)}
Words = dict[bytes, int]


@st.composite
def cases(draw: st.DrawFn) -> tuple[Words, dict[str, Any]]:
    """Words of few letters, so that ties, runs of one letter and restored tokens are common; and settings."""
    chance = random.Random(draw(st.integers(0, 2**32)))
    letters, longest = chance.choice(["a", "ab", "abc", "abcdef"]), chance.choice([4, 8, 14, 30])
    words = {
        "".join(chance.choices(letters, k=chance.randint(1, longest))).encode(): chance.choice([1, 1, 2, 3, 50])
        for _ in range(chance.randint(1, 20))
    }
    limit, size = chance.choice([None, None, 2, 3, 5, 9]), 257 + chance.randint(0, 50)
    return words, {"size": size, "threshold": chance.choice([0.5, 0.6, 0.8, 0.9, 1.0]), "longest": limit}


def learned(
    words: Words, shards: int, rounds: list[Merges], *, size: int, threshold: float, longest: int | None
) -> Any:
    rows = [list(words.items())[i::shards] for i in range(shards)]
    made = [
        EventShard(pa.array([w for w, _ in own], pa.large_binary()), np.array([n for _, n in own], np.int64),
                   EMPTY.byte_ids, longest)
        for own in rows
    ]  # fmt: skip
    reducer = PickyReducer(EMPTY, size, 1, threshold)
    assert all(reducer.restore_round(batch) for batch in rounds)
    initial, replayed = [one.initial_counts() for one in made], reducer.merges
    for _ in learn_rounds(reducer, initial, lambda batch: [one.apply(batch) for one in made], replayed):
        pass
    return reducer


@examples(100)
@given(cases(), st.floats(0, 1))
def test_events_equal_the_oracles_on_any_shards_and_after_any_round(case: Any, cut: float) -> None:
    words, how = case
    events, present = picky(words, ids=IDS, **how)
    for shards in (1, 3):
        reducer = learned(words, shards, [], **how)
        assert events_of(reducer.merges, 256) == events
        assert reducer.vocabulary == len(present)
    before = list(reducer.rounds)[: int(cut * len(reducer.rounds))]
    assert events_of(learned(words, 1, before, **how).merges, 256) == events


@examples(50)
@given(cases(), st.lists(st.text("abcdef", min_size=1, max_size=60).map(lambda t: t * 4), max_size=20))
def test_words_become_what_all_events_in_their_order_make_of_them(case: Any, others: list[str]) -> None:
    words, how = case
    tokenizer = event_tokenizer("none", (), learned(words, 1, [], **how).merges, "Picky BPE")
    assert problem_of(tokenizer) is None
    texts = [*others, *(word.decode() for word in words)]
    expected = [in_order(tokenizer, text.encode()) for text in texts]
    assert encoded(tokenizer, texts) == expected
    if (exact := exact_plain(tokenizer)) is not None:
        assert encoded(exact, texts) == expected
    nearest = nearest_plain(tokenizer)
    assert nearest.tokens == tokenizer.tokens
    assert [b"".join(nearest.tokens[i] for i in ids) for ids in encoded(nearest, texts)] == [t.encode() for t in texts]


def encoded(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    ids, offsets = Encoder(tokenizer).encode(pa.array(texts, pa.large_string()))
    return [ids[begin:end].tolist() for begin, end in pairwise(offsets.tolist())]


def in_order(tokenizer: Tokenizer, word: bytes) -> list[int]:
    """A word that is a token; else all events, one after the other, wherever each applies."""
    model, ids = tokenizer.events, {text: i for i, text in enumerate(tokenizer.tokens)}
    assert model is not None
    if word in ids:
        return [ids[word]]
    tokens = [ids[bytes([byte])] for byte in word]
    for event, (left, right) in enumerate(zip(model.left.tolist(), model.right.tolist(), strict=True)):
        whole, parts = ([left], model.parts_of(event)) if right < 0 else ([left, right], [int(model.made[event])])
        at, after = 0, list[int]()
        while at < len(tokens):
            applies = tokens[at : at + len(whole)] == whole
            after += parts if applies else [tokens[at]]
            at += len(whole) if applies else 1
        tokens = after
    return tokens


def test_a_removed_token_is_restored_with_its_id() -> None:
    words = {b"abc": 90, b"ab": 5, b"xab": 4, b"yab": 3}
    events, _ = picky(words, 270, 0.8, IDS)
    again = [one.token for one in events if not one.is_removal]
    assert any(one.is_removal for one in events) and len(again) > len(set(again))
    assert events_of(learned(words, 2, [], size=270, threshold=0.8, longest=None).merges, 256) == events


def test_rounds_that_no_run_chooses_are_not_restored() -> None:
    reducer = PickyReducer(EMPTY, 300, 1, 0.9)
    for rows in ([(64, 65, 300, 1)], [(64, 65, 256, 1), (64, 66, 256, -2)], [(64, 999, 256, 1)], [(64, 65, 64, -9)]):
        assert not reducer.restore_round(Merges.from_rows(rows))
        assert reducer.vocabulary == 256
    assert reducer.restore_round(Merges.from_rows([(64, 65, 256, 1), (64, 65, 256, -2)]))
    assert reducer.vocabulary == 256
