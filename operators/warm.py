"""`python -m operators.warm`: run every kernel once on a few words, so that numba has compiled and cached them all."""

import contextlib
from typing import Final

import numpy as np
import pyarrow as pa

from operators.encode import Encoder
from operators.kernels import CACHE, STAMP
from operators.merge_order import Reducer
from operators.mixture import infer_mixture
from operators.pretokenize import PATTERNS, Pretokenizer
from operators.replay import record_changes
from operators.shard import Shard
from operators.tokenizer import Merges, Tokenizer
from operators.words import WordCounter

_SOME_TEXT: Final = " ".join(f"word{i}s {chr(97 + i % 26) * (1 + i % 5)}{i * i}'s" for i in range(400))


def compile_kernels() -> None:
    """Run every kernel with the types that jobs use; takes about 20 seconds once, then one."""
    texts = pa.array([_SOME_TEXT, _SOME_TEXT[::-1] + "x" * 600, ""], pa.large_string())
    counter = WordCounter()
    for pattern in PATTERNS:
        counter.add(Pretokenizer(pattern).split(texts), pa.array(["a", "b", "b"]))
    [(_, table)] = counter.tables(1)
    words = table.column("word").combine_chunks()
    counts = np.array(table.column("count").to_numpy())
    tokenizer = Tokenizer("gpt4", (), _train(words, counts))
    Encoder(tokenizer).encode(texts)
    halves = [record_changes(str(i), words[i::2], counts[i::2], tokenizer.byte_ids, tokenizer.merges) for i in (0, 1)]
    infer_mixture(halves, tokenizer.merges)
    with contextlib.suppress(OSError):  # a cache that cannot be written to is no error: it is only slower
        CACHE.mkdir(parents=True, exist_ok=True)
        (CACHE / STAMP).touch()


def _train(words: pa.LargeBinaryArray, counts: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> Merges:
    reducer = Reducer((), 400)
    shard = Shard(words, counts, Tokenizer("gpt4", (), Merges.from_rows([])).byte_ids)
    changes = shard.initial_counts()
    while len(batch := reducer.next_batch([changes])):
        changes = shard.apply(batch)
    return reducer.merges


if __name__ == "__main__":
    compile_kernels()
