"""Shards of word tables: ids as files may give them, and ids that no file may."""

import json
from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from operators.byte_level import BYTE_TO_CHAR, byte_ids
from operators.mixture.replay import record_changes
from operators.shard import Shard
from operators.tokenizer import Merges, UnusableIds
from operators.tokenizer_files.hugging_face import from_json

WORDS = pa.array([b"abcabc", b"cab", b"bcbc"], pa.large_binary())
COUNTS = np.array([3, 5, 7])


def file_of(vocab: dict[str, int], merges: list[list[str]]) -> str:
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return json.dumps(
        {"pre_tokenizer": byte_level, "model": {"type": "BPE", "vocab": vocab, "merges": merges}, "added_tokens": []}
    )


@pytest.mark.parametrize("replayed", range(6))
@pytest.mark.parametrize("above", [5, 300, 65_000, 1_500_000])
def test_a_file_whose_bytes_stand_above_its_merges_is_replayed(above: int, replayed: int) -> None:
    """The first merge has a part that the last one makes: nothing is merged then, and "abc" keeps its length."""
    made = {"abc": 0, "bc": 1, "ab": above + 300, "cab": 3}
    vocab = {BYTE_TO_CHAR[byte]: above + byte for byte in range(256)} | made
    tokenizer = from_json(file_of(vocab, [["ab", "c"], ["b", "c"], ["a", "bc"], ["a", "b"], ["c", "ab"]]), "x")
    record = record_changes("x", WORDS, COUNTS, tokenizer, tokenizer.merges[:replayed])
    texts = [([vocab[chr(byte)] for byte in word.as_py()], n) for word, n in zip(WORDS, COUNTS.tolist(), strict=True)]
    rows = list(zip(*(getattr(record, name).tolist() for name in ("step", "left", "right", "change")), strict=True))
    totals: Counter[tuple[int, int]] = Counter()
    pairs = [("ab", "c"), ("b", "c"), ("a", "bc"), ("a", "b"), ("c", "ab")]
    for step in range(-1, replayed):
        if step >= 0:
            left, right = pairs[step]
            for symbols, _ in texts:
                for i in range(len(symbols) - 1, 0, -1):
                    if symbols[i - 1 : i + 1] == [vocab[left], vocab[right]]:
                        symbols[i - 1 : i + 1] = [vocab[left + right]]
        for at, left_id, right_id, change in rows:
            if at == step:
                totals[left_id, right_id] += change
        expected: Counter[tuple[int, int]] = Counter()
        for symbols, n in texts:
            for one in pairwise(symbols):
                expected[one] += n
        assert {pair: n for pair, n in totals.items() if n} == dict(expected)


@pytest.mark.parametrize("row", [(-1, 1, 256, 0), (1, -1, 256, 0), (1, 2, -5, 0)])
def test_a_negative_id_is_an_error(row: tuple[int, int, int, int]) -> None:
    with pytest.raises(UnusableIds, match=f"the id {min(row)}"):
        Shard(WORDS, COUNTS, byte_ids()).apply(Merges.from_rows([row]))


def test_a_token_of_two_lengths_is_an_error() -> None:
    a, b, c = (int(byte_ids()[byte]) for byte in b"abc")
    shard = Shard(WORDS, COUNTS, byte_ids())
    shard.apply(Merges.from_rows([(a, b, 256, 0)]))
    with pytest.raises(UnusableIds, match=r"token 256 in two lengths \(one is 2\)"):
        shard.apply(Merges.from_rows([(b, c, 257, 0), (a, 257, 256, 0)]))


def test_bytes_without_a_token_are_an_error_where_words_hold_them() -> None:
    ids = byte_ids()
    ids[[0xC0, 0xC1]] = -1
    whole = Shard(WORDS, COUNTS, byte_ids()).initial_counts()
    assert Shard(WORDS, COUNTS, ids).initial_counts().change.tolist() == whole.change.tolist()
    with pytest.raises(UnusableIds, match="byte 0xC1"):
        Shard(pa.array([b"a\xc1"], pa.large_binary()), np.array([1]), ids)
    with pytest.raises(UnusableIds, match="byte 0x61"):
        Shard(WORDS, COUNTS, np.full(256, -1, np.int32))


def test_two_bytes_with_one_id_are_an_error() -> None:
    ids = byte_ids()
    ids[7] = ids[8]
    with pytest.raises(UnusableIds, match="two bytes"):
        Shard(WORDS, COUNTS, ids)
