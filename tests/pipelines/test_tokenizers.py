"""A tokenizer directory loads in three libraries and here, and all four give the same ids."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
import tiktoken
from tiktoken.load import load_tiktoken_bpe
from tokenizers import Tokenizer as HuggingFace
from tokenizers import models, pre_tokenizers, trainers

from operators.encoding.encode import Encoder
from operators.errors import BabelmergeError, DataError, UsageError
from operators.text.errors import BadPattern
from operators.text.pretokenizers import PATTERNS
from operators.tokenizer import AddedToken, LibraryModel, Merges, Tokenizer
from operators.tokenizer_files.errors import MalformedTokenizer
from operators.tokenizer_files.hugging_face import from_json
from operators.tokenizer_files.hugging_face_output import to_json
from pipelines.event_files import EVENTS
from pipelines.tokenizers import (
    SPECIAL_MAP,
    TOKENIZER_FILES,
    BadReference,
    MissingTokenizer,
    Saved,
    load_tokenizer,
    save_tokenizer,
    tokenizer_fingerprint,
)

TEXTS = ["The cat's hat, 1234 hats!", "  über\r\n\tweiß Ça", "नमस्ते दुनिया 漢字かな 😀", "", "aaaa bbbb <s> a<s>"]


def train(size: int = 500) -> Tokenizer:
    """Trained by Hugging Face, with counts made up."""
    theirs = HuggingFace(models.BPE())
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=["<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    theirs.train_from_iterator(TEXTS * 3, trainer)
    merges = from_json(theirs.to_str(), "t").merges
    counts = np.arange(len(merges), 0, -1, dtype=np.int64) + 2**40
    return Tokenizer("gpt4", ("<|end|>",), Merges(merges.left, merges.right, merges.token, counts))


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train()


@pytest.fixture
def saved(tokenizer: Tokenizer, tmp_path: Path) -> Path:
    assert save_tokenizer(tokenizer, tmp_path) == Saved(sorted(set(TOKENIZER_FILES) - {SPECIAL_MAP, EVENTS}), None)
    return tmp_path


def encode(tokenizer: Tokenizer, texts: list[str] = TEXTS) -> list[list[int]]:
    ids, offsets = Encoder(tokenizer).encode(pa.array(texts, pa.large_string()))
    return [ids[offsets[i] : offsets[i + 1]].tolist() for i in range(len(texts))]


def test_tokenizers_and_tiktoken_encode_the_same(tokenizer: Tokenizer, saved: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")
    expected = encode(tokenizer)
    theirs = HuggingFace.from_file(str(saved / "tokenizer.json"))
    assert [theirs.encode(text).ids for text in TEXTS] == expected
    assert [theirs.decode(ids) for ids in expected] == TEXTS
    ranks = load_tiktoken_bpe(str(saved / "ranks.tiktoken"))
    encoding = tiktoken.Encoding("ours", pat_str=PATTERNS["gpt4"], mergeable_ranks=ranks, special_tokens={"<|end|>": 0})
    assert encoding.encode_ordinary_batch(TEXTS) == expected
    assert encoding.decode([0, *expected[0]]) == "<|end|>" + TEXTS[0]


def test_transformers_encodes_the_same(tokenizer: Tokenizer, saved: Path) -> None:
    transformers = pytest.importorskip("transformers")
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    for loader in (transformers.AutoTokenizer, transformers.PreTrainedTokenizerFast):
        theirs = loader.from_pretrained(str(saved))
        assert theirs(TEXTS)["input_ids"] == encode(tokenizer)
        assert theirs.decode(theirs("Hi , there 's")["input_ids"]) == "Hi , there 's"  # no spaces cleaned up
        assert theirs("<|end|>")["input_ids"] == [0]


def test_a_directory_is_loaded_as_it_was_saved(tokenizer: Tokenizer, saved: Path) -> None:
    loaded = load_tokenizer(str(saved))
    assert loaded.published is None  # in training's order, as it was
    assert (loaded.pretokenizer, loaded.special_tokens) == (tokenizer.pretokenizer, tokenizer.special_tokens)
    for column in ("left", "right", "token", "count"):
        assert np.array_equal(getattr(loaded.merges, column), getattr(tokenizer.merges, column))
    assert tokenizer_fingerprint(loaded) == tokenizer_fingerprint(tokenizer)
    assert encode(loaded) == encode(tokenizer)


def test_every_file_alone_encodes_the_same(tokenizer: Tokenizer, saved: Path) -> None:
    for reference in (
        "tokenizer.json",
        "ranks.tiktoken,pretokenizer=gpt4",
        f"ranks.tiktoken,pretokenizer={PATTERNS['gpt4']}",
    ):
        assert encode(load_tokenizer(str(saved / reference))) == encode(tokenizer)
    (saved / "merges.parquet").unlink()
    assert encode(load_tokenizer(str(saved))) == encode(tokenizer)


def test_merges_parquet_is_a_contract(tokenizer: Tokenizer, saved: Path) -> None:
    table = pl.read_parquet(saved / "merges.parquet")
    assert dict(table.schema) == dict.fromkeys(["rank", "left", "right", "token"], pl.Int32) | {"count": pl.Int64} | (
        dict.fromkeys(["left_bytes", "right_bytes", "token_bytes"], pl.Binary) | {"words": pl.Int32}
    )
    assert table["rank"].to_list() == list(range(len(tokenizer.merges)))
    assert table["count"].to_list() == tokenizer.merges.count.tolist()
    tokens = tokenizer.tokens
    for row in table.iter_rows(named=True):
        assert row["left_bytes"] + row["right_bytes"] == row["token_bytes"] == tokens[row["token"]]
        assert (row["left_bytes"], row["right_bytes"]) == (tokens[row["left"]], tokens[row["right"]])


def test_two_runs_give_equal_bytes_and_leave_nothing_else(tokenizer: Tokenizer, saved: Path) -> None:
    first = {path.name: path.read_bytes() for path in saved.iterdir()}
    assert set(first) == set(TOKENIZER_FILES) - {SPECIAL_MAP, EVENTS}
    save_tokenizer(tokenizer, saved)
    save_tokenizer(load_tokenizer(str(saved)), saved)
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == first


def test_merges_that_stand_twice_are_kept_and_ranks_left_out(saved: Path) -> None:
    a, b, c = (int(Tokenizer("none", (), Merges.from_rows([])).byte_ids[byte]) for byte in b"abc")
    twice = Tokenizer("none", (), Merges.from_rows([(a, b, 256, 3), (b, c, 257, 2), (a, b, 256, 1)]))
    written = save_tokenizer(twice, saved)
    assert not {"ranks.tiktoken", "tiktoken.json"} & {*written.files, *(path.name for path in saved.iterdir())}
    assert written.without_ranks == "its merges are not in the order of its tokens' ids"
    assert not (saved / "ranks.tiktoken").exists()  # the old one would be of another tokenizer
    loaded = load_tokenizer(str(saved))
    assert loaded.merges.count.tolist() == [3, 2, 1]
    assert (
        encode(loaded, ["abc"])
        == [[a, 257]]
        == [HuggingFace.from_file(str(saved / "tokenizer.json")).encode("abc").ids]
    )


def test_a_published_tokenizer_makes_the_way_through_a_directory(shared: Path, tmp_path: Path) -> None:
    published = load_tokenizer(str(shared / "tokenizers/gpt2.json"))
    save_tokenizer(published, tmp_path)
    again = load_tokenizer(str(tmp_path))
    assert tokenizer_fingerprint(again) == tokenizer_fingerprint(published)
    assert encode(again) == encode(published)
    ranks = {token: i for i, token in published.text_tokens.items()}
    encoding = tiktoken.Encoding(
        "gpt2", pat_str=PATTERNS["gpt2"], mergeable_ranks=ranks, special_tokens={"<|endoftext|>": 50256}
    )
    assert encoding.encode_ordinary_batch(TEXTS) == encode(again)


def test_well_known_names_imply_their_pretokenizer(saved: Path) -> None:
    for name, pretokenizer in (
        ("cl100k_base", "gpt4"),
        ("o200k_base", "o200k"),
        ("llama3", "llama3"),
        ("llama4", "o200k"),
    ):
        (saved / "ranks.tiktoken").rename(saved / f"{name}.tiktoken")
        assert load_tokenizer(str(saved / f"{name}.tiktoken")).pretokenizer == pretokenizer
        assert load_tokenizer(str(saved / f"{name}.tiktoken,pretokenizer=gpt2")).pretokenizer == "gpt2"
        (saved / f"{name}.tiktoken").rename(saved / "ranks.tiktoken")


def test_the_fingerprint_tells_what_changes_ids(tokenizer: Tokenizer) -> None:
    merges = tokenizer.merges
    others = [
        Tokenizer("gpt2", tokenizer.special_tokens, merges),
        Tokenizer("gpt4", ("<|END|>",), merges),
        Tokenizer("gpt4", tokenizer.special_tokens, merges[:-1]),
        Tokenizer("gpt4", tokenizer.special_tokens, merges, ignore_merges=True),
    ]
    spaced = '{"normalizer":{"type":"NFC"},"pre_tokenizer":{"type":"ByteLevel"},"words":"whole"}'
    vocabulary = tokenizer.vocabulary
    others += [
        replace(tokenizer, pretokenizer=spaced),
        replace(tokenizer, added=(AddedToken("<|end|>", vocabulary.special_ids[0], special=False),)),
        replace(tokenizer, published=replace(vocabulary, unknown=3)),
        replace(tokenizer, published=replace(vocabulary, unknown=3, fuse_unknown=False)),
        replace(tokenizer, published=replace(vocabulary, characters=np.zeros(4, np.int32))),
        replace(tokenizer, library=LibraryModel("tokenizers", b"{}", "something", True)),
        replace(tokenizer, library=LibraryModel("tokenizers", b"{ }", "something", True)),
    ]
    assert len({tokenizer_fingerprint(one) for one in [tokenizer, *others]}) == 1 + len(others)
    by_expression = Tokenizer(PATTERNS["gpt4"], tokenizer.special_tokens, merges)
    assert tokenizer_fingerprint(by_expression) == tokenizer_fingerprint(tokenizer)


def test_ranks_may_be_published_as_a_model(saved: Path) -> None:
    (saved / "ranks.tiktoken").rename(saved / "tokenizer.model")
    assert load_tokenizer(str(saved / "tokenizer.model,pretokenizer=gpt4")).pretokenizer == "gpt4"


def test_references_that_cannot_be_loaded_say_why_in_one_line(saved: Path) -> None:
    (saved / "empty").mkdir()
    (saved / "spm.model").write_bytes(b"\x0a\x0e")
    (saved / "unigram.model").write_bytes(b"\x0a\x03\x0a\x01a")
    (saved / "ranks.model").write_bytes((saved / "ranks.tiktoken").read_bytes())
    with (saved / "large.json").open("wb") as file:
        file.truncate((64 << 20) + 1)
    (saved / "tekken.json").write_text(json.dumps({"config": {}, "vocab": []}))
    cases: list[tuple[str, type[BabelmergeError], str]] = [
        ("nothing.json", MissingTokenizer, "No such file"),
        ("nothing.tiktoken,pretokenizer=gpt4", MissingTokenizer, "No such file"),
        ("nothing", MissingTokenizer, "No such file"),
        ("empty", MissingTokenizer, "holds no tokenizer.json"),
        ("ranks.tiktoken,pretokenizer=", BadReference, "write "),
        ("ranks.tiktoken,pretokenizer=(", BadPattern, "neither a name"),
        ("tokenizer.json,pretokenizer=gpt4", BadReference, "leave it out"),
        ("spm.model", MalformedTokenizer, "no SentencePiece model"),
        ("unigram.model", MalformedTokenizer, "it needs one piece for the unknown"),
        ("ranks.model", BadReference, "write "),
        ("large.json", MalformedTokenizer, "it has more than 67,108,864 bytes"),
        ("tekken.json", MalformedTokenizer, "missing required field"),
        ("merges.parquet", MalformedTokenizer, "no tokenizer.json"),
    ]
    for name, kind, said in cases:
        with pytest.raises(kind) as error:
            load_tokenizer(str(saved / name))
        line = str(error.value)
        assert said in line
        assert "\n" not in line
        assert isinstance(error.value, UsageError if kind in (BadReference, BadPattern) else DataError)


def test_a_directory_that_contradicts_itself_is_refused(tokenizer: Tokenizer, saved: Path) -> None:
    (saved / "tokenizer.json").write_text(to_json(train(280)))
    with pytest.raises(MalformedTokenizer, match=r"merges\.parquet: its merges are not those of tokenizer\.json"):
        load_tokenizer(str(saved))
    (saved / "tokenizer.json").write_text(to_json(tokenizer))
    for broken in (b"", b"PAR1", (saved / "merges.parquet").read_bytes()[:-40]):
        (saved / "merges.parquet").write_bytes(broken)
        with pytest.raises(MalformedTokenizer, match="no merge list") as error:
            load_tokenizer(str(saved))
        assert "\n" not in str(error.value)
    pl.DataFrame({"rank": [0], "left": ["a"]}).write_parquet(saved / "merges.parquet")
    with pytest.raises(MalformedTokenizer, match="no merge list"):
        load_tokenizer(str(saved))
