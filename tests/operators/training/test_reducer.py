"""Training is exact: the merge list, and its independence of how the words are split."""

import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tokenizers
from hypothesis import example, given
from hypothesis import strategies as st

from operators.arrays import I32
from operators.byte_level import byte_ids, to_chars
from operators.shard import CountOverflow, Shard
from operators.tokenizer import Merges, Tokenizer, Vocabulary
from operators.tokenizer_files.hugging_face_output import to_json
from operators.training.extension import extend
from operators.training.reducer import Reducer, learn_rounds
from tests import oracle
from tests.conftest import examples

EVERYTHING = 100_000
"""More tokens than any corpus here can give: training to exhaustion."""
NOTHING = Merges.from_rows([])

some_words = st.lists(
    st.tuples(st.text("ab cdé", min_size=1, max_size=16), st.sampled_from([1, 1, 1, 2, 3, 7])), max_size=40
)
few_letters = st.lists(st.tuples(st.text("ab", min_size=1, max_size=24), st.integers(1, 4)), max_size=25)
special_lists = st.lists(st.sampled_from(["<s>", "ab", "a", "bab", "Ġ", "[字]"]), unique=True, max_size=3)


def train(
    words: dict[bytes, int],
    *,
    shards: int = 1,
    vocabulary_size: int = EVERYTHING,
    special_tokens: Sequence[str] = (),
    min_pair_count: int = 1,
    max_token_length: int | None = None,
) -> tuple[Tokenizer, list[tuple[bytes, bytes, int]]]:
    """The tokenizer, and its merges as (left, right, count)."""
    items = list(words.items())
    fleet = [shard_of(items[i::shards], byte_ids(special_tokens), max_token_length) for i in range(shards)]
    reducer = Reducer(special_tokens, vocabulary_size, min_pair_count)
    changes = [shard.initial_counts() for shard in fleet]
    for _ in learn_rounds(reducer, changes, lambda batch: [shard.apply(batch) for shard in fleet], NOTHING):
        pass
    made = Tokenizer("none", tuple(special_tokens), reducer.merges)
    texts, merges = made.text_tokens, made.merges
    rows = zip(merges.left.tolist(), merges.right.tolist(), merges.count.tolist(), strict=True)
    return made, [(texts[left], texts[right], count) for left, right, count in rows]


def shard_of(part: list[tuple[bytes, int]], ids: I32, max_token_length: int | None = None) -> Shard:
    counts = np.array([count for _, count in part], np.int64)
    return Shard(pa.array([word for word, _ in part], pa.large_binary()), counts, ids, max_token_length)


def hugging_face(
    words: dict[bytes, int], vocabulary_size: int, special: Sequence[str], minimum: int, longest: int | None
) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges of BpeTrainer on the same words, each a document of its own."""
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    more: dict[str, Any] = {} if longest is None else {"max_token_length": longest}
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        min_frequency=minimum,
        special_tokens=list(special),
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        **more,
    )
    tokenizer.train_from_iterator((word.decode() for word, n in words.items() for _ in range(n)), trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [(left, right) for left, right in model["merges"]]


def counted(pairs: list[tuple[str, int]]) -> dict[bytes, int]:
    counts: Counter[bytes] = Counter()
    for word, count in pairs:
        counts[word.encode()] += count
    return dict(counts)


@examples(300)
@given(
    st.one_of(some_words, few_letters),
    special_lists,
    st.sampled_from([1, 1, 2, 3]),
    st.sampled_from([None, None, 2, 3, 4, 9]),
    st.sampled_from([EVERYTHING, 262, 275]),
)
@example([("ab", 2), ("abab", 1)], ["ab"], 1, None, EVERYTHING)
def test_the_merge_list_equals_hugging_faces_and_the_oracles_to_exhaustion(
    pairs: list[tuple[str, int]], special: list[str], minimum: int, longest: int | None, size: int
) -> None:
    words = counted(pairs)
    made, rows = train(
        words, vocabulary_size=size, special_tokens=special, min_pair_count=minimum, max_token_length=longest
    )
    slow = oracle.train(words, size, special_tokens=special, min_pair_count=minimum, max_token_length=longest)
    assert rows == slow
    vocabulary, merges = hugging_face(words, size, special, minimum, longest)
    assert [(to_chars(left), to_chars(right)) for left, right, _ in rows] == merges
    special_ids = dict(enumerate(special))
    assert vocabulary == {special_ids.get(i) or to_chars(token): i for i, token in enumerate(made.tokens)}


@pytest.mark.slow
@examples(150)
@given(st.one_of(some_words, few_letters), st.integers(2, 7))
def test_any_split_gives_the_same_merges(pairs: list[tuple[str, int]], shards: int) -> None:
    words = counted(pairs)
    assert train(words, shards=shards)[1] == train(words)[1]


def test_ties_go_to_the_smallest_left_id_then_the_smallest_right_id() -> None:
    words = {b"cd": 1, b"ab": 1, b"ac": 1, b"zz": 1}
    assert [(left, right) for left, right, _ in train(words)[1]] == [
        (b"a", b"b"),
        (b"a", b"c"),
        (b"c", b"d"),
        (b"z", b"z"),
    ]


def test_counts_that_32_bits_cannot_hold_are_right() -> None:
    """Hugging Face wraps here (its issue 2058): the oracle counts with integers of any size."""
    words = {b"abab": 2**31 + 5, b"bc": 2**32 + 2, b"cab": 2**40, b"xy": 3}
    assert train(words)[1] == oracle.train(words, EVERYTHING)
    assert train(words)[1][0] == (b"a", b"b", 2 * (2**31 + 5) + 2**40)


def test_counts_beyond_64_bits_are_refused() -> None:
    with pytest.raises(CountOverflow, match=r"more than 2\^62"):
        Shard(pa.array([b"abcd"], pa.large_binary()), np.array([2**61]), byte_ids())


def test_rounds_take_many_merges_where_they_cannot_meet() -> None:
    letters = "abcdefghijklmnopqrst"
    words = {(letters[i] + letters[i + 1]).encode(): 100 - i for i in range(0, 20, 2)}
    reducer = Reducer((), EVERYTHING)
    shard = Shard(pa.array(list(words), pa.large_binary()), np.array(list(words.values())), byte_ids())
    first = reducer.next_batch([shard.initial_counts()])
    assert len(first) == 10
    assert len(reducer.next_batch([shard.apply(first)])) == 0


def test_a_list_of_merges_is_sliced_by_rank() -> None:
    merges = Merges.from_rows([(1, 2, 256, 9), (3, 4, 257, 8), (5, 6, 258, 7)])
    assert merges[1:].token.tolist() == [257, 258] and len(merges[:2]) == 2


def joined(rounds: Sequence[Merges]) -> list[tuple[int, int, int, int]]:
    merges = Merges.joined(rounds)
    columns = (merges.left, merges.right, merges.token, merges.count)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def continued(
    words: dict[bytes, int], start: Tokenizer, size: int, before: Sequence[Merges], cut: int, shards: int = 2
) -> Reducer:
    """A reducer at its end that began with the merges of `start`, then `before`, replayed `cut` merges at a time."""
    items = list(words.items())
    fleet = [
        Shard(
            pa.array([w for w, _ in part], pa.large_binary()), np.array([n for _, n in part], np.int64), start.byte_ids
        )
        for part in (items[i::shards] for i in range(shards))
    ]
    reducer = Reducer(start, size)
    assert all(reducer.restore_round(batch) for batch in before)
    changes = [shard.initial_counts() for shard in fleet]
    for merges in (start.merges, Merges.joined(before)):
        for first in range(0, len(merges), cut):
            reducer.replay(merges[first : first + cut], changes)
            changes = [shard.apply(merges[first : first + cut]) for shard in fleet]
    while len(batch := reducer.next_batch(changes)):
        changes = [shard.apply(batch) for shard in fleet]
    return reducer


@pytest.mark.slow
@examples(200)
@given(st.one_of(some_words, few_letters), special_lists, st.integers(0, 40), st.integers(1, 9), st.data())
def test_training_goes_on_from_any_round_as_if_nothing_had_happened(
    pairs: list[tuple[str, int]], special: list[str], more: int, cut: int, data: st.DataObject
) -> None:
    words, start = counted(pairs), Tokenizer("none", tuple(special), Merges.from_rows([]))
    size = len(start.tokens) + more
    whole = continued(words, start, size, [], 1)
    there = data.draw(st.integers(0, len(whole.rounds)))
    again = continued(words, start, size, whole.rounds[:there], cut)
    assert joined(again.rounds) == joined(whole.rounds)
    assert [len(one) for one in again.rounds] == [len(one) for one in whole.rounds]
    assert again.vocabulary == whole.vocabulary


@pytest.mark.slow
@examples(200)
@given(st.one_of(some_words, few_letters), special_lists, st.integers(0, 20), st.integers(0, 20), st.integers(1, 9))
@example([("aaaa", 3), ("aab", 2), ("baab", 2)], ["ab"], 2, 9, 2)
def test_extending_what_was_trained_gives_the_list_of_training_on(
    pairs: list[tuple[str, int]], special: list[str], first: int, more: int, cut: int
) -> None:
    words = counted(pairs)
    size = 256 + len(special) + first
    small, _ = train(words, vocabulary_size=size, special_tokens=special)
    large, _ = train(words, vocabulary_size=size + more, special_tokens=special)
    reducer = continued(words, small, size + more, [], cut)
    assert joined([small.merges, *reducer.rounds]) == joined([large.merges])
    made, repeated = extend(small, reducer.merges)
    assert made.tokens == large.tokens
    given_pairs = set(zip(small.merges.left.tolist(), small.merges.right.tolist(), strict=True))
    kept = [row for i, row in enumerate(joined([large.merges])) if i < len(small.merges) or row[:2] not in given_pairs]
    assert joined([made.merges]) == kept
    assert len(large.merges) - len(made.merges) == repeated


@pytest.mark.slow
@examples(150)
@given(st.one_of(some_words, few_letters), st.one_of(some_words, few_letters), st.integers(0, 25), st.randoms())
def test_a_tokenizer_with_any_ids_is_extended_as_the_oracle_does(
    first: list[tuple[str, int]], second: list[tuple[str, int]], more: int, draw: random.Random
) -> None:
    """Trained on one corpus, its ids shuffled, special tokens among them; extended on another."""
    base, _ = train(counted(first), vocabulary_size=275, special_tokens=["<s>", "ab"])
    published = shuffled(base, draw)
    size = len(published.tokens) + more
    words = counted(second)
    reducer = continued(words, published, size, [], 3)
    special = dict(zip(published.vocabulary.special_ids, published.special_tokens, strict=True))
    names = [special.get(i) or to_chars(token) for i, token in enumerate(published.tokens)]
    old = list(zip(published.merges.left.tolist(), published.merges.right.tolist(), strict=True))
    assert joined(reducer.rounds) == oracle.extend(words, size, names, old)
    made, _ = extend(published, reducer.merges)
    assert made.tokens[: len(published.tokens)] == published.tokens
    assert joined([made.merges])[: len(published.merges)] == joined([published.merges])
    assert len(made.tokens) == reducer.vocabulary
    theirs = tokenizers.Tokenizer.from_str(to_json(made))
    assert theirs.get_vocab(with_added_tokens=True).items() >= {name: i for i, name in enumerate(names)}.items()


def shuffled(tokenizer: Tokenizer, draw: random.Random) -> Tokenizer:
    """The same merges with other ids."""
    ids = list(range(len(tokenizer.tokens)))
    draw.shuffle(ids)
    to = np.array(ids, np.int32)
    tokens = [b""] * len(ids)
    for i, token in enumerate(tokenizer.tokens):
        tokens[ids[i]] = token
    old = tokenizer.merges
    merges = Merges(to[old.left], to[old.right], to[old.token], old.count)
    special = tuple(ids[i] for i in tokenizer.vocabulary.special_ids)
    return replace(tokenizer, merges=merges, published=Vocabulary(tokens, to[tokenizer.byte_ids], special))


def test_rounds_that_cannot_be_of_this_run_are_not_adopted() -> None:
    reducer = Reducer((), 260)
    a, b = (int(byte_ids()[byte]) for byte in b"ab")
    for row in ((a, 300, 256, 5), (a, b, 257, 5), (a, b, a, 5)):
        assert not reducer.restore_round(Merges.from_rows([row]))
        assert not reducer.restore_round(Merges.from_rows([(b, b, 256, 9), (b, 256, 257, 8), (*row[:2], 259, 5)]))
    assert reducer.vocabulary == 256 and not reducer.rounds
    assert reducer.restore_round(Merges.from_rows([(a, b, 256, 9), (a, 256, 257, 5)]))
    one_too_many = [(b, b, 258, 9), (b, 256, 259, 5), (a, a, 260, 4)]
    assert not reducer.restore_round(Merges.from_rows(one_too_many))
    assert reducer.vocabulary == 258 and len(reducer.rounds) == 1


def test_rounds_that_double_without_end_are_not_adopted() -> None:
    """A file of 1 KB could ask for any amount of memory."""
    reducer = Reducer([], 1_000)
    first = [(97, 97, 256, 9), *((256 + i, 256 + i, 257 + i, 9) for i in range(40))]
    assert not reducer.restore_round(Merges.from_rows(first))
    assert reducer.vocabulary == 256
