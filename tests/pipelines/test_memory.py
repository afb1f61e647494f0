"""Memory: what is stated of it holds, and limits are kept."""

import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from operators.byte_level import byte_ids
from operators.shard import Shard
from operators.tokenizer import Merges
from operators.training.reducer import Reducer, learn_rounds
from operators.word_table import WordCounter, WordTable
from pipelines.corpus.sources import Source, find_files
from pipelines.engines.local_engine import LocalEngine
from pipelines.memory import SHARD_BYTES_PER_SYMBOL, TooLittleMemory
from pipelines.outputs import Manifest, Output
from pipelines.progress import Silent
from pipelines.train.rounds import TrainingShard
from tests.pipelines.steps import count_words, train

LIMIT = 3 << 20


def write_text(path: Path, words: int, seed: int = 3) -> None:
    """Some 10 bytes a word, most of them seen once or twice."""
    draw = random.Random(seed)
    letters = "etaoinshrdlucmfw"
    vocabulary = ["".join(draw.choices(letters, k=draw.randint(4, 15))) for _ in range(words)]
    lines = [" ".join(draw.choices(vocabulary, k=12)) + "\n" for _ in range(words // 6)]
    path.write_text("".join(lines))


def trained(shard: Shard, tokens: int) -> None:
    reducer, nothing = Reducer((), tokens), Merges.from_rows([])
    for _ in learn_rounds(reducer, [shard.initial_counts()], lambda batch: [shard.apply(batch)], nothing):
        pass


@pytest.mark.parametrize(("words", "tokens"), [(30_000, 2_000), (100_000, 8_000)])
def test_a_shard_takes_the_bytes_a_symbol_that_are_stated(tmp_path: Path, words: int, tokens: int) -> None:
    write_text(tmp_path / "text.txt", words)
    counter = WordTable()
    own = (tmp_path / "text.txt").read_bytes().split()
    counter.add_rows(pa.array(own, pa.large_binary()), np.ones(len(own), np.int64))
    distinct, counts, _ = counter.sorted()
    shard = Shard(distinct, counts, byte_ids())
    trained(shard, tokens)
    symbols = sum(len(word) for word in distinct.to_pylist()) + len(distinct)
    assert 6 < shard.memory_bytes / symbols < SHARD_BYTES_PER_SYMBOL


def test_a_word_takes_the_bytes_that_are_stated() -> None:
    words = [f"{i:x}" * (1 + i % 2) for i in range(200_000)] + [f"{i:040x}" for i in range(20_000)]
    table = WordTable()
    table.add_rows(pa.array(words, pa.large_binary()), np.ones(len(words), np.int64))
    assert len(table) == len(set(words))
    long = sum(len(word) for word in words if len(word) > 23)
    assert 32 / 0.75 * len(table) <= table.memory_bytes <= 2 * 32 / 0.75 * len(table) + 2 * long + (1 << 14)


def counted(path: Path, into: Path, memory_bytes: int, partitions: int = 64) -> Manifest:
    files = find_files([Source(path=str(path))])
    return count_words(files, "gpt4", into, LocalEngine(2), Silent(), partitions=partitions, memory_bytes=memory_bytes)


def learned(words: Manifest, directory: Path, into: Path, workers: int, memory_bytes: int | None) -> bytes:
    with Output(into, "tokenizer") as output:
        train(words, directory, output, LocalEngine(workers), Silent(), vocabulary_size=1000, memory_bytes=memory_bytes)
    return (into / "tokenizer.json").read_bytes()


@pytest.mark.slow
def test_a_corpus_whose_words_are_larger_than_the_limit_trains_within_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "text.txt"
    write_text(path, 120_000)
    largest, flushed, shards = 0, 0, []

    class WatchedCounter(WordCounter):
        def add(self, *arguments: object, **more: object) -> None:
            nonlocal largest
            super().add(*arguments, **more)  # type: ignore[arg-type]
            largest = max(largest, self.memory_bytes)

    class WatchedShard(TrainingShard):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)  # type: ignore[arg-type]
            shards.append(self)

    whole = counted(path, tmp_path / "whole", 1 << 30)
    everything = WordTable()
    own = path.read_bytes().split()
    everything.add_rows(pa.array(own, pa.large_binary()), np.ones(len(own), np.int64))
    assert everything.memory_bytes > LIMIT

    monkeypatch.setattr("pipelines.words.counting.WordCounter", WatchedCounter)
    monkeypatch.setattr("pipelines.train.rounds.TrainingShard", WatchedShard)
    real_flush = WordCounter.tables

    def watched_flush(self: WordCounter, partitions: int) -> object:
        nonlocal flushed
        flushed += partitions == 64
        return real_flush(self, partitions)

    monkeypatch.setattr(WordCounter, "tables", watched_flush)
    words = counted(path, tmp_path / "words", LIMIT)
    assert flushed > 4 and largest < LIMIT / 2  # room to grow and to be sorted
    assert words.facts == whole.facts
    limited = learned(words, tmp_path / "words", tmp_path / "limited", 8, LIMIT)
    held = [shard._shard.memory_bytes for shard in shards]
    assert 1 < len(held) <= 8 and max(held) < LIMIT
    assert sum(held) > LIMIT
    assert limited == learned(whole, tmp_path / "whole", tmp_path / "unlimited", 1, None)


def test_too_little_memory_is_said_with_what_would_be_enough(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    write_text(path, 60_000)
    with pytest.raises(
        TooLittleMemory, match=r"one of 2 partitions takes .* MB, --memory-limit is 3.1 MB: .*--partitions 8"
    ):
        counted(path, tmp_path / "few", LIMIT, partitions=2)
    words = counted(path, tmp_path / "words", LIMIT)
    with pytest.raises(TooLittleMemory, match=r"training on these words takes .* over (\d+) workers \(--workers \1"):
        learned(words, tmp_path / "words", tmp_path / "out", 2, LIMIT)
