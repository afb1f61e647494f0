"""Replay of a merge list over the words of one category, with a record of every change of a pair count.

A replay begins from the symbols that the model begins from: bytes, or the characters of a model like SentencePiece's.
"""

from dataclasses import replace

import numpy as np
import polars as pl
import pyarrow as pa

from operators.arrays import I32, I64
from operators.mixture.evidence import count_pairs, symbols_after
from operators.mixture.program import PairRecord
from operators.shard import PairChanges, Shard
from operators.tokenizer import Merges, Tokenizer
from operators.word_table import text_sizes


def record_changes(
    category: str, words: pa.LargeBinaryArray, counts: I64, tokenizer: Tokenizer, merges: Merges
) -> PairRecord:
    """Record one category's words (no nulls, distinct, with int64 `counts`) under all of `merges`.

    `tokenizer` gives the ids that words have before any merge; `merges` are its first ones. Unlike training, a merge
    takes the count of its own pair away, for after it the pair occurs no more.
    """
    shard, initial = _lay_out(words, counts, tokenizer)
    before = shard.applied
    later = shard.apply(merges)
    changes = [initial, replace(later, step=later.step - np.int32(before))]
    step, left, right = (np.concatenate([getattr(one, name) for one in changes]) for name in ("step", "left", "right"))
    change = np.concatenate([one.change for one in changes])
    spent = _spent(step, left, right, change, merges)
    size, characters = text_sizes(words, counts)
    return PairRecord(
        category=category,
        text_bytes=size,
        characters=characters,
        pairs=int(initial.change.sum()),
        step=np.concatenate([step, spent.step]),
        left=np.concatenate([left, spent.left]),
        right=np.concatenate([right, spent.right]),
        change=np.concatenate([change, spent.change]),
    )


def _lay_out(words: pa.LargeBinaryArray, counts: I64, tokenizer: Tokenizer) -> tuple[Shard, PairChanges]:
    """Return a shard whose cells hold the model's first symbols, and the counts of their pairs (step -1).

    A shard reads bytes, at most 256 symbols. So a word of characters is written in a code: w bytes for each symbol, the
    first from one range of byte values, the second from the next, and so on. Merges of code bytes, applied first, then
    make each symbol. They are exact: a byte says its place in the code by its range, so no merge fits elsewhere.
    """
    if tokenizer.vocabulary.characters is None:
        shard = Shard(words, counts, np.array(tokenizer.byte_ids))
        return shard, shard.initial_counts()
    ids, starts = symbols_after(words, tokenizer, 0)
    pairs, totals = count_pairs(ids, starts, counts)
    initial = PairChanges(
        np.full(len(pairs), -1, np.int32),
        (pairs >> 32).astype(np.int32),
        (pairs & 0xFFFFFFFF).astype(np.int32),
        totals,
    )
    symbols, places = np.unique(ids, return_inverse=True)
    code, byte_ids, merges = _code(symbols, len(tokenizer.tokens))
    data, offsets = code[places].tobytes(), starts * code.shape[1]
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    shard = Shard(pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(words), buffers), counts, byte_ids)
    shard.apply(merges)
    return shard, initial


def _code(symbols: I32, first_free: int) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.uint8]], I32, Merges]:
    """Return a code for n distinct ids: uint8[n, w], the ids of its 256 bytes, and the merges that make the symbols.

    Ids that are no symbol's are `first_free` and up.
    """
    width, base = 1, 256
    while base**width < len(symbols):
        width += 1
        base = 256 // width
    numbers = np.arange(len(symbols))
    code = np.stack([numbers // base ** (width - 1 - i) % base + i * base for i in range(width)], axis=1)
    byte_ids = np.arange(first_free, first_free + 256, dtype=np.int32)
    if width == 1:
        byte_ids[: len(symbols)] = symbols
    rows: list[tuple[int, int, int, int]] = []
    free = first_free + 256
    prefixes = dict(zip(range(256), byte_ids.tolist(), strict=True))  # those of one byte, by its value
    for length in range(2, width + 1):
        longer: dict[int, int] = {}
        for number in np.unique(numbers // base ** (width - length)).tolist():
            left, right = prefixes[number // base], int(byte_ids[number % base + (length - 1) * base])
            longer[number] = int(symbols[number]) if length == width else free
            free += length < width
            rows.append((left, right, longer[number], -1))
        prefixes = longer
    return code.astype(np.uint8), byte_ids, Merges.from_rows(rows)


def _spent(step: I32, left: I32, right: I32, change: I64, merges: Merges) -> PairChanges:
    """Return what each merge takes from the count of its own pair: all that was there when it was (first) applied."""
    rows = pl.DataFrame({"step": step, "left": left, "right": right, "change": change})
    chosen = pl.DataFrame(
        {"at": np.arange(len(merges), dtype=np.int32), "left": merges.left, "right": merges.right}
    ).unique(["left", "right"], keep="first")
    remaining = (
        rows.join(chosen, on=["left", "right"])
        .filter(pl.col("step") <= pl.col("at"))
        .group_by("at", "left", "right")
        .agg(-pl.col("change").sum())
        .filter(pl.col("change") != 0)
        .sort("at")
    )
    return PairChanges(
        np.array(remaining["at"].to_numpy()),
        np.array(remaining["left"].to_numpy()),
        np.array(remaining["right"].to_numpy()),
        np.array(remaining["change"].to_numpy()),
    )
