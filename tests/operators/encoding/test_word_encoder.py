"""Words of tokenizers whose symbols are characters: ids equal those of Hugging Face's BPE with byte fallback."""

import json
import random
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import Tokenizer as HuggingFace
from tokenizers import models, trainers

from operators.encoding.encode import Encoder
from operators.tokenizer import Merges, Tokenizer, Vocabulary
from tests.operators.encoding.test_encode import EDGES, random_text


def characters_of(vocab: dict[str, int]) -> np.ndarray:
    characters = np.full(0x110000, -1, np.int32)
    for token, i in vocab.items():
        if len(token) == 1:
            characters[ord(token)] = i
    return characters


@pytest.fixture(scope="module")
def model() -> dict[str, Any]:
    """A model of characters that Hugging Face trained, with all byte tokens."""
    rng = random.Random(11)
    tokenizer = HuggingFace(models.BPE(unk_token="<unk>", byte_fallback=True))
    fallback = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=1500, special_tokens=["<unk>", *fallback], limit_alphabet=60, show_progress=False
    )
    tokenizer.train_from_iterator([random_text(rng) for _ in range(400)] + EDGES, trainer)
    file = json.loads(tokenizer.to_str())
    file["added_tokens"] = []
    return dict(file)


def read(file: dict[str, Any]) -> Tokenizer:
    """The same as plain data."""
    vocab = file["model"]["vocab"]
    byte_ids = [vocab.get(f"<0x{byte:02X}>", -1) for byte in range(256)]
    tokens = [b""] * len(vocab)
    for token, i in vocab.items():
        tokens[i] = token.encode()
    for byte, i in enumerate(byte_ids):
        if i >= 0:
            tokens[i] = bytes([byte])
    merges = [(vocab[a], vocab[b], vocab[a + b], -1) for a, b in file["model"]["merges"]]
    known = Vocabulary(
        tokens, np.array(byte_ids, np.int32), (), characters_of(vocab), vocab["<unk>"], file["model"]["fuse_unk"]
    )
    return Tokenizer("none", (), Merges.from_rows(merges), known)


def both(file: dict[str, Any], texts: list[str]) -> tuple[list[list[int]], list[list[int]]]:
    ids, offsets = Encoder(read(file)).encode(pa.array(texts, pa.large_string()))
    theirs = HuggingFace.from_str(json.dumps(file)).encode_batch_fast(texts, add_special_tokens=False)
    return [ids[a:b].tolist() for a, b in pairwise(offsets)], [encoding.ids for encoding in theirs]


def sample() -> list[str]:
    rng = random.Random(12)
    characters = [chr(code) for code in range(0, 0x110000, 97) if not 0xD800 <= code < 0xE000]
    runs = ["".join(characters[i : i + 20]) for i in range(0, len(characters), 20)]
    return EDGES + runs + [random_text(rng) for _ in range(1000)]


def test_characters_with_byte_fallback_equal_hugging_face(model: dict[str, Any]) -> None:
    ours, theirs = both(model, sample())
    assert ours == theirs
    assert any(3 <= i < 250 for ids in ours for i in ids), "no character was spelled in bytes"


@pytest.mark.parametrize("fuse", [True, False])
def test_unknown_characters_equal_hugging_face(model: dict[str, Any], fuse: bool) -> None:
    """Without byte tokens a character that has no id is unknown."""
    kept = {token: i for token, i in model["model"]["vocab"].items() if not token.startswith("<0x")}
    file = {**model, "model": {**model["model"], "vocab": kept, "byte_fallback": False, "fuse_unk": fuse}}
    renumbered = {token: i for i, token in enumerate(kept)}
    file["model"]["vocab"] = renumbered
    ours, theirs = both(file, sample())
    assert ours == theirs
    assert any(renumbered["<unk>"] in ids for ids in ours)


def test_a_byte_token_merges_where_a_merge_says_so() -> None:
    byte_ids = np.arange(256, dtype=np.int32)
    characters = np.full(0x110000, -1, np.int32)
    characters[ord("a")] = 256
    merges = Merges.from_rows([(0xC3, 0xA9, 257, 1), (256, 257, 258, 1)])
    known = Vocabulary([b""] * 259, byte_ids, (), characters)
    tokenizer = Tokenizer("none", (), merges, known)
    ids, _ = Encoder(tokenizer).encode(pa.array(["aéaaè"], pa.large_string()))
    assert ids.tolist() == [258, 256, 256, 0xC3, 0xA8]
