"""Unigram models that `sentencepiece` trains: ids and texts equal its own, on random and hostile text."""

import io
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.encoding.decode import Decoder
from operators.encoding.encode import Encoder
from operators.tokenizer_files.decoding import TokenizerFile, decoding_of
from operators.tokenizer_files.errors import MalformedTokenizer
from operators.tokenizer_files.sentencepiece import from_model
from operators.tokenizer_files.sentencepiece_model import read_model
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
