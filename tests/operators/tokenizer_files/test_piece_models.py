"""Unigram and WordPiece: ids equal those of `tokenizers` for models that it trains, on random and hostile text."""

import json
from functools import cache
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as HuggingFace
from tokenizers import models, normalizers, pre_tokenizers, trainers

from operators.encoding.encode import Encoder, WithoutMerges
from operators.encoding.library_encoder import LibraryFailed
from operators.encoding.segmentation import parse_segmentation
from operators.errors import DataError
from operators.tokenizer_files.errors import MalformedTokenizer, UnsupportedTokenizer
from operators.tokenizer_files.hugging_face import from_json
from tests.conftest import examples

TEXTS = [f"the cat {'na' * (i % 5)} sat, {i} times on été \u2581mats! ##{'-' * i} गद्य <unk> 中文" for i in range(40)]
SPLIT, MARKS = pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()
CUTS: dict[str, Any] = {
    "marks": MARKS,
    "split and marks": pre_tokenizers.Sequence([SPLIT, MARKS]),
    "split, marks kept": pre_tokenizers.Sequence([SPLIT, pre_tokenizers.Metaspace(split=False)]),
    "whole": pre_tokenizers.Metaspace(split=False),
    "without a prefix": pre_tokenizers.Metaspace(prepend_scheme="never"),
    "bert": pre_tokenizers.BertPreTokenizer(),
    "whitespace": pre_tokenizers.Whitespace(),
    "digits": pre_tokenizers.Sequence(
        [SPLIT, pre_tokenizers.Punctuation(), pre_tokenizers.Digits(individual_digits=True)]
    ),
}
MODELS = [*(("unigram", cut) for cut in CUTS), *(("bytes", cut) for cut in ("marks", "whole"))]
MODELS += [("wordpiece", cut) for cut in ("bert", "whitespace", "digits")]
ODD = ["\u2581", " ", "\n", "\u3000", "\u0085", "na", "nana", "-", "--", "the", "##", "<unk>", "<0x41>", "é", "e\u0301",
       "中", "🙂", "\x00", "१", "½", "\u200d", "x" * 90, "[UNK]"]  # fmt: skip


@cache
def trained(model: str, cut: str) -> HuggingFace:
    if model == "wordpiece":
        theirs = HuggingFace(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=20))
        theirs.normalizer = normalizers.BertNormalizer()
        trainer: Any = trainers.WordPieceTrainer(vocab_size=150, special_tokens=["[UNK]"], show_progress=False)
    else:
        theirs = HuggingFace(models.Unigram())
        trainer = trainers.UnigramTrainer(
            vocab_size=120, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False
        )
    theirs.pre_tokenizer = CUTS[cut]
    theirs.train_from_iterator(TEXTS, trainer)
    if model == "bytes":
        file = json.loads(theirs.to_str())
        file["model"]["vocab"] += [[f"<0x{byte:02X}>", -0.5] for byte in range(256)]
        file["model"]["byte_fallback"] = True
        theirs = HuggingFace.from_str(json.dumps(file))
    theirs.encode_special_tokens = True
    return theirs


@cache
def encoder(model: str, cut: str) -> Encoder:
    return Encoder(from_json(trained(model, cut).to_str(), "t.json"))


@pytest.mark.parametrize(("model", "cut"), MODELS)
@examples(60)
@given(st.lists(st.lists(st.sampled_from(ODD) | st.characters(codec="utf-8", max_codepoint=0x3FF), max_size=9)))
def test_ids_are_those_of_tokenizers(model: str, cut: str, parts: list[list[str]]) -> None:
    texts = [*map("".join, parts), "nana" * 200, TEXTS[7]]
    ours = encoder(model, cut)
    ids, offsets = ours.encode(pa.array(texts, pa.large_string()))
    theirs = [one.ids for one in trained(model, cut).encode_batch(texts, add_special_tokens=False)]
    assert ours.method == "kernels"
    assert [ids[offsets[i] : offsets[i + 1]].tolist() for i in range(len(texts))] == theirs


def test_special_tokens_become_their_ids_when_asked() -> None:
    tokenizer = from_json(trained("wordpiece", "bert").to_str(), "t.json")
    assert 0 in Encoder(tokenizer, special_ids=True).encode(pa.array(["cat[UNK]"], pa.large_string()))[0]
    assert tokenizer.text_tokens[tokenizer.pieces.ids[-1]] if tokenizer.pieces is not None else False


def changed(model: str, **fields: Any) -> str:
    file = json.loads(trained(model, "bert" if model == "wordpiece" else "marks").to_str())
    file["model"] |= fields
    return json.dumps(file)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (changed("unigram", unk_id=None), "no token for unknown characters"),
        (changed("wordpiece", unk_token="[X]"), "no token for unknown"),
        (changed("bytes", vocab=[["<unk>", 0.0], ["\u2581", -1.0], ["<0x41>", -2.0]]), "no token for the byte 0x00"),
    ],
)
def test_what_the_kernels_lack_the_library_encodes(text: str, reason: str) -> None:
    tokenizer = from_json(text, "t.json")
    assert tokenizer.library is not None and reason in tokenizer.library.reason
    theirs = HuggingFace.from_str(text)
    for one in ("the cat", "é\u0416"):
        try:
            expected = theirs.encode(one, add_special_tokens=False).ids
        except Exception:  # they give up where they need the unknown token
            with pytest.raises(LibraryFailed):
                Encoder(tokenizer).encode(pa.array([one], pa.large_string()))
        else:
            assert Encoder(tokenizer).encode(pa.array([one], pa.large_string()))[0].tolist() == expected


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        (changed("unigram", unk_id=9_999), MalformedTokenizer, "cannot read it"),
        (changed("unigram", vocab=[]), MalformedTokenizer, "t.json: "),
        (
            changed("unigram", vocab=[["<unk>", 0], ["a", -1], ["a", -2]], unk_id=0),
            UnsupportedTokenizer,
            "stands twice",
        ),
        (changed("unigram", vocab=[["<unk>", 0], ["", -1]], unk_id=0), UnsupportedTokenizer, "an empty piece"),
        (changed("unigram").replace("-1", "-1e999", 1), MalformedTokenizer, "t.json: "),
        (changed("wordpiece", vocab={"[UNK]": 0, "a": 1 << 21}), MalformedTokenizer, "out of range"),
    ],
)
def test_bad_files_are_refused_in_one_line(text: str, kind: type[DataError], said: str) -> None:
    with pytest.raises(kind) as error:
        from_json(text, "t.json")
    assert said in str(error.value) and "\n" not in str(error.value)


def test_other_ways_to_encode_are_refused() -> None:
    with pytest.raises(WithoutMerges, match="a Unigram model has one way"):
        Encoder(from_json(trained("unigram", "marks").to_str(), "t"), inference=parse_segmentation("longest-prefix"))
