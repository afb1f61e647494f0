"""The step `convert`: each format's own library gives the ids of the tokenizer that was given, or it is refused."""

import io
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tiktoken
from tiktoken.load import load_tiktoken_bpe
from tokenizers import Tokenizer as HuggingFace

from benchmarks.equality import random_texts
from operators.encoding.encode import Encoder
from operators.renumbering import with_new_ids
from operators.tokenizer import Tokenizer
from operators.tokenizer_files.decoding import TokenizerFile
from operators.tokenizer_files.errors import InexpressibleTokenizer
from pipelines.context import Context
from pipelines.convert.check import UnequalConversion, check
from pipelines.convert.settings import Convert
from pipelines.convert.step import convert
from pipelines.results import Converted
from pipelines.settings import BadSettings, Execution
from pipelines.tokenizers import load_tokenizer, save_tokenizer
from tests.operators.curves.test_tokens_by_size import trained

TEXTS = ["the cat sat on the mat", "", "  two  spaces", "кот ▁▁x", *random_texts(200, seed=7)]


def converted(source: Path, to: Any, out: Path, **settings: Any) -> Converted:
    with Context(Execution(engine="local", workers=1, progress="off")) as context:
        return convert(Convert(tokenizer=str(source), to=to, out=str(out), **settings), context)


def ids_of(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    ids, offsets = Encoder(tokenizer).encode(pa.array(texts, pa.large_string()))
    return [ids[a:b].tolist() for a, b in pairwise(offsets.tolist())]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a byte-level tokenizer of 330 tokens."""
    folder = tmp_path_factory.mktemp("source")
    save_tokenizer(trained([text for text in TEXTS if text], 330), folder)
    return folder


def test_a_byte_level_tokenizer_goes_through_all_formats_with_its_ids(source: Path, tmp_path: Path) -> None:
    expected = ids_of(load_tokenizer(str(source)), TEXTS)
    result = converted(source, "tiktoken", tmp_path / "ranks")
    assert result.checked["tokens"] == 330
    assert result.checked["texts"] > 4_000
    arguments = json.loads((tmp_path / "ranks/tiktoken.json").read_text())
    ranks = load_tiktoken_bpe(str(tmp_path / "ranks/ranks.tiktoken"))
    peer = tiktoken.Encoding("t", mergeable_ranks=ranks, **arguments)
    assert peer.encode_ordinary_batch(TEXTS) == expected
    json_result = converted(tmp_path / "ranks", "hugging-face", tmp_path / "json")
    assert json_result.checked["encoders"] == ["kernels", "tokenizers"]
    library = HuggingFace.from_file(str(tmp_path / "json/tokenizer.json"))
    assert [one.ids for one in library.encode_batch(TEXTS)] == expected
    tekken = converted(tmp_path / "json", "tekken", tmp_path / "tekken", new_ids=True)
    new = dict(tekken.table("ids").select("old_id", "new_id").collect().iter_rows())
    assert ids_of(load_tokenizer(str(tmp_path / "tekken")), TEXTS) == [[new[i] for i in one] for one in expected]
    file = json.loads((tmp_path / "tekken/tekken.json").read_text())
    first = file["config"]["default_num_special_tokens"]
    assert [token["rank"] for token in file["vocab"]] == list(range(330 - first))


def test_special_tokens_stand_where_each_format_has_them(source: Path, tmp_path: Path) -> None:
    whole = load_tokenizer(str(source))
    marked = Tokenizer(whole.pretokenizer, ("<s>", "</s>"), with_new_ids(whole, np.arange(330) + 2).merges)
    (tmp_path / "marked").mkdir()
    save_tokenizer(marked, tmp_path / "marked")
    converted(tmp_path / "marked", "tekken", tmp_path / "tekken", new_ids=True)
    assert load_tokenizer(str(tmp_path / "tekken")).special_tokens == ("<s>", "</s>")
    converted(tmp_path / "tekken", "tiktoken", tmp_path / "ranks")
    assert json.loads((tmp_path / "ranks/tiktoken.json").read_text())["special_tokens"] == {"<s>": 0, "</s>": 1}
    assert load_tokenizer(str(tmp_path / "ranks")).special_tokens == ("<s>", "</s>")


@pytest.mark.parametrize(
    ("prefix", "squeeze", "fallback"), [(True, False, True), (True, True, False), (False, False, True)]
)
def test_a_sentencepiece_model_goes_to_tokenizers_and_back(
    prefix: bool, squeeze: bool, fallback: bool, tmp_path: Path
) -> None:
    sentencepiece = pytest.importorskip("sentencepiece", reason="the peer is not installed")
    written = io.BytesIO()
    lines = [line for text in random_texts(300, seed=3) for line in text.replace("\0", "").splitlines() if line]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([*lines, *["the cat the dog the end"] * 30]), model_writer=written, model_type="bpe",
        vocab_size=600, character_coverage=0.98, normalization_rule_name="identity", byte_fallback=fallback,
        add_dummy_prefix=prefix, remove_extra_whitespaces=squeeze, minloglevel=2,
    )  # fmt: skip
    (tmp_path / "a.model").write_bytes(written.getvalue())
    expected = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue()).encode(TEXTS)
    result = converted(tmp_path / "a.model", "hugging-face", tmp_path / "json")
    library = HuggingFace.from_file(str(tmp_path / "json/tokenizer.json"))
    library.encode_special_tokens = True
    assert [one.ids for one in library.encode_batch(TEXTS)] == expected
    assert library.decode(library.encode("the cat").ids) == "the cat"
    assert result.checked["encoders"][1:] == ["tokenizers"]
    with pytest.raises(InexpressibleTokenizer, match="its vocabulary is of characters"):
        converted(tmp_path / "a.model", "tiktoken", tmp_path / "ranks")
    if not squeeze:
        back = converted(tmp_path / "json", "sentencepiece", tmp_path / "back")
        again = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "back/tokenizer.model"))
        assert again.encode(TEXTS) == expected
        assert back.checked["encoders"] == ["kernels", "sentencepiece"]


def test_the_same_format_is_a_copy_and_a_second_run_keeps_it(source: Path, tmp_path: Path) -> None:
    result = converted(source, "hugging-face", tmp_path / "out")
    assert (tmp_path / "out/tokenizer.json").read_bytes() == (source / "tokenizer.json").read_bytes()
    assert result.facts["copied"]
    assert converted(source, "hugging-face", tmp_path / "out").kept


def test_what_a_format_cannot_hold_is_refused(source: Path, tmp_path: Path) -> None:
    normalizing = tmp_path / "normalizing.json"
    content = json.loads((source / "tokenizer.json").read_text())
    normalizing.write_text(json.dumps(content | {"normalizer": {"type": "NFC"}}))
    for tokenizer, to, says in [
        (source, "sentencepiece", "its tokens are of bytes"),
        (source, "tekken", "its bytes are not the first tokens"),
        (normalizing, "tiktoken", "it normalizes text"),
    ]:
        with pytest.raises(InexpressibleTokenizer, match=says):
            converted(tokenizer, to, tmp_path / "out")
    with pytest.raises(BadSettings, match="holds the tokenizer"):
        converted(source, "tekken", source)


def test_the_check_finds_another_token_merge_or_id(source: Path) -> None:
    given = load_tokenizer(str(source))
    file = TokenizerFile("tiktoken", b"")
    assert check(given, given, file, "x")["merges"] == 74
    renamed = with_new_ids(given, np.concatenate([[1, 0], np.arange(2, 330)]))
    with pytest.raises(UnequalConversion, match="other tokens"):
        check(given, renamed, file, "x")
    with pytest.raises(UnequalConversion, match="other merges"):
        check(given, Tokenizer(given.pretokenizer, (), given.merges[:-1], given.vocabulary), file, "x")
    with pytest.raises(UnequalConversion, match="other ids for"):
        check(given, Tokenizer("none", (), given.merges, given.vocabulary), file, "x")
