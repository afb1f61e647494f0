"""The scanners as machine code and as plain Python, on whole and on broken UTF-8."""

import itertools
import random

import numpy as np
import pytest

from operators.arrays import I64, PADDING, U8, padded
from operators.kernels import intrinsics as machine
from operators.kernels import scan as kernels
from operators.unicode.classes import BLOCKS, CLASSES, OTHER
from tests.operators.text.test_pretokenize import hostile

CLASSES_OF = {char: CLASSES[int(BLOCKS[ord(char) >> 6]) * 64 + (ord(char) & 63)] for char in "aÉの\u0301 1\n"}
KINDS = [kernels.GPT2, kernels.CL100K, kernels.O200K, kernels.QWEN, kernels.TEKKEN]


def batch(documents: list[bytes]) -> tuple[U8, I64]:
    data = padded(np.frombuffer(b"".join(documents), np.uint8), 0)
    starts = np.cumsum([0, *map(len, documents)], dtype=np.int64)
    starts.flags.writeable = False
    return data, starts


def run(data: U8, starts: I64, kind: int, room: int, guard: int = 8) -> tuple[list[int], list[int]]:
    """All ends and documents, by calls with `room` more places each; what lies behind the arrays must not change."""
    longest = max(int(np.diff(starts).max(initial=0)), kernels.BLOCK_BYTES)
    kinds = np.full(longest + PADDING + 1 + guard, 77, np.uint8)
    documents = np.zeros(len(starts), np.int64)
    ends = np.empty(0, np.int64)
    document = count = 0
    while document < len(starts) - 1:
        ends = np.concatenate([ends, np.full(room + longest, -1, np.int64)])
        tables = kernels.Classes(BLOCKS, CLASSES, kinds[: longest + PADDING + 1])
        written = kernels.Ends(ends, documents)
        document, count = kernels.scan(data, starts, kind, tables, written, document, count)
        assert (ends[count:] == -1).all()
    assert (kinds[longest + PADDING + 1 :] == 77).all()
    return ends[:count].tolist(), documents.tolist()


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


@pytest.fixture
def interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every kernel of the module as the Python function it was made from."""
    for name, member in vars(kernels).items():
        if hasattr(member, "py_func"):
            monkeypatch.setattr(kernels, name, member.py_func)
    plain = machine.plain_classifier(kernels.ASCII_CLASSES, OTHER)
    twins = {"run_length": machine._plain_run_length, "lowest_bit": machine._plain_lowest_bit, "_classify_lanes": plain}
    for name, twin in twins.items():
        monkeypatch.setattr(kernels, name, getattr(twin, "py_func", twin))


@pytest.fixture(scope="module")
def texts() -> list[bytes]:
    return [document.encode() for document in hostile(29, 300)] + broken(31, 300)


@pytest.fixture(scope="module")
def compiled(texts: list[bytes]) -> list[tuple[list[int], list[int]]]:
    return [run(*batch(texts), kind, room=100_000) for kind in KINDS]


@pytest.mark.slow
@pytest.mark.filterwarnings("error")  # numpy scalars that wrap around warn when interpreted
@pytest.mark.parametrize("kind", KINDS)
def test_interpreted_equals_compiled(
    kind: int, texts: list[bytes], compiled: list[tuple[list[int], list[int]]], interpreted: None
) -> None:
    assert run(*batch(texts), kind, room=100_000) == compiled[kind]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("room", [0, 1, 50])
def test_it_goes_on_where_the_room_ended(
    kind: int, room: int, texts: list[bytes], compiled: list[tuple[list[int], list[int]]]
) -> None:
    assert run(*batch(texts), kind, room) == compiled[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_tile_broken_utf8(kind: int) -> None:
    data, starts = batch(broken(37, 5_000))
    ends, documents = run(data, starts, kind, room=len(data))
    assert len(documents) == len(starts)
    for d in range(len(starts) - 1):
        borders = [int(starts[d]), *ends[documents[d] : documents[d + 1]]]
        assert borders[-1] == starts[d + 1]
        assert all(a < b for a, b in itertools.pairwise(borders))


def test_interpreted_stays_inside_on_broken_utf8(interpreted: None) -> None:
    # Plain Python raises IndexError where machine code would read beyond the array.
    for kind in KINDS:
        for document in broken(41, 1_500):
            data, starts = batch([document])
            _, documents = run(data, starts, kind, room=len(data), guard=0)
            assert len(documents) == len(starts)


def test_every_byte_of_a_character_has_its_class() -> None:
    text = "aÉの😀\u0301 1\n".encode() + b"\xe3\x81"
    kinds = np.empty(len(text) + PADDING, np.uint8)
    kernels.classify(padded(np.frombuffer(text, np.uint8), 0), BLOCKS, CLASSES, kinds)
    lower, upper, caseless, mark, space, number, newline = (int(CLASSES_OF[char]) for char in "aÉの\u0301 1\n")
    expected = [
        lower,
        *[upper] * 2,
        *[caseless] * 3,
        *[OTHER] * 4,
        *[mark] * 2,
        space,
        number,
        newline,
        OTHER,
        OTHER,
    ]
    assert kinds[: len(text)].tolist() == expected
