"""Training in one process: the list of the oracle, from nothing and from a tokenizer; a selection of one's own."""

import doctest
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from operators.arrays import I64
from operators.byte_level import to_chars
from operators.shard import PairChanges
from operators.tokenizer import Merges, Tokenizer
from operators.training import in_memory
from operators.training.extension import extend
from operators.training.in_memory import train_words
from operators.training.pair_totals import PairTotals
from tests import oracle
from tests.conftest import examples

counted_words = st.dictionaries(st.text("ab cdé", min_size=1, max_size=16).map(str.encode), st.integers(1, 5))


def arrays_of(words: dict[bytes, int]) -> tuple[pa.LargeBinaryArray, I64]:
    return pa.array(list(words), pa.large_binary()), np.array(list(words.values()), np.int64)


def rows_of(merges: Merges) -> list[tuple[int, int, int, int]]:
    columns = (merges.left, merges.right, merges.token, merges.count)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def names_of(tokenizer: Tokenizer) -> list[str]:
    special = dict(zip(tokenizer.vocabulary.special_ids, tokenizer.special_tokens, strict=True))
    return [special.get(i) or to_chars(token) for i, token in enumerate(tokenizer.tokens)]


@examples(100)
@given(counted_words, counted_words, st.integers(0, 30), st.integers(0, 30), st.integers(1, 3))
def test_words_in_memory_give_the_list_of_the_oracle_and_extend_it(
    first: dict[bytes, int], second: dict[bytes, int], size: int, more: int, minimum: int
) -> None:
    empty = Tokenizer("none", ("<s>", "ab"), Merges.from_rows([]))
    target = len(empty.tokens) + size
    merges = train_words(*arrays_of(first), target, start=("<s>", "ab"), min_pair_count=minimum)
    assert rows_of(merges) == oracle.extend(first, target, names_of(empty), [], minimum)
    base, _ = extend(empty, merges)
    target = len(base.tokens) + more
    longest = 2 + max(len(text) for text in base.text_tokens.values())  # a shorter limit is refused (check_extendable)
    new = train_words(*arrays_of(second), target, start=base, max_token_length=longest)
    old = [row[:2] for row in rows_of(base.merges)]
    assert rows_of(new) == oracle.extend(second, target, names_of(base), old, 1, longest)


class LeastFrequentFirst:
    """The least frequent pair first, one a round: a selection that no production code has."""

    def __init__(self) -> None:
        self.totals: dict[int, int] = {}
        self.waiting: set[int] = set()

    def add(self, changes: Sequence[PairChanges]) -> None:
        for one in changes:
            for left, right, change in zip(one.left.tolist(), one.right.tolist(), one.change.tolist(), strict=True):
                pair = left << 32 | right
                self.totals[pair] = self.totals.get(pair, 0) + change
                if change > 0:
                    self.waiting.add(pair)

    def take(self, missing: int, minimum: int) -> tuple[I64, I64]:
        possible = [(self.totals[pair], pair) for pair in self.waiting if self.totals[pair] >= minimum]
        best = sorted(possible)[: min(missing, 1)]
        self.waiting -= {pair for _, pair in best}
        return np.array([pair for _, pair in best], np.int64), np.array([count for count, _ in best], np.int64)

    def requeue(self, pairs: I64) -> None:
        self.waiting |= set(pairs.tolist())

    def chosen(self, merges: Merges) -> Merges:
        return merges

    def replay(self, merges: Merges) -> None:
        pass

    def mark_merged(self, pairs: I64) -> None:
        self.waiting -= set(pairs.tolist())


def test_the_selection_that_is_handed_in_chooses_the_merges() -> None:
    words = arrays_of({b"aab": 5, b"ab": 1, b"cd": 2})
    merges = train_words(*words, 259, selection=LeastFrequentFirst())
    texts = Tokenizer("none", (), merges).tokens
    assert texts[256:] == [b"cd", b"aa", b"ab"]
    assert merges.count.tolist() == [2, 5, 1]
    assert rows_of(train_words(*words, 259, selection=PairTotals())) == rows_of(train_words(*words, 259))


def test_the_example_of_the_documentation_is_true() -> None:
    assert doctest.testmod(in_memory).failed == 0 < doctest.testmod(in_memory).attempted
