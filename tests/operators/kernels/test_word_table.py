"""Counting words, compared with a Counter. Run compiled, interpreted and with bounds checked."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.text.pretokenize import Pretokenizer
from operators.word_table import WordCounter, WordTable, text_sizes

pytestmark = pytest.mark.filterwarnings("error")

documents = st.lists(st.tuples(st.text("ab é\n字", max_size=30), st.sampled_from(["x", "y", "z"])), max_size=10)


def rows(counter: WordCounter, partitions: int) -> list[tuple[str, bytes, int]]:
    found = []
    for _, table in counter.tables(partitions):
        found += list(zip(*(table.column(name).to_pylist() for name in ("language", "word", "count")), strict=True))
    return sorted(found)


@given(documents, st.integers(1, 5), st.integers(1, 2**33))
def test_counts_are_those_of_a_plain_counter(documents: list[tuple[str, str]], partitions: int, weight: int) -> None:
    counter, expected = WordCounter(), Counter[tuple[str, bytes]]()
    for _ in range(2):
        texts = pa.array([text for text, _ in documents], pa.large_string())
        pieces = Pretokenizer("gpt4").split(texts)
        counter.add(pieces, pa.array([language for _, language in documents], pa.string()), weight)
        for d, (_, language) in enumerate(documents):
            start = int(pieces.starts[d])
            for end in pieces.ends[pieces.documents[d] : pieces.documents[d + 1]].tolist():
                expected[language, bytes(pieces.data[start:end])] += weight
                start = end
    assert rows(counter, partitions) == sorted((language, word, n) for (language, word), n in expected.items())
    if documents:
        sizes = Counter[str]()
        for text, language in documents:
            sizes[language] += 2 * weight * len(text.encode())
        tables = [table for _, table in counter.tables(1)]
        for table in tables:
            for language in set(table.column("language").to_pylist()):
                chosen = table.filter(pc.equal(table.column("language"), language)).combine_chunks()
                words, counts = chosen.column("word").chunk(0), chosen.column("count").to_numpy()
                characters = 2 * weight * sum(len(text) for text, own in documents if own == language)
                assert text_sizes(words, counts) == (sizes[language], characters)


def test_a_word_has_one_partition_and_many_words_spread() -> None:
    words = pa.array([f"w{i}" for i in range(600)], pa.large_string())
    counter = WordCounter()
    counter.add(Pretokenizer("none").split(words), pa.array(["x", "y"] * 300))
    counter.add(Pretokenizer("none").split(words), pa.array(["y", "x"] * 300))
    homes: dict[bytes, set[int]] = {}
    for partition, table in counter.tables(8):
        for word in table.column("word").to_pylist():
            homes.setdefault(word, set()).add(partition)
    assert all(len(home) == 1 for home in homes.values())
    spread = Counter(next(iter(home)) for home in homes.values())
    assert len(spread) == 8 and max(spread.values()) < 2 * 600 / 8


def test_hashes_differ_for_words_that_differ_little() -> None:
    texts = [bytes([a, b]) * n for a in b"ab" for b in b"ab" for n in range(1, 19)]
    texts += [bytes(n) for n in range(1, 40)] + [b"x" * n + bytes([n]) for n in range(40)]
    table = WordTable()
    table.add_rows(pa.array(texts, pa.large_binary()), np.ones(len(texts), np.int64))
    words, counts, hashes = table.sorted()
    expected = Counter(texts)
    assert dict(zip(words.to_pylist(), counts.tolist(), strict=True)) == expected
    assert len(set(hashes.tolist())) == len(expected)
    assert len({value >> 32 for value in hashes.tolist()}) > 0.9 * len(expected)
    assert hashes.tolist() == sorted(hashes.tolist())
