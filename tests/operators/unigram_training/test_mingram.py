"""MinGram: equal, piece by piece and score by score, to a slow loop over the definition, ties included."""

import math
import random
from collections import Counter
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import Tokenizer as HuggingFace

from operators.encoding.encode import Encoder
from operators.tokenizer import Tokenizer
from operators.tokenizer_files.hugging_face import from_json
from operators.tokenizer_files.hugging_face_output import to_json
from operators.training.extension import extend
from operators.training.in_memory import train_words
from operators.unigram_training.mingram import mingram, seed_size
from operators.unigram_training.words import ShardWords
from tests import oracle

Words = Mapping[bytes, int]


def slow_path(word: bytes, probable: Mapping[bytes, float]) -> list[bytes]:
    """The fewest pieces, then the most probable, then the longest last one."""
    best: list[tuple[float, list[bytes]]] = [(0.0, [])]
    for end in range(1, len(word) + 1):
        found: list[tuple[float, list[bytes]]] = []
        for begin in range(end):  # longest last piece first
            piece = word[begin:end]
            if piece in probable:
                score = best[begin][0] + 1e-5 * probable[piece] - 1
                if not found or score > found[0][0] + 1e-12:
                    found = [(score, [*best[begin][1], piece])]
        best += found
    return best[-1][1]


def slow_mingram(words: Words, seed: Tokenizer, size: int) -> list[tuple[bytes, float]]:
    tokens, special = seed.tokens, len(seed.special_tokens)
    pairs = zip(seed.merges.left.tolist(), seed.merges.right.tolist(), strict=True)
    merges = [(tokens[left], tokens[right]) for left, right in pairs]
    pieces = [bytes([byte]) for byte in range(256)] + tokens[256 + special :]
    counts = Counter[bytes]()
    for word, count in words.items():
        for piece in oracle.encode(word, merges):
            counts[piece] += count
    total = sum(max(1, counts[piece]) for piece in pieces)
    probable = {piece: math.log(max(1, counts[piece]) / total) for piece in pieces}
    for _ in range(2):
        counts = Counter()
        for word, count in words.items():
            for piece in slow_path(word, probable):
                counts[piece] += count
        total = sum(counts.values())
        pieces = [piece for piece in pieces if counts[piece] or len(piece) == 1]
        probable = {piece: math.log(counts[piece] / total) if counts[piece] else -math.inf for piece in pieces}
    longer = sorted((piece for piece in pieces if len(piece) > 1), key=lambda piece: -probable[piece])
    kept = pieces[:256] + longer[: size - 256 - special]
    return [(piece, 1e-5 * max(probable[piece], -100.0) - 1) for piece in kept]


def trained(words: Words, size: int, special: tuple[str, ...] = ()) -> tuple[Tokenizer, Tokenizer]:
    """A seed, and what becomes of it."""
    texts, counts = pa.array(list(words), pa.large_binary()), np.array(list(words.values()), np.int64)
    start = Tokenizer("none", special, train_words(texts, counts, 257, start=special)[:0])
    seed, _ = extend(start, train_words(texts, counts, seed_size(size), start=special))
    return seed, mingram(seed, ShardWords(texts, counts), size)


def random_words(draw: random.Random, letters: str, number: int) -> dict[bytes, int]:
    lengths = [draw.choice((1, 2, 3, 5, 8, 13)) for _ in range(number)]
    return {"".join(draw.choices(letters, k=n)).encode(): draw.choice((1, 1, 2, 50)) for n in lengths}


@pytest.mark.parametrize("seed", range(6))
def test_pieces_and_scores_are_the_definitions(seed: int) -> None:
    draw = random.Random(seed)
    words = random_words(draw, ("ab", "abc", "aé", "abcdefgh")[seed % 4], 120)
    special = ("<s>", "</s>") if seed % 2 else ()
    size = 270 + draw.randrange(60)
    bpe, made = trained(words, size, special)
    expected = slow_mingram(words, bpe, size)
    assert made.pieces is not None and made.pieces.scores is not None
    scores = dict(zip(made.pieces.texts, made.pieces.scores.tolist(), strict=True))
    assert [scores[piece] for piece, _ in expected] == pytest.approx([score for _, score in expected], abs=1e-12)
    assert made.tokens[256 + len(special) :] == [piece for piece, _ in expected[256:]]


def test_stock_files_have_our_ids_and_what_is_read_is_what_was_written() -> None:
    draw = random.Random(7)
    words = random_words(draw, "abcd é", 300)
    _, made = trained(words, 330, ("<s>", "é", "ab"))
    theirs = HuggingFace.from_str(to_json(made))
    theirs.encode_special_tokens = True
    read = from_json(to_json(made), "tokenizer.json")
    assert to_json(read) == to_json(made)
    assert read.library is None and read.tokens == made.tokens
    texts = ["".join(draw.choices("abcd é<s>\n\U0001f642z", k=draw.randrange(40))) for _ in range(300)]
    for tokenizer in (made, read):
        ids, offsets = Encoder(tokenizer).encode(pa.array(texts, pa.large_string()))
        expected = [one.ids for one in theirs.encode_batch(texts)]
        assert [part.tolist() for part in np.split(ids, offsets[1:-1])] == expected
