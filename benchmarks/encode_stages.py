"""Profile of re-tokenizing: the time of its stages one after the other, on one thread, on the same files."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from operators.encoding.word_encoder import WordEncoder
from operators.text.pretokenize import Pretokenizer
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.records import read_batches
from pipelines.corpus.sources import Source, find_files
from pipelines.retokenize.formats import Target
from pipelines.retokenize.formats.parquet import ParquetShard
from pipelines.tokenizers import load_tokenizer


def shares(corpus: Sequence[str], reference: str, folder: Path) -> dict[str, float]:
    """The part of the processor time that reading, pre-tokenizing, encoding words and writing take; they add up to 1.

    A first pass, which does not count, warms the cache of words.
    """
    tokenizer = load_tokenizer(reference)
    split, words = Pretokenizer(tokenizer.pretokenizer), WordEncoder(tokenizer)
    files = find_files([Source(path=path) for path in corpus])
    kind = np.dtype(np.uint16 if len(tokenizer.tokens) <= 1 << 16 else np.uint32)
    folder.mkdir()
    for _ in range(2):
        spent = dict.fromkeys(("reading", "pre-tokenizing", "encoding words", "writing"), 0.0)
        for number, file in enumerate(files):
            shard, batches = ParquetShard(Target(folder, str(number), kind)), read_batches(file, BadRecords("fail"))
            while True:
                began = time.process_time()
                batch = next(batches, None)
                spent["reading"] += time.process_time() - began
                if batch is None:
                    break
                began = time.process_time()
                pieces = split.split_normalized(batch.column("text"))
                spent["pre-tokenizing"] += time.process_time() - began
                began = time.process_time()
                ids, offsets = words.encode(pieces)
                spent["encoding words"] += time.process_time() - began
                began = time.process_time()
                shard.write(batch, ids, offsets)
                spent["writing"] += time.process_time() - began
            began = time.process_time()
            shard.finish()
            spent["writing"] += time.process_time() - began
    whole = sum(spent.values())
    return {name: seconds / whole for name, seconds in spent.items()}
