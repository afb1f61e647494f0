"""Shares against the truth, with a slow trainer and a slow replay in plain Python to make the data."""

import pickle
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from operators.errors import DataError, UsageError
from operators.mixture.linear_program import SolverFailed
from operators.mixture.program import LEAST_MERGES, BadLimit, CannotInfer, PairRecord, infer_mixture
from operators.tokenizer import Merges

Word = tuple[int, ...]
Pair = tuple[int, int]
FIRST_TOKEN = 256


def pair_counts(words: Mapping[Word, int]) -> Counter[Pair]:
    """Neighbours count wherever they stand: "aaa" holds two (a, a), as in Hugging Face's trainer."""
    counts: Counter[Pair] = Counter()
    for word, count in words.items():
        for pair in pairwise(word):
            counts[pair] += count
    return counts


def apply_merge(words: Mapping[Word, int], pair: Pair, token: int) -> Counter[Word]:
    merged: Counter[Word] = Counter()
    for word, count in words.items():
        out: list[int] = []
        i = 0
        while i < len(word):
            both = word[i : i + 2] == pair
            out.append(token if both else word[i])
            i += 2 if both else 1
        merged[tuple(out)] += count
    return merged


def train(words: Mapping[Word, int], merges: int) -> Merges:
    """Highest count, then smallest left id, then smallest right id; as many merges as occur."""
    rows = []
    for token in range(FIRST_TOKEN, FIRST_TOKEN + merges):
        counts = pair_counts(words)
        if not counts:
            break
        pair = min(counts, key=lambda p: (-counts[p], p))
        rows.append((*pair, token, counts[pair]))
        words = apply_merge(words, pair, token)
    return Merges.from_rows(rows)


def counts_at_each_step(words: Mapping[Word, int], merges: Merges) -> list[Counter[Pair]]:
    """The pair counts before merge 0, before merge 1, ..., and after the last."""
    states = [pair_counts(words)]
    for left, right, token in zip(merges.left.tolist(), merges.right.tolist(), merges.token.tolist(), strict=True):
        words = apply_merge(words, (left, right), token)
        states.append(pair_counts(words))
    return states


def record_of(category: str, words: Mapping[Word, int], merges: Merges, shuffle: int | None = None) -> PairRecord:
    """The record of a category; with a seed, its rows come in any order and some are split in two."""
    states = counts_at_each_step(words, merges)
    rows = [(-1, *pair, count) for pair, count in sorted(states[0].items())]
    for t, (before, after) in enumerate(pairwise(states)):
        for pair in sorted(before.keys() | after.keys()):
            if after[pair] != before[pair]:
                rows.append((t, *pair, after[pair] - before[pair]))
    if shuffle is not None:
        rng = random.Random(shuffle)
        halves = [(t, left, right, part) for t, left, right, c in rows for part in (c - 2 * (c // 3), c // 3, c // 3)]
        rows = rng.sample(halves, len(halves))
    table = np.array(rows, np.int64).reshape(-1, 4)
    size = sum(len(word) * count for word, count in words.items())
    step, left, right = (table[:, i].astype(np.int32) for i in range(3))
    return PairRecord(category, size, size, sum(states[0].values()), step, left, right, table[:, 3])


def random_words(rng: random.Random, letters: Sequence[int], distinct: int, longest: int = 8) -> Counter[Word]:
    """Words with skewed letters and Zipf-like counts."""
    weights = [1.0 / (i + 1) for i in range(len(letters))]
    words: Counter[Word] = Counter()
    for rank in range(distinct):
        words[tuple(rng.choices(letters, weights, k=rng.randint(2, longest)))] += 1 + distinct // (rank + 1)
    return words


def mixed(categories: Sequence[Mapping[Word, int]], weights: Sequence[int]) -> Counter[Word]:
    text: Counter[Word] = Counter()
    for words, weight in zip(categories, weights, strict=True):
        for word, count in words.items():
            text[word] += weight * count
    return text


def languages(seed: int, n: int, distinct: int = 150) -> list[Counter[Word]]:
    """n word tables over overlapping letters, in different orders of preference."""
    rng = random.Random(seed)
    return [random_words(rng, rng.sample(range(97, 109), 9), distinct) for _ in range(n)]


@pytest.fixture(scope="module")
def two() -> tuple[list[PairRecord], Merges]:
    categories = languages(seed=1, n=2, distinct=60)
    merges = train(mixed(categories, [3, 2]), 80)
    return [record_of(name, words, merges) for name, words in zip("ab", categories, strict=True)], merges


@pytest.mark.slow
@pytest.mark.parametrize("weights", [(3, 2), (1, 4, 2), (5, 1, 2, 3, 1)])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_training_text_itself_gives_the_shares_exactly(weights: tuple[int, ...], seed: int) -> None:
    categories = languages(seed, len(weights))
    merges = train(mixed(categories, weights), 400)
    records = [record_of(f"category {i}", words, merges) for i, words in enumerate(categories)]
    mixture = infer_mixture(records, merges)

    size = np.array([w * r.text_bytes for w, r in zip(weights, records, strict=True)], float)
    pairs = np.array([w * r.pairs for w, r in zip(weights, records, strict=True)], float)
    np.testing.assert_allclose(mixture.share, size / size.sum(), atol=1e-9, rtol=0)
    np.testing.assert_allclose(mixture.share_pairs, pairs / pairs.sum(), atol=1e-9, rtol=0)
    assert abs(mixture.objective) < 1e-9
    assert mixture.merges_used == len(merges)


def test_each_unit_weighs_the_pair_shares_by_the_samples_own_ratio(two: tuple[list[PairRecord], Merges]) -> None:
    (a, b), merges = two
    mixture = infer_mixture([replace(a, text_bytes=3 * a.pairs, characters=a.pairs), b], merges)
    plain = infer_mixture([a, b], merges)
    np.testing.assert_array_equal(mixture.share_pairs, plain.share_pairs)
    for share, unit_a, unit_b in [
        (mixture.share, 3.0, b.text_bytes / b.pairs),
        (mixture.share_characters, 1.0, b.characters / b.pairs),
    ]:
        odds = mixture.share_pairs[0] * unit_a / (mixture.share_pairs[1] * unit_b)
        assert share[0] / share[1] == pytest.approx(odds, rel=1e-12)
        assert share.sum() == pytest.approx(1.0, abs=1e-12)


def test_the_order_and_the_cutting_of_a_records_rows_change_nothing(two: tuple[list[PairRecord], Merges]) -> None:
    categories = languages(seed=1, n=2, distinct=60)
    merges = two[1]
    shuffled = [record_of(name, words, merges, shuffle=7) for name, words in zip("ab", categories, strict=True)]
    np.testing.assert_array_equal(infer_mixture(shuffled, merges).share, infer_mixture(two[0], merges).share)


def test_the_order_of_categories_changes_the_shares_order_only() -> None:
    categories = languages(seed=4, n=3, distinct=60)
    merges = train(mixed(categories, [3, 1, 2]), 100)
    records = [record_of(name, words, merges) for name, words in zip("abc", categories, strict=True)]
    one, other = infer_mixture(records, merges), infer_mixture(records[::-1], merges)
    assert one.objective == pytest.approx(other.objective, abs=1e-9)
    np.testing.assert_allclose(one.share, other.share[::-1], atol=1e-7)


def test_a_limit_is_the_same_as_a_shorter_list() -> None:
    categories = languages(seed=5, n=2, distinct=60)
    merges = train(mixed(categories, [3, 2]), 80)
    short = [record_of(name, words, merges[:45]) for name, words in zip("ab", categories, strict=True)]
    long = [record_of(name, words, merges) for name, words in zip("ab", categories, strict=True)]
    limited, whole = infer_mixture(long, merges, limit=45), infer_mixture(short, merges[:45])
    np.testing.assert_array_equal(limited.share, whole.share)
    assert limited.objective == whole.objective
    assert limited.merges_used == 45


@pytest.mark.slow
def test_two_runs_give_equal_bytes(two: tuple[list[PairRecord], Merges]) -> None:
    one, other = infer_mixture(*two), infer_mixture(*two)
    assert one.share.tobytes() == other.share.tobytes()
    assert (one.objective, one.rows, one.rounds) == (other.objective, other.rows, other.rounds)


def test_a_category_that_was_not_in_the_training_text_gets_nothing() -> None:
    categories = languages(seed=6, n=3)
    merges = train(mixed(categories[:2], [3, 2]), 250)
    records = [record_of(name, words, merges) for name, words in zip("abc", categories, strict=True)]
    assert infer_mixture(records, merges).share[2] == pytest.approx(0.0, abs=1e-9)


def test_what_cannot_be_inferred_is_refused_in_one_line(two: tuple[list[PairRecord], Merges]) -> None:
    (a, b), merges = two
    nothing = np.empty(0, np.int32)
    empty = PairRecord("void", 0, 0, 0, nothing, nothing, nothing, np.empty(0, np.int64))
    tripled = replace(a, category="c", pairs=3 * a.pairs, change=3 * a.change)
    foreign = [(200, 201 + i, 1000 + i, -1) for i in range(800)]
    known = list(
        zip(*(column.tolist() for column in (merges.left, merges.right, merges.token, merges.count)), strict=True)
    )
    for records, used, words in [
        ([], merges, "no categories"),
        ([a], merges, "only one category (a)"),
        ([a, empty], merges, "category void has no text"),
        ([a, replace(b, category="a")], merges, "category a is given twice"),
        ([a, b, replace(a, category="c")], merges, "categories a and c have the same"),
        ([a, b, tripled], merges, "categories a and c have the same"),
        ([a, replace(b, pairs=b.pairs + 1)], merges, "record of category b does not add up"),
        ([a, b], merges[:0], "0 of 0 merges occur"),
        ([a, b], merges[: LEAST_MERGES - 1], f"{LEAST_MERGES - 1} of {LEAST_MERGES - 1} merges occur"),
        ([a, b], Merges.from_rows(foreign), "0 of 800 merges occur"),
        ([a, b], Merges.from_rows(known + foreign), "only 80 of 880 merges occur"),
    ]:
        with pytest.raises(CannotInfer) as caught:
            infer_mixture(records, used)
        assert isinstance(caught.value, DataError)
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(BadLimit) as limit:
        infer_mixture([a, b], merges, limit=0)
    assert isinstance(limit.value, UsageError)


def test_errors_survive_a_process_border() -> None:
    for error in (CannotInfer("found", "remedy"), BadLimit(0), SolverFailed("Infeasible", 3)):
        assert str(pickle.loads(pickle.dumps(error))) == str(error)
