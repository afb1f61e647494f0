"""Unigram language model: each step equals a slow loop; the result is no worse than two other trainers'."""

import io
import json
import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pytest
import sentencepiece
import tokenizers
from tokenizers import models, pre_tokenizers, trainers

from operators.byte_level import to_bytes, to_chars
from operators.kernels import unigram_training
from operators.unigram_training.unigram import Rules, digamma, maximized, pruned, train_pieces
from operators.unigram_training.vocabulary import Pieces, piece_tokenizer
from operators.unigram_training.words import ShardWords

BYTES = [bytes([byte]) for byte in range(256)]


def shard_of(words: Mapping[bytes, int]) -> ShardWords:
    return ShardWords(pa.array(list(words), pa.large_binary()), np.array(list(words.values()), np.int64))


def paths(word: bytes, pieces: Mapping[bytes, float]) -> Iterator[list[bytes]]:
    if not word:
        yield []
    for end in range(1, len(word) + 1):
        if word[:end] in pieces:
            yield from ([word[:end], *rest] for rest in paths(word[end:], pieces))


def some_pieces(draw: random.Random) -> tuple[dict[bytes, float], Pieces]:
    texts = {bytes(draw.choices(b"abc", k=draw.randrange(2, 5))) for _ in range(15)}
    scores = {text: -draw.random() * 9 - 0.1 for text in [*BYTES, *sorted(texts)]}
    return scores, Pieces.of(list(scores), np.array(list(scores.values())))


def log_likelihood(words: Mapping[bytes, int], scores: Mapping[bytes, float]) -> float:
    longest, total = max(map(len, scores)), 0.0
    for word, count in words.items():
        forward = [0.0] + [-math.inf] * len(word)
        for end in range(1, len(word) + 1):
            begins = range(max(0, end - longest), end)
            terms = [forward[i] + score for i in begins if (score := scores.get(word[i:end])) is not None]
            forward[end] = max(terms) + math.log(sum(math.exp(term - max(terms)) for term in terms))
        total += count * forward[-1]
    return total


@pytest.mark.parametrize("tiny", [1e-250, 1e9])  # 1e9: all sums are of logarithms
def test_expected_counts_are_those_of_all_paths(tiny: float, monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(unigram_training.add_expected, "py_func"):
        pytest.skip("kernels are interpreted")
    monkeypatch.setattr(unigram_training, "TINY", tiny)
    draw = random.Random(1)
    scores, pieces = some_pieces(draw)
    words = {bytes(draw.choices(b"abc", k=n)): n for n in range(8)}
    expected, likelihood = defaultdict[bytes, float](float), 0.0
    for word, count in words.items():
        shares = [(path, math.exp(sum(map(scores.__getitem__, path)))) for path in paths(word, scores)]
        total = sum(share for _, share in shares)
        likelihood += count * math.log(total)
        for path, share in shares:
            for piece in path:
                expected[piece] += count * share / total
    shard, found = shard_of(words), np.zeros(len(pieces), np.int64)
    add = unigram_training.add_expected if tiny < 1 else unigram_training.add_expected.py_func
    assert add(shard._texts, pieces.for_kernels, 2.0**40, found) == pytest.approx(likelihood)
    assert (found / 2.0**40).tolist() == pytest.approx([expected[text] for text in pieces.texts])


def test_words_of_any_length_have_their_logarithms() -> None:
    scores, pieces = some_pieces(random.Random(2))
    words = {b"\x00\x01" * 300: 1, b"abc" * 100: 2, b"": 5}
    found = np.zeros(len(pieces), np.int64)
    likelihood = unigram_training.add_expected(shard_of(words)._texts, pieces.for_kernels, 2.0**30, found)
    assert likelihood == pytest.approx(log_likelihood(words, scores))
    in_bytes = sum(count * len(text) for text, count in zip(pieces.texts, (found / 2.0**30).tolist(), strict=True))
    assert in_bytes == pytest.approx(600 + 600)


def test_losses_are_those_of_the_definition() -> None:
    draw = random.Random(4)
    scores, pieces = some_pieces(draw)
    words = {bytes(draw.choices(b"abc", k=9)): draw.randrange(1, 9) for _ in range(200)}
    used = shard_of(words).best_paths(pieces.for_kernels, 0.0)
    best = {word: max(paths(word, scores), key=lambda path: sum(map(scores.__getitem__, path))) for word in words}
    plain = Counter[bytes]()
    for word, path in best.items():
        for piece in path:
            plain[piece] += words[word]
    assert used.tolist() == [plain[text] for text in pieces.texts]
    total, losses = sum(plain.values()), dict[bytes, float]()
    for text in (text for text in pieces.texts if len(text) > 1 and plain[text]):
        others = {piece: score for piece, score in scores.items() if piece != text}
        path = max(paths(text, others), key=lambda path: sum(map(scores.__getitem__, path)))
        own, enlarged = plain[text], total + plain[text] * (len(path) - 1)
        after = sum(math.log((plain[piece] + own) / enlarged) for piece in path)
        losses[text] = own / total * (math.log(own / total) - after)
    room = 256 + len(losses) // 2
    kept = pruned(pieces, used, room)
    dearest = sorted(losses, key=losses.__getitem__, reverse=True)[: max(room, int(0.75 * len(pieces))) - 256]
    assert set(kept.texts) == {*BYTES, *dearest}


def test_scores_are_digammas_of_what_is_expected_often_enough() -> None:
    pieces = Pieces.of([*BYTES, b"ab", b"bc"], np.zeros(258))
    expected = np.zeros(258)
    expected[[97, 98, 256, 257]] = 3.0, 0.4, 2.0, 0.499
    made = maximized(pieces, expected)
    whole = -np.euler_gamma + 1 + 1 / 2 + 1 / 3 + 1 / 4  # digamma(5)
    assert made.texts == [*BYTES, b"ab"]
    assert made.scores[97] == pytest.approx(-np.euler_gamma + 1 + 1 / 2 - whole)
    assert made.scores[256] == pytest.approx(-np.euler_gamma + 1 - whole)
    assert made.scores[98] == made.scores[0] == pytest.approx(made.scores[256] - 10)
    assert made.links is pieces.links
    step = 1e-4
    for x in (0.5, 1.0, 7.3, 1e3, 1e12):
        slope = (math.lgamma(x * (1 + step)) - math.lgamma(x * (1 - step))) / (2 * x * step)
        assert digamma(np.array([x]))[0] == pytest.approx(slope, rel=1e-6)


def test_the_likelihood_is_no_lower_than_that_of_two_other_trainers() -> None:
    draw = random.Random(5)
    roots = ["".join(draw.choices("aeiounrtslkmé", k=draw.randrange(2, 6))) for _ in range(90)]
    text = [" ".join(draw.choice(roots) + draw.choice(["", "s", "en", "ação"]) for _ in range(9)) for _ in range(200)]
    words = Counter(f" {word}".encode() for line in text for word in line.split())
    pieces, _ = train_pieces(shard_of(words), Rules(350))
    ours = log_likelihood(words, dict(zip(pieces.texts, pieces.scores.tolist(), strict=True)))

    theirs = tokenizers.Tokenizer(models.Unigram())
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=True)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    theirs.train_from_iterator(
        text, trainers.UnigramTrainer(vocab_size=350, initial_alphabet=alphabet, show_progress=False)
    )
    vocab = json.loads(theirs.to_str())["model"]["vocab"]
    assert ours >= 1.002 * log_likelihood(words, {to_bytes(piece) or b"": score for piece, score in vocab})

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([to_chars(word) for word, count in words.items() for _ in range(count)]),
        model_writer=model, vocab_size=353, normalization_rule_name="identity", add_dummy_prefix=False,
        split_by_unicode_script=False, character_coverage=1.0, hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    read = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    named = {to_bytes(read.id_to_piece(i)) or b"": read.get_score(i) for i in range(3, read.get_piece_size())}
    assert ours >= 1.002 * log_likelihood(words, named)


@pytest.mark.parametrize("words", [{b"a": 1}, {b"abc": 1, b"": 3}, {b"ab" * 700: 1}, {b"aaaa": 2, b"\xff": 1}])
def test_the_smallest_corpora_give_bytes_and_what_there_is(words: dict[bytes, int]) -> None:
    pieces, _ = train_pieces(shard_of(words), Rules(300))
    assert pieces.texts[:256] == BYTES
    assert np.isfinite(pieces.scores).all() and (pieces.scores < 1e-9).all()
    assert math.isfinite(log_likelihood(words, dict(zip(pieces.texts, pieces.scores.tolist(), strict=True))))


def test_tokens_stand_by_falling_score_behind_special_tokens_and_bytes() -> None:
    scores = np.array([-5.0] * 256 + [-3.0, -2.0, -3.0])
    made = piece_tokenizer("none", ("<s>", "a"), [*BYTES, b"ab", b"bc", b"cd"], scores)
    assert made.tokens[-3:] == [b"bc", b"ab", b"cd"]
    assert len(made.tokens) == 1 + 256 + 3
    assert made.tokens[1] == b"a" and made.byte_ids[97] == 1
