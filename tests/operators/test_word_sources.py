"""Sets of sources: exact up to a size, estimated beyond it, the same however they are added up."""

import random
from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from operators.kernels.word_sources import SKETCH
from operators.text.pretokenize import Pretokenizer
from operators.word_sources import SourcedCounter, capped, estimated, hashes_of, source_hash
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


def _pairs(counter: SourcedCounter) -> list[tuple[bytes, int, list[int]]]:
    """Return words, counts and sets of sources."""
    rows = next(rows for _, rows in counter.tables(1)).to_pylist()
    return sorted((row["word"], row["count"], sorted(row["sources"])) for row in rows)


def test_sets_are_those_of_a_plain_loop_counted_at_once_or_in_parts() -> None:
    draw = random.Random(2)
    some = ["a", " b", "é", "x" * 40, " word", "1", *(f" w{i}" for i in range(2_000))]
    texts = ["".join(draw.choices(some, weights=[300] * 6 + [1] * 2_000, k=draw.randint(0, 30))) for _ in range(900)]
    sources, cuts = [f"s{draw.randrange(90)}" for _ in texts], Pretokenizer("gpt2")
    parts = [SourcedCounter() for _ in range(3)]
    for first in range(0, 900, 50):
        batch = pa.array(texts[first : first + 50], pa.large_string())
        languages = pa.array(["x"] * 50)
        parts[first // 300].add_documents(cuts.split(batch), languages, pa.array(sources[first : first + 50]))
    counts, found = Counter[bytes](), defaultdict[bytes, set[int]](set)
    for text, source in zip(texts, sources, strict=True):
        pieces = cuts.split(pa.array([text], pa.large_string()))
        for begin, end in pairwise([0, *pieces.ends.tolist()]):
            counts[text.encode()[begin:end]] += 1
            found[text.encode()[begin:end]].add(source_hash(source))
    assert max(map(len, found.values())) > SKETCH
    whole = SourcedCounter([np.array([source_hash(f"s{i}") for i in range(90)], np.uint64)])
    for part in parts:
        for _, rows in part.tables(5):
            whole.add_rows(rows.combine_chunks().to_batches()[0])
    assert _pairs(whole) == sorted((word, counts[word], sorted(found[word])[:SKETCH]) for word in counts)


def test_hashes_of_words_are_those_of_their_table() -> None:
    words = pa.array([b"a", b"x" * 23, b"y" * 24, b"z" * 100], pa.large_binary())
    table = WordTable()
    table.add_rows(words, np.ones(4, np.int64))
    rows, _, hashes = table.sorted()
    assert np.array_equal(hashes_of(rows), hashes)
