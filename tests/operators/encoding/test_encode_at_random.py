"""A random inference through the whole encoder: ids depend on seed, document id and text, and on nothing else."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from operators.encoding.encode import Encoder, MergesOnly, part_keys
from operators.encoding.segmentation import parse_segmentation
from operators.tokenizer import AddedToken, LibraryModel, Merges, Tokenizer

A, B, C = (int(i) for i in Tokenizer("none", ("<s>",), Merges.from_rows([])).byte_ids[list(b"abc")])
MERGES = Merges.from_rows([(A, B, 257, 1), (257, C, 258, 1), (258, 258, 259, 1)])
TOKENIZER = Tokenizer("gpt2", ("<s>",), MERGES, None, False, (AddedToken("<s>", 0, special=False),))
TEXTS = ["abcabc abc<s>abcabcabc<s><s>abc ab", "", "<s>", "abcabcabcabc" * 9, "abcabcabcabc" * 9]


def encoded(texts: list[str], ids: list[str], seed: int = 1, way: str = "dropout:0.4") -> list[list[int]]:
    encoder = Encoder(TOKENIZER, inference=parse_segmentation(way), seed=seed)
    flat, offsets = encoder.encode(pa.array(texts, pa.large_string()), pa.array(ids))
    return [flat[a:b].tolist() for a, b in pairwise(offsets)]


@pytest.mark.parametrize("way", ["dropout:0.4", "stochastok:0.4"])
def test_alone_or_in_a_batch(way: str) -> None:
    ids = ["a", "b", "c", "d", "e"]
    together = encoded(TEXTS, ids, way=way)
    assert together == [encoded([text], [i], way=way)[0] for text, i in zip(TEXTS, ids, strict=True)]
    assert together == encoded(TEXTS[::-1], ids[::-1], way=way)[::-1]
    assert together[3] != together[4]
    assert encoded(TEXTS, ids, seed=2, way=way)[3] != together[3]
    assert together[1:3] == [[], [0]]


def test_the_parts_of_a_document_have_keys_of_their_own() -> None:
    keys = part_keys(pa.array(["x", "y", "z"]), np.array([0, 3, 3, 5]))
    assert len(set(keys.tolist())) == 5
    assert part_keys(pa.array(["z"]), np.array([0, 2])).tolist() == keys[3:].tolist()


def test_a_random_inference_needs_ids() -> None:
    with pytest.raises(ValueError, match="key"):
        Encoder(TOKENIZER, inference=parse_segmentation("dropout:0.1")).encode(pa.array(["abc"], pa.large_string()))


def test_a_library_encodes_by_merges_alone() -> None:
    tokenizer = Tokenizer("gpt2", (), MERGES, None, library=LibraryModel("tokenizers", b"{}", "something", False))
    with pytest.raises(MergesOnly, match=r"^inference longest-prefix: this tokenizer has something, so its library"):
        Encoder(tokenizer, inference=parse_segmentation("longest-prefix"))
