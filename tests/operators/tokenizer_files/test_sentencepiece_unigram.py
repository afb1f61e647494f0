"""Unigram models that `sentencepiece` trains: ids and texts equal its own, on random and hostile text."""

import io
import random
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.encoding.decode import Decoder
from operators.encoding.encode import Encoder
from operators.tokenizer_files import protobuf
from operators.tokenizer_files.decoding import TokenizerFile, decoding_of
from operators.tokenizer_files.errors import MalformedTokenizer
from operators.tokenizer_files.sentencepiece import from_model
from operators.tokenizer_files.sentencepiece_model import NORMAL, UNKNOWN, USER_DEFINED, read_model
from tests.conftest import examples

sentencepiece: Any = pytest.importorskip("sentencepiece", reason="the peer is not installed")
TEXTS = [f"the cat {'na' * (i % 5)} sat, {i} times on été mats! {'-' * i} गद्य 中文 <a>" for i in range(60)]
OPTIONS: dict[str, dict[str, Any]] = {
    "rules": {"normalization_rule_name": "nmt_nfkc_cf"},
    "bytes": {"byte_fallback": True, "vocab_size": 400},
    "spaces kept": {"remove_extra_whitespaces": False, "normalization_rule_name": "identity"},
    "no prefix": {"add_dummy_prefix": False},
    "user-defined": {"user_defined_symbols": ["<a>", "na", "the cat", "ﬁ", "  "]},
}
ODD = ["\u2581", " ", "  ", "\n", "\u3000", "na", "nana", "-", "the", "the cat", "<a>", "<unk>", "ﬁ", "é", "e\u0301",
       "中", "🙂", "½", "१", "\u200b", "ﷺ", "x" * 50]  # fmt: skip


@cache
def trained(option: str) -> bytes:
    out = io.BytesIO()
    arguments = {"vocab_size": 120, "hard_vocab_limit": False, "minloglevel": 2, "num_threads": 1} | OPTIONS[option]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS), model_writer=out, model_type="unigram", **arguments
    )
    return out.getvalue()


@cache
def encoder(option: str) -> Encoder:
    return Encoder(from_model(trained(option), "t.model"))


@pytest.mark.parametrize("option", OPTIONS)
@examples(60)
@given(st.lists(st.lists(st.sampled_from(ODD) | st.characters(codec="utf-8", max_codepoint=0x3FF), max_size=9)))
def test_ids_are_those_of_sentencepiece(option: str, parts: list[list[str]]) -> None:
    texts = ["", *(("".join(part)).replace("\x00", "") for part in parts), "nana" * 200, " ".join(TEXTS)]
    ours, theirs = encoder(option), sentencepiece.SentencePieceProcessor(model_proto=trained(option))
    ids, offsets = ours.encode(pa.array(texts, pa.large_string()))
    expected = theirs.encode(texts)
    assert ours.method == "kernels"
    assert [ids[offsets[i] : offsets[i + 1]].tolist() for i in range(len(texts))] == expected
    decoding = decoding_of(from_model(trained(option), "t"), TokenizerFile("sentencepiece", trained(option)))
    assert Decoder(decoding).decode_batch(ids, offsets).to_pylist() == [theirs.decode(one) for one in expected]


def test_scores_that_are_not_finite_go_to_the_library() -> None:
    data = trained("rules")
    score = np.float32(next(piece.score for piece in read_model(data).pieces if piece.kind == 1)).tobytes()
    for odd in (np.nan, np.inf):
        tokenizer = from_model(data.replace(score, np.float32(odd).tobytes(), 1), "t.model")
        assert tokenizer.library is not None and "not a finite number" in tokenizer.library.reason


def test_rules_that_are_cut_short_are_refused() -> None:
    rules = read_model(trained("rules")).rules
    broken = trained("rules").replace(rules[:4], b"\xff\xff\xff\x7f", 1)
    with pytest.raises(MalformedTokenizer, match="cut short"):
        from_model(broken, "t.model")


def model_of(pieces: list[tuple[str, float, int]]) -> bytes:
    """A Unigram model without normalization, of pieces with scores and kinds."""
    fields = [protobuf.content(1, text.encode()) + protobuf.single(2, score) for text, score, _ in pieces]
    kinds = [protobuf.number(3, kind) for _, _, kind in pieces]
    listed = b"".join(protobuf.content(1, own + kind) for own, kind in zip(fields, kinds, strict=True))
    trainer = protobuf.number(3, 1) + protobuf.number(4, len(pieces)) + protobuf.number(40, 0)
    trainer += b"".join(protobuf.number(field, (1 << 64) - 1) for field in (41, 42, 43))  # no other special pieces
    normalizer = protobuf.content(1, b"identity") + protobuf.number(3, 0) + protobuf.number(4, 0)
    return listed + protobuf.content(2, trainer) + protobuf.content(3, normalizer)


@pytest.mark.parametrize("seed", range(4))
def test_user_defined_pieces_win_and_lose_as_in_sentencepiece(seed: int) -> None:
    draw, differing = random.Random(seed), 0
    for _ in range(10):
        texts = sorted({"".join(draw.choices("abé", k=draw.randrange(2, 5))) for _ in range(14)})
        kept, base = set(draw.sample(texts, 4)), draw.choice([0.0, -0.05, -1.0, 0.05])
        pieces = [("<unk>", 0.0, UNKNOWN), ("\u2581", -1.0, NORMAL)]
        for text in ["a", "b", "é", *texts]:
            score = len(text) * (base + draw.choice([0.0, 0.1, 0.2, -0.1, 0.3]))
            pieces.append((text, 0.0, USER_DEFINED) if text in kept else (text, score, NORMAL))
        data = model_of(pieces)
        library = sentencepiece.SentencePieceProcessor(model_proto=data)
        lines = ["".join(draw.choices("abéx", k=draw.randrange(1, 30))) for _ in range(40)]
        ids, offsets = Encoder(from_model(data, "model")).encode(pa.array(lines, pa.large_string()))
        expected = library.encode(lines)
        differing += [part.tolist() for part in np.split(ids, offsets[1:-1])] != expected
    assert differing == 0
