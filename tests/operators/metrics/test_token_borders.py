"""Borders of tokens, split characters and numbers, against slow loops over single characters."""

import random
import re
from collections import Counter
from math import log2

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.metrics.numbers import LONGEST, Number, boundary_f1, magnitude, numbers_in, pattern_bits
from operators.metrics.token_borders import split_characters, token_borders
from operators.metrics.utf8_parts import utf8_parts
from tests.conftest import examples

TEXTS = st.lists(st.text("a1 29é漢٣०😀", max_size=14), min_size=1, max_size=6)


def cut(texts: list[str], seed: int) -> tuple[list[list[bytes]], list[bool]]:
    """Tokens of each text, cut anywhere, and True where they spell it: some get a space before, some lose a byte."""
    draw = random.Random(seed)
    documents, spelled = [], []
    for text in texts:
        data, how = text.encode(), draw.randrange(4)
        data = b" " + data if how == 1 else data[:-1] if how == 2 else data
        ends = sorted(draw.sample(range(1, len(data)), min(len(data) - 1, draw.randrange(8)))) if len(data) > 1 else []
        documents.append([data[a:b] for a, b in zip([0, *ends], [*ends, len(data)], strict=True) if data])
        spelled.append(how != 2 or not text)
    return documents, spelled


@examples(100)
@given(TEXTS, st.integers(0, 999))
def test_split_characters_and_numbers_equal_a_loop_over_characters(texts: list[str], seed: int) -> None:
    documents, spelled = cut(texts, seed)
    vocabulary = sorted({token for one in documents for token in one}) or [b"?"]
    ids = np.array([vocabulary.index(token) for one in documents for token in one], np.int32)
    offsets = np.append(0, np.cumsum([len(one) for one in documents])).astype(np.int64)
    text = pa.array(["shifted", *texts], pa.large_string()).slice(1)
    borders = token_borders(text, ids, offsets, pa.array(vocabulary, pa.large_binary()))
    assert borders.spelled.tolist() == spelled
    split, numbers = [], []
    for place, (one, tokens) in enumerate(zip(texts, documents, strict=True)):
        added = len(b"".join(tokens)) - len(one.encode())
        begins = {sum(map(len, tokens[:i])) - added for i in range(len(tokens))}
        at = np.cumsum([0, *(len(character.encode()) for character in one)]).tolist()
        wide = [i for i in range(len(one)) if at[i + 1] - at[i] > 1]
        torn = [i for i in wide if begins & set(range(at[i] + 1, at[i + 1]))]
        split.append((len(torn), len(wide)) if spelled[place] else (0, 0))
        for match in re.finditer(r"\d+", one) if spelled[place] else ():
            cuts = tuple(k for k in range(1, len(match[0])) if at[match.start() + k] in begins)
            numbers.append((place, Number(len(match[0]), cuts)))
    assert [*zip(*(one.tolist() for one in split_characters(borders)), strict=True)] == split
    assert [*numbers_in(borders)] == numbers


@examples(100)
@given(st.binary(max_size=7))
def test_parts_of_characters_equal_a_walk_over_bytes(token: bytes) -> None:
    whole = token.decode(errors="ignore").encode() == token
    pieces, left = [], token
    while left:  # the longest beginning that is a character, or as much of one as there is
        length = next((n for n in (4, 3, 2, 1) if len(left) >= n and is_begun(left[:n])), 1)
        pieces.append(left[:length])
        left = left[length:]
    parts = utf8_parts([token])
    assert parts.incomplete[0] == (not whole)
    torn = [one for one in pieces if one.decode(errors="ignore") == ""]
    if not any(byte >= 0xF5 or byte in (0xC0, 0xC1) for byte in token) and all(map(is_plain, pieces)):
        assert parts.crossing[0] == (len(pieces) > 1 and bool(torn))


def is_begun(data: bytes) -> bool:
    """True for a first byte and further bytes, no more than it announces; or one ASCII character."""
    need = 1 if data[0] < 0x80 else {0xC: 2, 0xD: 2, 0xE: 3, 0xF: 4}.get(data[0] >> 4, 0)
    return len(data) <= need and all(0x80 <= byte < 0xC0 for byte in data[1:])


def is_plain(piece: bytes) -> bool:
    """True unless a piece is as long as a character and none: a surrogate, or a form that is too long."""
    need = 1 if piece[0] < 0x80 else {0xC: 2, 0xD: 2, 0xE: 3, 0xF: 4}.get(piece[0] >> 4, 0)
    return len(piece) < need or need == 0 or len(piece.decode(errors="ignore")) == 1


@pytest.mark.parametrize(
    ("digits", "cuts", "f1"),
    [(7, (1, 4), 1), (7, (4,), 2 / 3), (7, (2, 5), 0), (7, (), 0), (2, (), 1), (2, (1,), 0), (6, (2, 3), 2 / 3)],
)
def test_f1_of_cuts_in_threes_has_the_published_values(digits: int, cuts: tuple[int, ...], f1: float) -> None:
    assert boundary_f1(Number(digits, cuts)) == pytest.approx(f1)


def test_variation_and_magnitude_have_known_values() -> None:
    counts = Counter("aab")
    assert pattern_bits(counts.values()) == pytest.approx(-(2 / 3 * log2(2 / 3) + 1 / 3 * log2(1 / 3)))
    assert pattern_bits([5]) == 0 and str(pattern_bits([5])) == "0.0"
    tokens, numbers = np.zeros(LONGEST), np.zeros(LONGEST, np.int64)
    assert magnitude(tokens, numbers) == (None, None)
    numbers[[0, 1, 2, 9]], tokens[[0, 1, 2, 9]] = (2, 1, 1, 4), (2.0, 0.5, 1 / 3, 2.0)  # means 1, 1/2, 1/3, 1/2
    rho, variation = magnitude(tokens, numbers)
    means = np.array([1, 1 / 2, 1 / 3, 1 / 2])
    assert rho == pytest.approx(np.corrcoef([0, 1, 2, 3], [3, 1.5, 0, 1.5])[0, 1])
    assert variation == pytest.approx(means.std() / means.mean())
    assert magnitude(numbers.astype(float), numbers) == (0.0, 0.0)
