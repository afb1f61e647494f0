"""Sets of sources: exact up to a size, estimated beyond it, the same however they are added up."""

import random
from collections import defaultdict

import numpy as np
import pyarrow as pa
import pytest

from operators.kernels.word_sources import SKETCH
from operators.text.pretokenize import Pretokenizer
from operators.word_sources import SourceCounters, capped, estimated, hashes_of, source_hash
from operators.word_table import WordTable


@pytest.mark.parametrize("sources", [1, SKETCH - 1, SKETCH, 5_000])
def test_sizes_are_exact_and_then_near(sources: int) -> None:
    members = np.array([source_hash(str(i)) for i in range(sources)], np.uint64)
    size = estimated(np.sort(members)[:SKETCH])
    assert size == sources if sources < SKETCH else abs(size / sources - 1) < 4 / (SKETCH - 2) ** 0.5


def test_the_union_of_capped_sets_is_the_capped_union() -> None:
    draw = np.random.default_rng(1)
    words = draw.integers(0, 3, 4_000).astype(np.uint64)
    sources = draw.integers(0, 2**63, 1_500).astype(np.uint64)[draw.integers(0, 1_500, 4_000)]
    halves = [capped(words[i::2], sources[i::2]) for i in (0, 1)]
    again = capped(*(np.concatenate(both) for both in zip(*halves, strict=True)))
    for word in range(3):
        own = np.unique(sources[words == word])[:SKETCH]
        assert np.array_equal(again[1][again[0] == word], own)


def test_pairs_are_those_of_a_plain_loop() -> None:
    draw = random.Random(2)
    some = ["a", " b", "é", "x" * 40, " word", "1"]
    texts = ["".join(draw.choices(some, k=draw.randint(0, 30))) for _ in range(300)]
    sources, cuts = [f"s{draw.randrange(90)}" for _ in texts], Pretokenizer("gpt2")
    counters = SourceCounters()
    for first in range(0, 300, 50):
        batch = pa.array(texts[first : first + 50], pa.large_string())
        counters.add(cuts.split(batch), pa.array(["x"] * len(batch)), pa.array(sources[first : first + 50]))
    found = defaultdict[int, set[int]](set)
    for text, source in zip(texts, sources, strict=True):
        pieces = cuts.split(pa.array([text], pa.large_string()))
        words = WordTable()
        words.add(pieces.data, 0, pieces.ends, np.ones(1, np.int64))
        rows, _, hashes = words.sorted()
        assert np.array_equal(hashes_of(rows), hashes)
        for one in hashes.tolist():
            found[one].add(source_hash(source))
    expected = [(word, one) for word in sorted(found) for one in sorted(found[word])[:SKETCH]]
    assert max(map(len, found.values())) > SKETCH
    rows = counters.table()
    assert list(zip(rows["word"].to_pylist(), rows["source"].to_pylist(), strict=True)) == expected
