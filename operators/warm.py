"""`python -m operators.warm`: run every kernel once on a few words, so that numba has compiled and cached them all."""

import contextlib
from dataclasses import replace
from typing import Final

import numpy as np
import pyarrow as pa

from operators.arrays import I32, I64
from operators.kernels import CACHE, STAMP
from operators.shard import Shard
from operators.text.json_objects import objects_of
from operators.text.lines import line_offsets
from operators.text.pretokenize import PATTERNS, Pretokenizer
from operators.tokenizer import Merges, Tokenizer
from operators.training.merge_order import Reducer
from operators.words import WordCounter, WordTable, text_sizes

_SOME_TEXT: Final = " ".join(f"word{i}s {chr(97 + i % 26) * (1 + i % 5)}{i * i}'s" for i in range(400))
_MANY_TOKENS: Final = 1 << 16
"""More than two bytes can number."""


def load_kernels(patterns: tuple[str, ...] = ("gpt4",)) -> tuple[pa.LargeBinaryArray, I64, Merges]:
    """Run what counts and trains, so that a process has it at hand; a tenth of a second once it is compiled.

    Returns words, their counts and merges, to go on with.
    """
    line_offsets(np.frombuffer(_SOME_TEXT.encode(), np.uint8))
    objects_of(b'{"text": "a"}\n', ("text", "id", "language"), None)
    texts = pa.array([_SOME_TEXT, _SOME_TEXT[::-1] + "x" * 600, ""], pa.large_string())
    counter = WordCounter()
    for pattern in patterns:
        counter.add(Pretokenizer(pattern).split(texts), pa.array(["a", "b", "b"]))
    table = WordTable()
    for _, rows in counter.tables(1):
        table.add_rows(rows.column("word").combine_chunks(), rows.column("count").to_numpy())
    words, counts, _ = table.sorted()
    text_sizes(words, counts)
    return words, counts, _train(words, counts, Tokenizer("gpt4", (), Merges.from_rows([])).byte_ids)


def _train(words: pa.LargeBinaryArray, counts: I64, byte_ids: I32) -> Merges:
    reducer = Reducer((), 400)
    shard = Shard(words, counts, byte_ids)
    changes = shard.initial_counts()
    while len(batch := reducer.next_batch([changes])):
        changes = shard.apply(batch)
    return reducer.merges


def compile_kernels() -> None:
    """Run every kernel with the types that jobs use; takes about 20 seconds once, then one."""
    from operators.encoding.encode import Encoder
    from operators.encoding.inference import KERNELS, RANDOM, parse
    from operators.encoding.word_encoder import WordEncoder
    from operators.kernels.isotonic import pool_rising
    from operators.metrics.words import word_counts
    from operators.mixture.evidence import count_emissions
    from operators.mixture.program import infer_mixture
    from operators.replay import record_changes
    from operators.sizes.curves import measure_curve

    words, counts, merges = load_kernels(tuple(PATTERNS))
    tokenizer = Tokenizer("gpt4", (), merges)
    wide = Shard(words, counts, tokenizer.byte_ids + np.int32(_MANY_TOKENS))
    first = wide.initial_counts()
    wide.apply(Merges(first.left[:1], first.right[:1], np.full(1, 2 * _MANY_TOKENS, np.int32), first.change[:1]))
    texts = pa.array([_SOME_TEXT, "", "x" * 600], pa.large_string())
    ids, offsets = Encoder(tokenizer).encode(texts)
    sizes = np.array([len(token) for token in tokenizer.tokens], np.int32)
    word_counts(texts, ids, offsets, sizes, np.zeros(len(sizes), np.uint8))
    for inference in (*KERNELS, *(f"{name}:0.5" for name in RANDOM)):
        WordEncoder(tokenizer, parse(inference)).encode(
            Pretokenizer("gpt4").split(texts), np.arange(3, dtype=np.uint64)
        )
    marked = replace(tokenizer, special_tokens=("<s>",), published=replace(tokenizer.vocabulary, special_ids=(0,)))
    Encoder(marked, special_ids=True).encode(pa.array(["a<s>"], pa.large_string()))
    measure_curve(words, counts, tokenizer)
    Pretokenizer('{"normalizer":{"type":"NFC"},"pre_tokenizer":null}').split(texts)
    halves = [record_changes(str(i), words[i::2], counts[i::2], tokenizer.byte_ids, merges) for i in (0, 1)]
    infer_mixture(halves, merges)
    count_emissions(words, np.zeros(len(words), np.int64), counts, 1, tokenizer, merges)
    pool_rising(np.ones(2), np.ones(2))
    with contextlib.suppress(OSError):  # a cache that cannot be written to is no error: it is only slower
        CACHE.mkdir(parents=True, exist_ok=True)
        (CACHE / STAMP).touch()


if __name__ == "__main__":
    compile_kernels()
