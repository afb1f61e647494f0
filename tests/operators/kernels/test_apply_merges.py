"""The kernels under a shard, compared with plain recounting. Run compiled, interpreted and with bounds checked."""

import random
from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.arrays import I32
from operators.byte_level import byte_ids
from operators.shard import PairChanges, Shard
from operators.tokenizer import Merges

pytestmark = pytest.mark.filterwarnings("error")  # interpreted, an integer that wraps around warns

words_with_counts = st.dictionaries(
    st.binary(min_size=0, max_size=12).map(lambda raw: bytes(97 + byte % 4 for byte in raw)),
    st.integers(1, 2**40),
    max_size=12,
)


def shard_of(words: dict[bytes, int], ids: I32 | None = None) -> Shard:
    counts = np.array(list(words.values()), np.int64)
    return Shard(pa.array(list(words), pa.large_binary()), counts, byte_ids() if ids is None else ids)


def add(totals: Counter[tuple[int, int]], changes: PairChanges) -> None:
    rows = zip(changes.left.tolist(), changes.right.tolist(), changes.change.tolist(), strict=True)
    for left, right, change in rows:
        totals[left, right] += change


def recount(texts: list[tuple[list[int], int]]) -> Counter[tuple[int, int]]:
    totals: Counter[tuple[int, int]] = Counter()
    for symbols, count in texts:
        for pair in pairwise(symbols):
            totals[pair] += count
    return totals


def merge(texts: list[tuple[list[int], int]], pair: tuple[int, int], new: int) -> int:
    """Replace the pair everywhere, from the left; returns how often, weighed by the words' counts."""
    done = 0
    for symbols, count in texts:
        i = 0
        while i + 1 < len(symbols):
            if (symbols[i], symbols[i + 1]) == pair:
                symbols[i : i + 2] = [new]
                done += count
            i += 1
    return done


@given(words_with_counts, st.lists(st.integers(0, 10**6), max_size=12))
def test_reported_changes_add_up_to_a_recount(words: dict[bytes, int], picks: list[int]) -> None:
    shard, ids = shard_of(words), byte_ids()
    texts = [([int(ids[byte]) for byte in word], count) for word, count in words.items()]
    totals: Counter[tuple[int, int]] = Counter()
    add(totals, shard.initial_counts())
    assert totals == recount(texts)
    merged: set[tuple[int, int]] = set()
    for step, pick in enumerate(picks):
        there = sorted(recount(texts))
        if not there:
            break
        pair = there[pick % len(there)]
        changes = shard.apply(Merges.from_rows([(*pair, 256 + step, 0)]))
        add(totals, changes)
        merge(texts, pair, 256 + step)
        merged.add(pair)
        assert set(changes.step.tolist()) <= {step}
        assert {p: n for p, n in totals.items() if n and p not in merged} == dict(recount(texts))


@given(
    words_with_counts,
    st.lists(st.integers(0, 10**6), min_size=1, max_size=12),
    st.integers(0, 2**32),
    st.sampled_from([268, 400, 65_535, 65_536, 65_537, 2_000_000]),
    st.integers(1, 4),
)
def test_ids_in_any_order_only_rename_the_changes(
    words: dict[bytes, int], picks: list[int], seed: int, largest: int, batch: int
) -> None:
    """Files may give bytes ids above those of the merges, and a merge's parts ids above its own."""
    own = np.array(random.Random(seed).sample(range(largest), 256 + len(picks)), np.int32)
    ids, made = own[:256], own[256:].tolist()
    texts = [([int(ids[byte]) for byte in word], count) for word, count in words.items()]
    rows: list[tuple[int, int, int, int]] = []
    before, merged = recount(texts), Counter[tuple[int, int]]()
    for pick, new in zip(picks, made, strict=True):
        there = sorted(pair for pair in recount(texts) if pair not in {row[:2] for row in rows})
        parts = there or [(int(ids[97]), new), (made[-1], int(ids[98]))]  # also merges of what nothing makes
        left, right = parts[pick % len(parts)]
        rows.append((left, right, new, 0))
        merged[left, right] += merge(texts, (left, right), new)
    shard = shard_of(words, ids)
    totals: Counter[tuple[int, int]] = Counter()
    add(totals, shard.initial_counts())
    assert totals == before
    for first in range(0, len(rows), batch):
        add(totals, shard.apply(Merges.from_rows(rows[first : first + batch])))
    totals.subtract(merged)  # a merge does not report its own pair's count
    assert {pair: n for pair, n in totals.items() if n} == dict(recount(texts))


@given(words_with_counts, st.permutations(range(5)))
def test_a_merge_of_a_token_that_is_not_made_yet_finds_nothing(words: dict[bytes, int], order: list[int]) -> None:
    """A token that is made twice has one length, whatever stands in the list before its parts are made."""
    a, b, c = (int(byte_ids()[byte]) for byte in b"abc")
    rows = [(a, b, 900, 0), (b, c, 300, 0), (900, c, 301, 0), (a, 300, 301, 0), (301, a, 70_000, 0)]
    rows = [rows[i] for i in order]
    texts = [([int(byte_ids()[byte]) for byte in word], count) for word, count in words.items()]
    totals, shard = recount(texts), shard_of(words)
    for left, right, new, _ in rows:
        add(totals, shard.apply(Merges.from_rows([(left, right, new, 0)])))
        totals[left, right] -= merge(texts, (left, right), new)
    assert {pair: n for pair, n in totals.items() if n} == dict(recount(texts))


def test_a_batch_gives_the_changes_of_its_merges_one_by_one() -> None:
    words = {b"abcabcabd": 3, b"dabcd": 5, b"aaaa": 7, b"abab": 2**35}
    a, b, c, d = (int(byte_ids()[byte]) for byte in b"abcd")
    merges = Merges.from_rows([(a, b, 256, 0), (c, d, 257, 0), (256, 256, 258, 0), (a, a, 259, 0)])
    together, apart = shard_of(words), shard_of(words)
    at_once = together.apply(merges)
    one_by_one = [apart.apply(merges[i : i + 1]) for i in range(len(merges))]
    for name in ("step", "left", "right", "change"):
        assert getattr(at_once, name).tolist() == np.concatenate([getattr(x, name) for x in one_by_one]).tolist()


def test_runs_of_one_symbol_merge_from_the_left() -> None:
    shard, a = shard_of({b"aaaaa": 1}), int(byte_ids()[ord("a")])
    changes = shard.apply(Merges.from_rows([(a, a, 256, 0)]))
    totals: Counter[tuple[int, int]] = Counter()
    add(totals, changes)
    # aa aa a: the pairs left are (aa, aa) and (aa, a); of four (a, a), two were merged and two were broken up.
    assert {pair: n for pair, n in totals.items() if n} == {(256, 256): 1, (256, a): 1, (a, a): -2}


def test_a_token_born_again_keeps_both_births() -> None:
    """Two merges that make the same token: its pairs are found wherever it came from."""
    shard = shard_of({b"xabc": 3, b"yabc": 5, b"abc": 1})
    a, b, c, x, y = (int(byte_ids()[byte]) for byte in b"abcxy")
    shard.apply(Merges.from_rows([(x, a, 256, 0), (a, b, 257, 0), (b, c, 258, 0)]))
    shard.apply(Merges.from_rows([(257, c, 259, 0), (256, 258, 260, 0)]))
    changes = shard.apply(Merges.from_rows([(y, 259, 260, 0)]))
    assert len(changes) == 0  # y abc is all of its word: no neighbours are left


def test_a_shard_without_pairs_is_empty_and_stays_so() -> None:
    shard = shard_of({b"": 4, b"a": 9})
    assert len(shard.initial_counts()) == 0
    assert len(shard.apply(Merges.from_rows([(1, 2, 256, 0)]))) == 0
