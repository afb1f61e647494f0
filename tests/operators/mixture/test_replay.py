"""The record of a replay, compared with recounting after every merge."""

import random
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.byte_level import byte_ids
from operators.mixture.program import PairRecord
from operators.mixture.replay import record_changes
from operators.tokenizer import Merges, Tokenizer, Vocabulary
from tests.operators.training.test_reducer import counted, few_letters, some_words, train

ALPHABET = "ab éc漢\U0001f600"


def recorded(words: dict[bytes, int], tokenizer: Tokenizer) -> PairRecord:
    arrow = pa.array(list(words), pa.large_binary())
    return record_changes("x", arrow, np.array(list(words.values()), np.int64), tokenizer, tokenizer.merges)


def check_against_recounts(record: PairRecord, texts: list[tuple[list[int], int]], merges: Merges) -> None:
    """`texts`: the symbols of each word before any merge, and its count."""
    rows = list(zip(*(getattr(record, name).tolist() for name in ("step", "left", "right", "change")), strict=True))
    totals: Counter[tuple[int, int]] = Counter()
    for step in range(-1, len(merges)):
        if step >= 0:
            pair, new = (int(merges.left[step]), int(merges.right[step])), int(merges.token[step])
            for symbols, _ in texts:
                i = 0
                while i + 1 < len(symbols):
                    if (symbols[i], symbols[i + 1]) == pair:
                        symbols[i : i + 2] = [new]
                    i += 1
        for at, left, right, change in rows:
            if at == step:
                totals[left, right] += change
        expected: Counter[tuple[int, int]] = Counter()
        for symbols, n in texts:
            for one in pairwise(symbols):
                expected[one] += n
        assert {one: n for one, n in totals.items() if n} == dict(expected)
    assert record.pairs == sum(change for at, _, _, change in rows if at == -1)


@given(st.one_of(some_words, few_letters), st.one_of(some_words, few_letters))
def test_the_record_adds_up_to_a_recount_at_every_step(
    trained_on: list[tuple[str, int]], replayed: list[tuple[str, int]]
) -> None:
    tokenizer, _ = train(counted(trained_on), vocabulary_size=280)
    words, ids = counted(replayed), byte_ids()
    record = recorded(words, tokenizer)
    assert record.text_bytes == sum(len(word) * n for word, n in words.items())
    assert record.characters == sum(len(word.decode()) * n for word, n in words.items())
    texts = [([int(ids[byte]) for byte in word], n) for word, n in words.items()]
    check_against_recounts(record, texts, tokenizer.merges)


def of_characters(known: str, *, with_bytes: bool, merges: list[tuple[int, int]]) -> Tokenizer:
    """Ids: 0 for unknown characters, 256 bytes if any, the known characters, a token for each merge."""
    first = 257 if with_bytes else 1
    tokens = [b"?", *(bytes([byte]) for byte in range(256 if with_bytes else 0)), *(one.encode() for one in known)]
    characters = np.full(0x110000, -1, np.int32)
    characters[[ord(one) for one in known]] = first + np.arange(len(known))
    rows = []
    for left, right in merges:
        rows.append((left % len(tokens), right % len(tokens), len(tokens), -1))
        tokens.append(tokens[rows[-1][0]] + tokens[rows[-1][1]])
    ids = np.arange(1, 257, dtype=np.int32) if with_bytes else np.full(256, -1, np.int32)
    vocabulary = Vocabulary(tokens, ids, (), characters, None if with_bytes else 0, fuse_unknown=False)
    return Tokenizer("none", (), Merges.from_rows(rows), vocabulary)


def spelled(word: str, known: str, *, with_bytes: bool) -> list[int]:
    symbols = []
    for one in word:
        if one in known:
            symbols.append((257 if with_bytes else 1) + known.index(one))
        else:
            symbols += [1 + byte for byte in one.encode()] if with_bytes else [0]
    return symbols


@given(
    st.dictionaries(st.text(ALPHABET, min_size=1, max_size=12), st.integers(1, 9), max_size=20),
    st.text(ALPHABET, max_size=5).map(lambda text: "".join(dict.fromkeys(text))),
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)), max_size=20),
)
def test_the_replay_of_a_model_of_characters_begins_from_characters(
    words: dict[str, int], known: str, with_bytes: bool, pairs: list[tuple[int, int]]
) -> None:
    """Characters that it lacks are its tokens for their bytes, or the unknown one."""
    first = 257 if with_bytes else 1
    likely = [(left % 14 + first, right % 14 + first) for left, right in pairs]  # characters, and what merges made
    tokenizer = of_characters(known, with_bytes=with_bytes, merges=likely if known else [])
    record = recorded({word.encode(): n for word, n in words.items()}, tokenizer)
    assert record.characters == sum(len(word) * n for word, n in words.items())
    texts = [(spelled(word, known, with_bytes=with_bytes), n) for word, n in words.items()]
    check_against_recounts(record, texts, tokenizer.merges)


@pytest.mark.parametrize("characters", [256, 257, 16_384, 16_385])
def test_any_number_of_characters_is_replayed(characters: int) -> None:
    """More than bytes can number: 257 take two bytes in the shard's code, 16,385 take three."""
    known = "".join(chr(0x4E00 + i) for i in range(characters))
    draw = random.Random(characters)
    words = {"".join(draw.choices(known[-40:], k=6)): 1 + i % 3 for i in range(60)}
    words |= {known[i : i + 512]: 1 for i in range(0, len(known), 512)}
    symbols = [(spelled(word, known, with_bytes=False), n) for word, n in words.items()]
    common = Counter(pair for one, n in symbols for pair in pairwise(one)).most_common(4)
    tokenizer = of_characters(known, with_bytes=False, merges=[pair for pair, _ in common])
    record = recorded({word.encode(): n for word, n in words.items()}, tokenizer)
    check_against_recounts(record, symbols, tokenizer.merges)


def test_a_vocabulary_without_the_bytes_that_no_text_has_is_replayed() -> None:
    """The largest id is a byte's, and bytes that no text has are missing behind it."""
    base, _ = train({b"zzaz": 3, b"az": 2}, vocabulary_size=258)
    ids = base.byte_ids.copy()
    ids[0xF8:] = -1
    swapped = np.arange(300, dtype=np.int32)
    swapped[[ids[ord("z")], 299]] = 299, ids[ord("z")]
    moved = np.where(ids < 0, -1, swapped[ids]).astype(np.int32)
    old = base.merges
    merges = Merges(swapped[old.left], swapped[old.right], swapped[old.token], old.count)
    tokenizer = replace(base, merges=merges, published=Vocabulary([b""] * 300, moved, ()))
    words = {b"zzaz": 3, b"zaz": 1}
    texts = [([int(moved[byte]) for byte in word], n) for word, n in words.items()]
    check_against_recounts(recorded(words, tokenizer), texts, merges)
