"""The estimate by ranks: against made-up lists with known shares, and its evidence against the replay's record."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from operators.kernels.isotonic import pool_rising
from operators.mixture.check import groups
from operators.mixture.estimate import RankMixture, estimate
from operators.mixture.evidence import MEDIAN, Evidence, RemainingPairs, count_emissions, median_pair_count
from operators.mixture.merge_lists import NotExtended, read_merge_list
from operators.mixture.program import CannotInfer, collect_changes
from operators.mixture.rank import EXCESS
from operators.mixture.replay import record_changes
from operators.mixture.simplex import least_on_simplex
from operators.tokenizer import Merges, Tokenizer
from tests.operators.curves.test_tokens_by_size import TEXTS, trained, words_of
from tests.oracle import encode

BLOCKS, MERGES = 20, 4000


def made_up(shares: list[float], seed: int, missing: float = 0.0, size: float = 2e6) -> Evidence:
    """Pairs of n categories, some of their own; merged in the order of their counts in a mixture; samples by chance."""
    draw = np.random.default_rng(seed)
    n, every = len(shares) + (missing > 0), 3 * MERGES
    level = 0.02 / np.arange(20, 20 + every)
    rates = level[:, None] * draw.lognormal(0, 1.5, (every, n)) * (draw.random((every, n)) < 0.5)
    mixture = np.array([*(np.array(shares) * (1 - missing)), *([missing] if missing else [])])
    height = rates @ mixture
    order = np.argsort(-height)[:MERGES]
    known = rates[order][:, : len(shares)]
    counts = draw.poisson(known * size / BLOCKS, (BLOCKS, MERGES, len(shares))).astype(np.int64)
    sizes = np.full((BLOCKS, len(shares)), int(size / BLOCKS), np.int64)
    names = [f"c{i}" for i in range(len(shares))]
    return Evidence(names, counts, sizes, sizes, sizes)


@pytest.mark.parametrize("seed", range(3))
def test_known_shares_come_out_within_their_intervals(seed: int) -> None:
    shares = [0.4, 0.25, 0.2, 0.1, 0.05]
    found = estimate(made_up(shares, seed))
    assert found.share == pytest.approx(shares, abs=0.01)
    assert found.share.sum() == pytest.approx(1)
    assert ((found.low <= shares) & (shares <= found.high)).sum() >= 4
    assert (found.high - found.low).max() < 0.05
    assert not found.check.warns and found.fit.converged


def test_the_order_of_categories_means_nothing() -> None:
    evidence = made_up([0.5, 0.3, 0.2], 4)
    one, other = estimate(evidence), estimate(evidence.reordered([2, 0, 1]))
    assert one.share[[2, 0, 1]] == pytest.approx(other.share, abs=1e-7)
    assert one.low[[2, 0, 1]] == pytest.approx(other.low, abs=1e-6)


@pytest.mark.slow
def test_two_runs_give_equal_bytes() -> None:
    runs = [estimate(made_up([0.6, 0.4], 5)) for _ in range(2)]
    for field in ("share", "low", "high", "share_pairs"):
        assert getattr(runs[0], field).tobytes() == getattr(runs[1], field).tobytes()


@pytest.mark.slow
def test_what_is_missing_is_noticed_and_weighed() -> None:
    whole, lacking = made_up([0.5, 0.3, 0.2], 6), made_up([0.5, 0.3, 0.2], 6, missing=0.1)
    assert not estimate(whole).check.warns
    found: RankMixture = estimate(lacking, unknown=True)
    assert found.check.warns and found.check.absent > 0
    assert found.unknown is not None and 0.02 < found.unknown.share < 0.4
    assert found.share.sum() == pytest.approx(1 - found.unknown.share)
    rest = estimate(whole, unknown=True).unknown
    assert rest is not None and rest.share < 0.01


def test_what_cannot_be_told_is_refused() -> None:
    evidence = made_up([0.5, 0.5], 7)
    with pytest.raises(CannotInfer, match=r"only one category \(c0\)"):
        estimate(evidence.reordered([0]))
    with pytest.raises(CannotInfer, match="c0 and c0 have the same counts"):
        estimate(evidence.reordered([0, 0]))
    with pytest.raises(CannotInfer, match="10 of 10 merges occur"):
        estimate(evidence.taken(slice(10)))
    nothing = replace(evidence, counts=evidence.counts * 0)
    with pytest.raises(CannotInfer, match="0 of 4000 merges occur"):
        estimate(nothing)
    half = np.array([[1, 0]])
    empty = replace(evidence, text_bytes=evidence.text_bytes * half, pairs=evidence.pairs * half)
    with pytest.raises(CannotInfer, match="category c1 has no text that holds a pair"):
        estimate(empty)


def test_text_in_one_block_has_shares_and_no_intervals() -> None:
    evidence = made_up([0.7, 0.3], 10)
    one = np.zeros((BLOCKS, 1), np.int64)
    one[0] = 1
    whole = evidence.counts.sum(axis=0, keepdims=True) * one[:, :, None]
    sizes = evidence.text_bytes.sum(axis=0, keepdims=True) * one
    found = estimate(Evidence(evidence.categories, whole, sizes, sizes, sizes))
    assert found.share == pytest.approx([0.7, 0.3], abs=0.01)
    assert np.isnan(found.low).all() and np.isnan(found.high).all()


def test_emissions_are_the_counts_that_a_replay_records() -> None:
    tokenizer = trained(TEXTS, 450)
    halves = [[*TEXTS[:2], "aaaa aaaaaaa xxxx"], TEXTS[2:]]
    tables = [words_of(texts, "gpt4") for texts in halves]
    records = [record_changes(str(i), words, counts, tokenizer, tokenizer.merges)
               for i, (words, counts) in enumerate(tables)]  # fmt: skip
    words = pa.concat_arrays([words for words, _ in tables])
    counts = np.concatenate([counts for _, counts in tables])
    labels = np.repeat(np.arange(2), [len(own) for own, _ in tables])
    found, pairs = count_emissions(words, labels, counts, 2, tokenizer, tokenizer.merges)
    assert found.tolist() == collect_changes(records, tokenizer.merges).chosen_counts.tolist()
    assert pairs.tolist() == [record.pairs for record in records]
    fewer, _ = count_emissions(words, labels, counts, 2, tokenizer, tokenizer.merges[:50])
    assert fewer.tolist() == found[:50].tolist()


def test_pools_are_the_isotonic_regression() -> None:
    draw = np.random.default_rng(8)
    value, weight = draw.normal(size=60), draw.uniform(0.5, 2, 60)
    first = pool_rising(value, weight)
    sizes = np.diff(np.append(first, 60))
    fit = np.repeat(np.add.reduceat(value * weight, first) / np.add.reduceat(weight, first), sizes)
    assert (np.diff(fit) <= 1e-12).all()
    # min-max formula: the fit at t is the least over starts of the greatest weighted mean ending behind t
    sums = np.concatenate([[0], np.cumsum(value * weight)])
    mass = np.concatenate([[0], np.cumsum(weight)])
    slow = [min(max((sums[b] - sums[a]) / (mass[b] - mass[a]) for b in range(t + 1, 61)) for a in range(t + 1))
            for t in range(60)]  # fmt: skip
    assert fit == pytest.approx(slow)


def test_the_least_on_the_simplex_is_below_all_others() -> None:
    draw = np.random.default_rng(9)
    for turn in range(60):
        root = draw.normal(size=(6, 4))
        quadratic, linear = root.T @ root, draw.normal(size=4)
        most = np.ones(4) if turn % 2 else draw.uniform(0.2, 0.7, 4) * [1, 1, 1, 1e-3]
        most = most * max(1.0, 1.0 / most.sum())
        best = least_on_simplex(quadratic, linear, most)
        assert (best >= 0).all() and best.sum() == pytest.approx(1) and (best <= most * (1 + 1e-9)).all()
        others = draw.dirichlet(np.full(4, 0.5), 20_000)
        others = others[(others <= most).all(axis=1)]
        others = np.concatenate([others, 0.999 * best + 0.001 * others[:1]]) if len(others) else best[None, :]
        heights = 0.5 * np.einsum("ti,ij,tj->t", others, quadratic, others) - others @ linear
        assert 0.5 * best @ quadratic @ best - best @ linear <= heights.min() + 1e-9


@pytest.mark.parametrize("step", [0, 3, 40])
def test_how_often_the_pairs_that_are_left_occur(step: int) -> None:
    tokenizer = trained(TEXTS, 320)
    words, counts = words_of(TEXTS, "gpt4")
    merges = [(tokenizer.tokens[int(a)], tokenizer.tokens[int(b)])
              for a, b in zip(tokenizer.merges.left[:step], tokenizer.merges.right[:step], strict=True)]  # fmt: skip
    left: Counter[tuple[bytes, bytes]] = Counter()
    for word, count in zip(words.to_pylist(), counts.tolist(), strict=True):
        for pair in pairwise(encode(word, merges)):
            left[pair] += count
    total, so_far = left.total(), 0
    for occurs in sorted(left.values(), reverse=True):
        so_far += occurs
        if so_far >= MEDIAN * total:
            break
    assert median_pair_count(words, counts, tokenizer, step) == occurs


def test_pairs_that_were_passed_over_bound_a_share() -> None:
    """The last category is the first one's text, thin, among pairs that were never merged: without a look at them
    nothing speaks against it."""
    plain = made_up([0.5, 0.3, 0.2], 11)
    thin = np.random.default_rng(1).binomial(plain.counts[:, :, :1], 0.1)
    counts = np.concatenate([plain.counts, thin], axis=2)
    sizes = np.repeat(plain.text_bytes[:, :1], 4, axis=1)
    evidence = Evidence(["a", "b", "c", "thin"], counts, sizes, sizes, sizes)
    rate = np.array([1e-6, 1e-6, 1e-6, 0.02])
    assert estimate(evidence).high[3] > 0.1
    found = estimate(replace(evidence, remaining=(RemainingPairs(1000, rate),)))
    assert found.share[3] <= 1.01 * EXCESS * found.fit.curve[999] / 0.02 < 0.01
    assert found.share[:3] == pytest.approx([0.5, 0.3, 0.2], abs=0.02)
    assert found.fit.converged and found.high[3] < 0.01


def test_likeness_is_transitive() -> None:
    alike = np.eye(4)
    alike[0, 2] = alike[2, 0] = alike[2, 3] = alike[3, 2] = 0.999
    assert groups(alike, ["a", "b", "c", "d"]) == [[0, 2, 3]]


def list_of(texts: list[tuple[str, str]], pretokenizer: str = "gpt4") -> Tokenizer:
    alphabet = Tokenizer("none", (), Merges.from_rows([]))
    ids = {chr(byte): int(alphabet.byte_ids[byte]) for byte in range(128)}
    rows, tokens = [], list(alphabet.tokens)
    for left, right in texts:
        if left + right not in ids:
            ids[left + right] = len(tokens)
            tokens.append((left + right).encode())
        rows.append((ids[left], ids[right], ids[left + right], 1))
    return Tokenizer(pretokenizer, (), Merges.from_rows(rows))


def test_runs_of_white_space_at_the_head_are_left_out_where_they_are_many() -> None:
    by_hand = list_of([(" ", " "), ("  ", "  "), ("    ", "    "), ("t", "h"), ("th", "e")])
    found = read_merge_list(by_hand)
    assert (found.by_hand, found.scored.tolist()) == ([b"  ", b"    ", b"        "], [3, 4])
    learned = read_merge_list(list_of([(" ", " "), ("t", "h"), ("  ", "  ")]))
    assert (learned.by_hand, learned.scored.tolist()) == ([], [0, 1, 2])


def test_of_a_converted_list_the_earliest_derivation_stays() -> None:
    found = read_merge_list(list_of([("a", "b"), ("b", "c"), ("ab", "c"), ("a", "bc"), ("c", "d")]))
    assert (found.redundant, len(found.tokenizer.merges)) == (1, 4)
    assert (
        found.tokenizer.merges.left.tolist()
        == list_of([("a", "b"), ("b", "c"), ("ab", "c"), ("c", "d")]).merges.left.tolist()
    )


def test_merges_of_another_do_not_count_and_strangers_are_refused() -> None:
    first, longer = list_of([("a", "b"), ("c", "d")]), list_of([("a", "b"), ("c", "d"), ("ab", "cd"), ("e", "f")])
    found = read_merge_list(longer, first)
    assert (found.beyond, found.scored.tolist()) == (2, [2, 3])
    with pytest.raises(NotExtended):
        read_merge_list(longer, list_of([("x", "y"), ("y", "z")]))


def test_tokens_that_the_pretokenizer_cuts_are_named() -> None:
    assert read_merge_list(list_of([("a", " "), ("t", "h"), ("a ", "th")])).forbidden == [b"a ", b"a th"]
