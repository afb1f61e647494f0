"""Normalizers as tables of characters: texts equal those of `tokenizers`' normalizers, on random and hostile text."""

import base64
import io
from functools import cache
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.text.character_map import CharacterMap, character_map
from operators.text.preprocessing import Section, library_tokenizer
from operators.tokenizer_files.sentencepiece_model import read_model
from tests.conftest import examples

ODD = ["\r", "\n", "\r\n", "a", "e", "A", "é", "e\u0301", "\u0301", "\u0328", "ﬁ", "½", "①", "ا", "\u0653", "آ", "İ",
       "中", "ﷺ", "\u0600", "\u00ad", "\u200d", "\ufe0f", "©", " ", "  ", "\u3000", "``", "''", "\u302e", "가",
       "\u1100", "ﾞ", "\U000e0041", "\u2581", "\x00", "ß", "Σ"]  # fmt: skip


@cache
def precompiled() -> Section:
    sentencepiece = pytest.importorskip("sentencepiece", reason="its rules are needed")
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["the cat sat on the mat"] * 9), model_writer=out, vocab_size=30, hard_vocab_limit=False,
        minloglevel=2, normalization_rule_name="nmt_nfkc",
    )  # fmt: skip
    rules = read_model(out.getvalue()).rules
    return {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(rules).decode()}


def replaced(pattern: str, content: str, kind: str = "String") -> Section:
    return {"type": "Replace", "pattern": {kind: pattern}, "content": content}


def bert(**flags: Any) -> Section:
    plain = {"clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True}
    return {"type": "BertNormalizer", **plain, **flags}


def kinds() -> dict[str, list[Section]]:
    strip = {"type": "Strip", "strip_left": True, "strip_right": True}
    apart: list[Section] = [{"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"}]
    return {
        "rules": [precompiled()],
        "rules, spaces": [precompiled(), replaced(" {2,}", " ", "Regex")],
        "accents, rules": [replaced("``", '"'), replaced("''", '"'), *apart, precompiled()],
        "bert": [bert()],
        "cased": [bert(lowercase=False)],
        "accents": [bert(clean_text=False, strip_accents=True, lowercase=False)],
        "spaces": [{"type": "Nmt"}, strip, {"type": "Prepend", "prepend": "\u2581"}, replaced(" ", "\u2581")],
    }


@pytest.mark.parametrize("kind", ["rules", "rules, spaces", "accents, rules", "bert", "cased", "accents", "spaces"])
@examples(60)
@given(st.lists(st.lists(st.sampled_from(ODD) | st.characters(codec="utf-8", max_codepoint=0x3FF), max_size=8)))
def test_texts_are_those_of_tokenizers(kind: str, parts: list[list[str]]) -> None:
    steps = kinds()[kind]
    ours = character_map(steps)
    theirs = library_tokenizer({"type": "Sequence", "normalizers": steps}, None).normalizer
    texts = ["", *map("".join, parts)]
    assert ours is not None
    made = ours.normalize(pa.array(texts, pa.large_string()))
    assert made.to_pylist() == [theirs.normalize_str(text) for text in texts]


@pytest.mark.parametrize(
    "steps",
    [
        [{"type": "NFC"}, {"type": "Lowercase"}],
        [{"type": "NFKD"}],
        [{"type": "Lowercase"}, replaced("a+", "b", "Regex")],
        [replaced("ab", ""), {"type": "Strip", "strip_left": True, "strip_right": True}, {"type": "Lowercase"}],
        [{"type": "Precompiled", "precompiled_charsmap": "AAAA"}],
    ],
)
def test_steps_that_look_at_more_are_left_to_the_library(steps: list[Section]) -> None:
    assert character_map(steps) is None
    with pytest.raises(ValueError, match=r"\w"):
        CharacterMap(steps)
