"""Profile of re-tokenizing: the time of its stages one after the other, on one thread, on the same files.

    python -m benchmarks.encode_stages 'corpus/*.jsonl' --tokenizer TOKENIZER

prints the MB of text a second of processor time of each stage, and what a core can do from file to file, format by
format: reading, pre-tokenizing, encoding and writing together.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar, get_args

import numpy as np

from operators.encoding.word_encoder import WordEncoder
from operators.text.pretokenize import Pretokenizer
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.records import read_batches
from pipelines.corpus.sources import Source, find_files
from pipelines.memory_pool import keep_freed_memory
from pipelines.token_shards.format_names import Format
from pipelines.token_shards.formats import Target, writer_of
from pipelines.tokenizers import load_tokenizer

READING, PRETOKENIZING, ENCODING = "reading", "pre-tokenizing", "encoding words"

Result = TypeVar("Result")


class Clock:
    """Seconds of processor time by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def call(self, stage: str, work: Callable[[], Result]) -> Result:
        """Do some work of a stage."""
        began = time.process_time()
        result = work()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.process_time() - began
        return result


def shares(corpus: Sequence[str], reference: str, folder: Path) -> dict[str, float]:
    """Return the parts of processor time that reading, pre-tokenizing, encoding words and writing take: 1 in all."""
    spent, _ = measure(corpus, reference, folder, ["parquet"])
    spent["writing"] = spent.pop("parquet")
    whole = sum(spent.values())
    return {name: seconds / whole for name, seconds in spent.items()}


def measure(
    corpus: Sequence[str], reference: str, folder: Path, formats: Sequence[str]
) -> tuple[dict[str, float], int]:
    """Return the seconds of each stage, a format's writer being one, and the bytes of text.

    A first pass, which does not count, warms the cache of words.
    """
    keep_freed_memory()
    tokenizer = load_tokenizer(reference)
    split, words = Pretokenizer(tokenizer.pretokenizer), WordEncoder(tokenizer)
    files = find_files([Source(path=path) for path in corpus])
    kind = np.dtype(np.uint16 if len(tokenizer.tokens) <= 1 << 16 else np.uint32)
    folder.mkdir(exist_ok=True)
    for _ in range(2):
        clock, size = Clock(), 0
        for number, file in enumerate(files):
            shards = {name: writer_of(name)(Target(folder, f"{name}-{number}", kind)) for name in formats}
            batches = read_batches(file, BadRecords("fail"))
            while (batch := clock.call(READING, lambda: next(batches, None))) is not None:  # noqa: B023
                text = batch.column("text")
                size += text.nbytes
                pieces = clock.call(PRETOKENIZING, lambda: split.split_normalized(text))  # noqa: B023
                ids, offsets = clock.call(ENCODING, lambda: words.encode(pieces))  # noqa: B023
                for name, shard in shards.items():
                    clock.call(name, lambda: shard.write(batch, ids, offsets))  # noqa: B023
            for name, shard in shards.items():
                clock.call(name, shard.finish)
    return clock.seconds, size


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="+")
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--formats", nargs="+", choices=get_args(Format), default=get_args(Format))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        spent, size = measure(asked.corpus, asked.tokenizer, Path(folder), asked.formats)
    shared = spent[READING] + spent[PRETOKENIZING] + spent[ENCODING]
    encoder = spent[PRETOKENIZING] + spent[ENCODING]
    for stage in (READING, PRETOKENIZING, ENCODING):
        print(f"{stage:16} {size / spent[stage] / 1e6:6.0f} MB/s")
    print(f"{'in memory':16} {size / encoder / 1e6:6.0f} MB/s: pre-tokenizing and encoding")
    for name in asked.formats:
        speed = size / (shared + spent[name]) / 1e6
        part = encoder / (shared + spent[name])
        print(
            f"{name:16} {size / spent[name] / 1e6:6.0f} MB/s; file to file {speed:.0f} a core, {part:.0%} of in memory"
        )


if __name__ == "__main__":
    main()
