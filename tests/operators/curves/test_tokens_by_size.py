"""Curves against encoding with the tokenizer that has only the first merges, which Hugging Face's library does."""

import random

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import Tokenizer as Library

from operators.curves.tokens_by_size import measure_curve, vocabulary_sizes
from operators.encoding.encode import Encoder
from operators.text.pretokenize import Pretokenizer
from operators.tokenizer import Merges, Tokenizer
from operators.tokenizer_files.hugging_face_output import to_json
from operators.training.in_memory import train_words
from operators.word_table import WordCounter

TEXTS = [
    "the theme of the thesis: a theory of theatres, aaaa aaaaaa, banana bananas 1234567",
    "нет, не то что бы не тот; это то же самое, но не совсем",
    "漢字かな交じり文、漢字の字。" * 3,
    "x" * 300 + " " + "ab" * 120,
    "  \n\n\t e\u0301e\u0301 \U0001f600\U0001f600 ",
]


def words_of(texts: list[str], pretokenizer: str) -> tuple[pa.LargeBinaryArray, np.ndarray]:
    counter = WordCounter()
    counter.add(Pretokenizer(pretokenizer).split(pa.array(texts, pa.large_string())), pa.array(["x"] * len(texts)))
    words, counts, _ = counter.table("x").sorted()
    return words, counts


def trained(texts: list[str], size: int, pretokenizer: str = "gpt4") -> Tokenizer:
    words, counts = words_of(texts, pretokenizer)
    return Tokenizer(pretokenizer, (), train_words(words, counts, size))


@pytest.mark.parametrize("pretokenizer", ["gpt4", "gpt2", "none"])
def test_the_curve_is_what_encoding_with_fewer_merges_gives(pretokenizer: str) -> None:
    tokenizer = trained(TEXTS, 420, pretokenizer)
    text = [*TEXTS, "other words, thebanana не漢字 " + "x" * 150]
    words, counts = words_of(text, pretokenizer)
    curve, sizes = measure_curve(words, counts, tokenizer), vocabulary_sizes(tokenizer)
    documents = pa.array(text, pa.large_string())
    for merges in [0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 120, len(tokenizer.merges)]:
        cut = Tokenizer(pretokenizer, (), tokenizer.merges[:merges])
        assert curve.at(merges) == Encoder(cut).count(documents).sum(), merges
        assert sizes[merges] == len(cut.tokens)


def test_any_list_in_any_order_agrees_with_hugging_face() -> None:
    """Lists whose ranks do not rise along a word: merges shuffled, tokens made in several ways."""
    for seed in range(40):
        draw = random.Random(seed)
        made = [chr(97 + i) for i in range(4)]
        pairs: dict[tuple[str, str], None] = {}
        while len(pairs) < 12:
            pair = (draw.choice(made), draw.choice(made))
            if len(pair[0] + pair[1]) <= 8 and pair not in pairs:
                pairs[pair] = None
                if pair[0] + pair[1] not in made:
                    made.append(pair[0] + pair[1])
        order = list(pairs)
        draw.shuffle(order)
        alphabet = Tokenizer("none", (), Merges.from_rows([]))
        ids = {text: int(alphabet.byte_ids[ord(text)]) for text in made if len(text) == 1}
        for text in made:
            ids.setdefault(text, 256 + sum(one >= 256 for one in ids.values()))
        rows = [(ids[a], ids[b], ids[a + b], 1) for a, b in order]
        tokens = [*alphabet.tokens, *(text.encode() for text in made if len(text) > 1)]
        whole = Tokenizer("none", (), Merges.from_rows(rows))
        whole = Tokenizer("none", (), whole.merges, alphabet.vocabulary.__class__(tokens, alphabet.byte_ids, ()))
        words = sorted({"".join(draw.choices("abcd", k=draw.choice([1, 5, 9, 120]))) for _ in range(20)})
        curve = measure_curve(
            pa.array([one.encode() for one in words], pa.large_binary()), np.ones(len(words), np.int64), whole
        )
        for merges in (0, 3, 7, 12):
            cut = Tokenizer("none", (), whole.merges[:merges], whole.published)
            library = Library.from_str(to_json(cut))
            assert curve.at(merges) == sum(len(library.encode(word).ids) for word in words), (seed, merges)
