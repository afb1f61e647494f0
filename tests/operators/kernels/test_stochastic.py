"""Encoding by chance where ids are as a file may give them."""

import numpy as np
import pyarrow as pa

from operators.encoding.segmentation import parse_segmentation
from operators.encoding.word_encoder import WordEncoder
from operators.text.pretokenize import Pretokenizer
from operators.tokenizer import Merges, Tokenizer, Vocabulary


def test_the_id_of_unknown_characters_may_be_the_largest() -> None:
    """No text stands for it, so it has no entry among the tokens that can be taken apart, and stays whole."""
    characters = np.full(0x110000, -1, np.int32)
    characters[[ord("a"), ord("b")]] = 0, 1
    known = Vocabulary([b"a", b"b", b"ab"], np.full(256, -1, np.int32), (), characters, 900_000, False)
    tokenizer = Tokenizer("none", (), Merges.from_rows([(0, 1, 2, 1)]), known)
    pieces = Pretokenizer("none").split(pa.array(["\u20ac" * 50 + "ab" * 50], pa.large_string()))
    for way in ("stochastok:1", "dropout:0.5"):
        ids = WordEncoder(tokenizer, parse_segmentation(way), 7).encode(pieces, np.zeros(1, np.uint64))[0].tolist()
        assert ids.count(900_000) == 50
        assert b"".join(known.tokens[i] for i in ids[50:]) == b"ab" * 50
