"""Merges of whole characters only, against a slow loop with a predicate of its own."""

import random
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import Tokenizer as HuggingFace

import babelmerge as bm
from operators.tokenizer import Tokenizer
from operators.training.in_memory import train_words
from operators.training.whole_characters import FORBIDDEN, judge
from tests.conftest import Command
from tests.oracle import train

TWO = rb"(?:[\xe1-\xec\xee\xef][\x80-\xbf]|\xe0[\xa0-\xbf]|\xed[\x80-\x9f])"
"""The first two bytes of a character of three (Unicode, table 3-7)."""
FOUR = rb"(?:[\xf1-\xf3][\x80-\xbf]|\xf0[\x90-\xbf]|\xf4[\x80-\x8f])"
"""The first two bytes of a character of four."""
CHARACTERS = rb"(?:[\x00-\x7f]|[\xc2-\xdf][\x80-\xbf]|" + TWO + rb"[\x80-\xbf]|" + FOUR + rb"[\x80-\xbf]{2})"
BEGINNING = rb"(?:[\xc2-\xf4]|" + TWO + b"|" + FOUR + rb"[\x80-\xbf]?)"
TEXT = "aé日本क्षि😀😁ñの ţţ"


def allowed(left: bytes, right: bytes) -> bool:
    """The definition, by regular expressions on bytes."""
    whole = re.compile(CHARACTERS + b"+").fullmatch
    if whole(left) and whole(right):
        return True
    one = re.fullmatch(CHARACTERS + b"|" + BEGINNING, left + right)
    return bool(re.fullmatch(BEGINNING, left) and len(right) == 1 and one)


def words(seed: int) -> Counter[bytes]:
    draw, made = random.Random(seed), Counter[bytes]()
    alphabet = draw.sample(TEXT, draw.choice([3, 6, 12]))
    for _ in range(draw.choice([3, 20, 60])):
        made["".join(draw.choices(alphabet, k=draw.randint(1, 9))).encode()] += draw.choice([1, 1, 2, 7])
    return made


@pytest.mark.parametrize("seed", range(25))
def test_merges_equal_a_slow_loop_that_passes_over_pairs(seed: int) -> None:
    own = words(seed)
    counts = np.array([*own.values()], np.int64)
    merges = train_words(pa.array([*own], pa.large_binary()), counts, 256 + 60, judge=judge)
    expected = train(own, 256 + 60, may_join=allowed)
    assert merges.count.tolist() == [count for _, _, count in expected]
    made = Tokenizer("none", (), merges)
    pairs = [(made.tokens[a], made.tokens[b]) for a, b in zip(merges.left.tolist(), merges.right.tolist(), strict=True)]
    assert pairs == [(left, right) for left, right, _ in expected]
    assert all(re.fullmatch(CHARACTERS + b"+|" + BEGINNING, token) for token in made.tokens[256:])


def test_the_predicate_is_the_definition() -> None:
    draw, text = random.Random(2), TEXT.encode()
    parts = [text[i : i + n] for i in range(len(text)) for n in (1, 2, 3, 4, 7)]
    found = {(left, right): judge(left, right) != FORBIDDEN for left in parts for right in draw.sample(parts, 40)}
    assert found == {pair: allowed(*pair) for pair in found}
    assert {True, False} <= set(found.values())


def test_the_command_and_memory_agree_and_libraries_encode_alike(babelmerge: Command, tmp_path: Path) -> None:
    draw = random.Random(4)
    texts = ["".join(draw.choices(TEXT, k=30)) + "\n" for _ in range(80)]
    (tmp_path / "corpus.txt").write_text("".join(texts), "utf-8", newline="")
    how = ("corpus.txt", "--vocab-size", "400", "--engine", "local", "--progress", "off", "--pretokenizer", "gpt4")
    assert babelmerge("train", *how, "--whole-characters", "--out", "tok")[0] == 0
    made = bm.Tokenizer.load(tmp_path / "tok")
    assert made.merges == bm.train(texts, vocab_size=400, whole_characters=True, pretokenizer="gpt4").merges
    peer = HuggingFace.from_file(str(tmp_path / "tok/tokenizer.json"))
    assert [peer.encode(text).ids for text in texts] == [made.encode(text).tolist() for text in texts]
    written = (tmp_path / "tok/manifest.json").read_bytes()
    assert babelmerge("train", *how, "--out", "tok")[0] == 0  # another setting: another tokenizer
    assert (tmp_path / "tok/manifest.json").read_bytes() != written
