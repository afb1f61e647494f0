"""The kernels compiled and interpreted, and their parts against dictionaries and sorted lists."""

import os
import random
import subprocess
import sys

import numpy as np
import pytest

from operators.encoding.word_encoder import empty_table, merge_table, spelling
from operators.kernels.bpe import (
    NO_MERGE,
    merge_by_heap,
    merge_by_scanning,
    pair_value,
    pop,
    push,
    put_pair,
    spell,
)
from operators.kernels.word_cache import word_key
from operators.tokenizer import Merges
from tests.conftest import compiled_as_usual

ENCODE = """
import random
import numpy as np
import pyarrow as pa
import pytest
from operators.encoding.encode import Encoder
from operators.tokenizer_files.tiktoken import to_tiktoken
from operators.encoding.segmentation import parse_segmentation
from operators.text.pretokenize import Pretokenizer
from operators.tokenizer import Merges, Tokenizer
from operators.encoding.word_encoder import WordEncoder
plain = Tokenizer("none", (), Merges.from_rows([]))
a, b, c, x = (int(plain.byte_ids[byte]) for byte in b"abc ")
rows = [(a, b, 256, 9), (256, c, 257, 8), (x, 257, 258, 7), (a, a, 259, 6), (259, 259, 260, 5), (c, c, 261, 5)]
rng = random.Random(1)
texts = ["".join(rng.choices("aaabc ", k=rng.choice([0, 1, 7, 8, 15, 16, 17, 60, 120, 270]))) for _ in range(60)]
for pattern in ("none", "gpt4"):
    tokenizer = Tokenizer(pattern, (), Merges.from_rows(rows), ignore_merges=pattern == "none")
    ids, offsets = Encoder(tokenizer).encode(pa.array(texts, pa.large_string()))
    print(ids.tolist(), offsets.tolist(), to_tiktoken(tokenizer))
pieces = Pretokenizer("gpt4").split(pa.array(texts, pa.large_string()))
for name in ("longest-prefix", "longest-suffix", "longest-token", "fewest-tokens", "dropout:0.4", "stochastok:0.4"):
    encoder = WordEncoder(tokenizer, parse_segmentation(name), 2**64 - 1)
    ids, offsets = encoder.encode(pieces, np.arange(60, dtype=np.uint64))
    print(name, ids.tolist(), offsets.tolist())
"""


@pytest.mark.slow
@compiled_as_usual
def test_interpreted_equals_compiled() -> None:
    """Also with warnings as errors: no integer wraps on the way."""
    printed = [
        subprocess.run(
            [sys.executable, "-W", "error::RuntimeWarning", "-c", ENCODE],
            env=os.environ | {"NUMBA_DISABLE_JIT": disabled},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for disabled in ("0", "1")
    ]
    assert printed[0] == printed[1]
    assert len(printed[0]) > 1000


def test_pair_table_equals_a_dictionary() -> None:
    rng = random.Random(2)
    pairs = {(rng.randrange(300), rng.randrange(2**31)): rng.randrange(2**60) for _ in range(5000)}
    table = empty_table(len(pairs))
    for (left, right), value in [*((pair, 0) for pair in pairs), *pairs.items()]:  # the second value replaces the first
        put_pair(table, left, right, value)
    assert all(pair_value(table, left, right) == value for (left, right), value in pairs.items())
    assert (table[::2] >= 0).sum() == len(pairs) <= len(table) // 4
    absent = [(rng.randrange(300), rng.randrange(300)) for _ in range(1000)]
    assert all(pair_value(table, *pair) == NO_MERGE for pair in absent if pair not in pairs)


def test_bytes_that_are_no_utf_8_are_unknown_characters() -> None:
    """Words of a table are bytes: what would be a character behind U+10FFFF has no id, and is not looked up."""
    characters = np.full(0x110000, -1, np.int32)
    characters[ord("a")] = 5
    for fuse, expected in ((False, [5, 9, 9, 5]), (True, [5, 9, 5])):
        known = spelling(np.full(256, -1, np.int32), characters, 9, fuse)
        word = np.frombuffer(b"a\xff\xbf\xbf\xbf\xf4\x90\x80\x80a", np.uint8)
        symbols = np.empty(len(word), np.int64)
        assert symbols[: spell(word, 0, len(word), known, symbols)].tolist() == expected


def test_heap_and_scan_agree_and_stop_where_told() -> None:
    rng = random.Random(3)
    merges = Merges.from_rows([(a % 6, b % 6, 6 + i, 1) for i, (a, b) in enumerate([(0, 0), (1, 2), (2, 2), (0, 1)])])
    rows = [*zip(merges.left.tolist(), merges.right.tolist(), merges.token.tolist(), strict=True)]
    rows += [(6, 6, 10), (7, 6, 11), (10, 6, 12), (9, 8, 13)]
    rng.shuffle(rows)
    table = merge_table(Merges.from_rows([(*row, 1) for row in rows]))
    for _ in range(300):
        word = np.array(rng.choices(range(3), k=rng.randint(1, 90)), np.int64)
        for stop in (1, 2, 5):
            scanned, heaped = word.copy(), word.copy()
            n = merge_by_scanning(scanned, np.empty(96, np.int64), len(word), stop, table, np.empty(96, np.int64))
            assert n == merge_by_heap(heaped, len(word), stop, table) >= min(stop, len(word))
            assert scanned[:n].tolist() == heaped[:n].tolist()


def test_heap_pops_in_order() -> None:
    rng = random.Random(4)
    keys = [(rng.randrange(50), rng.randrange(2**32)) for _ in range(500)]
    heap = np.empty(len(keys), np.int64)
    for size, (rank, position) in enumerate(keys):
        push(heap, size, rank, position)
    popped = [int(pop(heap, size)) for size in range(len(keys), 0, -1)]
    assert popped == sorted(rank << 32 | position for rank, position in keys)


def test_word_keys_tell_short_words_apart() -> None:
    """Up to 23 bytes the key is the word, whatever stands behind it."""
    rng = random.Random(5)
    words = {bytes(rng.choices(b"\x00\x01a\xff", k=rng.randint(0, 23))) for _ in range(3000)}
    keys = {}
    for word in words:
        inside = np.frombuffer(b"zz" + word + bytes(rng.choices(range(256), k=24)), np.uint8)
        key = tuple(int(part) for part in word_key(inside, 2, 2 + len(word)))
        assert b"".join(part.to_bytes(8, "little") for part in key[:3]) == word.ljust(23, b"\0") + bytes([len(word)])
        keys[key[:3]] = key[3]
    assert len(keys) == len(words) == len(set(keys.values()))


def test_hashes_spread() -> None:
    """1,000 similar words in 65,536 places: about as many share one as chance has it (8 expected)."""
    for tail in (b"", b" of more than twenty-three bytes"):
        texts = [np.frombuffer(b" word%05d" % i + tail + bytes(24), np.uint8) for i in range(1000)]
        assert len({int(word_key(text, 0, 10 + len(tail))[3]) & 0xFFFF for text in texts}) > 970
