"""Borders by arithmetic on bits, compared with the tables that the same expressions are compiled to."""

import random

import numpy as np
import pytest
from numba import njit

from operators.arrays import I64, PADDING, padded
from operators.kernels.boundaries import BlockBits, scan_borders
from operators.kernels.intrinsics import add_bits
from operators.kernels.scan import BLOCK_BYTES, CL100K, GPT2, O200K, QWEN, TEKKEN, Classes, Ends
from operators.text.compiled import compiled
from operators.text.preprocessing import split_step
from operators.text.pretokenizers import PATTERNS
from operators.unicode.classes import BLOCKS, CLASSES
from tests.operators.text.test_pretokenize import hostile

pytestmark = pytest.mark.filterwarnings("error")
NAMES = {CL100K: "gpt4", GPT2: "gpt2", QWEN: "qwen", O200K: "o200k", TEKKEN: "tekken"}
KINDS = tuple(NAMES)
SIGNS = (
    *("a", "B", "é", "字", " ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "\u2028", "\x85", "\x1c", "1", "22"),
    *("333", "4444", "٣", "1234567", "𝟘", "'", "'s", "'LL", "'ſ", "’", "!", "!!", "—", "«", "\u0301", "a\u0301"),
    *("don't", "\n\n", "\n  ", " \n", "x", "/", "😀"),
    *("É", "ʰ", "aB", "AB", "字A", "ʰAa", "!\n/", "\n//", "'sA", "'rE", "'S字", "\ufe0f"),
)


def broken(seed: int, count: int) -> list[bytes]:
    """Bytes that are no UTF-8: cut characters, stray followers, numbers beyond Unicode."""
    draw = random.Random(seed)
    pool = [
        b"a",
        b"A",
        b" ",
        b"\n",
        b"1",
        b"'",
        b"s",
        b"\xc3",
        b"\xa9",
        b"\xe3",
        b"\x80",
        b"\xf0",
        b"\xf7",
        b"\xff",
        b"\xbf",
    ]
    return [b"".join(draw.choices(pool, k=draw.randint(0, 12))) for _ in range(count)]


def both(documents: list[bytes], kind: int = CL100K) -> tuple[tuple[I64, I64], tuple[I64, I64]]:
    """Ends and documents by tables and by bits."""
    data = padded(np.frombuffer(b"".join(documents), np.uint8), 0)
    starts = np.cumsum([0, *map(len, documents)], dtype=np.int64)
    starts.flags.writeable = False
    longest = max(map(len, documents), default=0) + BLOCK_BYTES
    words = longest // 64 + 3
    kinds = np.empty(longest + 2 * PADDING, np.uint8)
    ends, counts = np.empty(len(data) + longest, np.int64), np.zeros(len(starts), np.int64)
    scratch = np.empty(words, np.uint64), np.empty(words, np.uint64), np.empty(longest, np.int64)
    bits = BlockBits(*scratch, np.empty(words, np.int64))
    written = Ends(ends, counts)
    document, count = scan_borders(data, starts, kind, Classes(BLOCKS, CLASSES, kinds), bits, written, 0, 0)
    assert document == len(documents)
    return compiled([split_step(PATTERNS[NAMES[kind]])])(data, starts), (ends[:count], counts)


def assert_same(documents: list[bytes]) -> None:
    for kind in KINDS:
        (ends, counts), (fast_ends, fast_counts) = both(documents, kind)
        assert ends.tolist() == fast_ends.tolist(), (kind, documents)
        assert counts.tolist() == fast_counts.tolist(), (kind, documents)


@pytest.mark.parametrize("seed", range(4))
def test_borders_are_those_of_the_scanner(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(200):
        sizes = draw.choices([0, 1, 2, 3, 5, 8, 13, 40, 90], k=draw.choice([1, 1, 2, 3, 5]))
        assert_same(["".join(draw.choices(SIGNS, k=size)).encode() for size in sizes])


def test_borders_of_hostile_texts_together_and_alone() -> None:
    texts = [text.encode() for text in hostile(7, 60)]
    assert_same(texts)
    for text in texts:
        assert_same([text])


@pytest.mark.parametrize("piece", ["a", " ", "\n", "!", "1", "é", "\u3000", "字", " \n", "!\n", "'s", "1a"])
def test_runs_longer_than_a_number_of_bits_and_than_a_block(piece: str) -> None:
    for length in (1, 62, 63, 64, 65, 127, 128, 129, 200):
        assert_same([(piece * length + "a").encode(), (" " + piece * length).encode(), (piece * length).encode()])
    assert_same([piece.encode() * (BLOCK_BYTES // len(piece.encode()) + 70), b"x", piece.encode()])


def test_pieces_tile_broken_utf8() -> None:
    for document in broken(3, 200):
        for kind in KINDS:
            for ends, counts in both([document, b"a b"], kind):
                assert [*ends.tolist()] == sorted(set(ends.tolist()))
                assert ends[-1] == len(document) + 3 and counts[-1] == len(ends)
                assert len(document) == 0 or len(document) in ends


def test_bits_are_added_with_carry() -> None:
    add, draw = njit(lambda a, b, carry: add_bits(a, b, carry)), random.Random(5)
    for _ in range(300):
        a, b, carry = draw.getrandbits(64), draw.getrandbits(64) | draw.choice([0, 1 << 63]), draw.getrandbits(1)
        total, out = add(np.uint64(a), np.uint64(b), np.uint64(carry))
        assert int(total) | int(out) << 64 == a + b + carry
