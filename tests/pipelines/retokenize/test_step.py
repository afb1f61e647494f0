"""Token shards, compared with Hugging Face over the files as the standard library reads them."""

from pathlib import Path
from typing import get_args

import polars as pl
import pyarrow.parquet as pq
import pytest
import tokenizers

from operators.tokenizer import Merges, Tokenizer
from pipelines.context import Context
from pipelines.corpus.errors import EmptyCorpus
from pipelines.corpus.sources import Source
from pipelines.engines.engine import Engine
from pipelines.engines.local_engine import LocalEngine
from pipelines.outputs import read_manifest
from pipelines.retokenize.options import BadToken, Encoding, id_type_of, token_id
from pipelines.retokenize.settings import Retokenize
from pipelines.retokenize.step import retokenize
from pipelines.settings import BadSettings
from pipelines.token_shards.format_names import Format
from pipelines.token_shards.formats import writer_of
from tests.pipelines.corpora import write_corpus
from tests.pipelines.faulty_engine import FaultyEngine
from tests.pipelines.retokenize.corpora import encoded, files_of


def test_shards_hold_hugging_faces_ids_in_the_files_order(tokenizer: Tokenizer, trained: Path, tmp_path: Path) -> None:
    written = write_corpus(tmp_path / "corpus", 200)
    encoded(tokenizer, tmp_path / "corpus", tmp_path / "o")
    manifest = read_manifest(tmp_path / "o")
    assert manifest is not None
    peer = tokenizers.Tokenizer.from_file(str(trained / "tokenizer.json"))
    for language, texts in written.items():
        shard = pl.read_parquet(tmp_path / f"o/{language}.txt-00000.parquet")
        assert shard.schema == {"id": pl.String, "language": pl.String, "input_ids": pl.List(pl.UInt16)}
        assert shard["id"].to_list() == [str(i + 1) for i in range(len(texts))]
        assert set(shard["language"]) == {language}
        assert shard["input_ids"].to_list() == [one.ids for one in peer.encode_batch(texts)]
        size = len("".join(texts).encode())
        counts = {"documents": len(texts), "bytes": size, "tokens": int(shard["input_ids"].list.len().sum())}
        assert manifest.facts["languages"][language] == counts
        [entry] = [one for one in manifest.inputs if Path(one["path"]).stem == language]
        assert entry["languages"] == {language: counts} and entry["size"] == size


def test_ids_are_as_wide_as_the_vocabulary_asks_for(tokenizer: Tokenizer, tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus", 5)
    encoded(tokenizer, tmp_path / "corpus", tmp_path / "o", Encoding(end=65_535))
    narrow = pq.read_table(tmp_path / "o/en.txt-00000.parquet")
    encoded(tokenizer, tmp_path / "corpus", tmp_path / "o", Encoding(end=65_536))
    wide = pq.read_table(tmp_path / "o/en.txt-00000.parquet")
    assert (str(narrow["input_ids"].type), str(wide["input_ids"].type)) == (
        "list<element: uint16 not null>".replace(" not null", ""),
        "list<element: uint32>",
    )
    assert {row[-1] for row in narrow["input_ids"].to_pylist()} == {65_535}
    assert [row[:-1] for row in wide["input_ids"].to_pylist()] == [row[:-1] for row in narrow["input_ids"].to_pylist()]
    assert {row[-1] for row in wide["input_ids"].to_pylist()} == {65_536}


def test_a_separator_is_counted_and_follows_empty_documents_too(tokenizer: Tokenizer, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"text": ""}\n{"text": "the dog"}\n{"text": ""}\n')
    plain = encoded(tokenizer, tmp_path / "x.jsonl", tmp_path / "plain").facts["languages"]["x"]
    found = encoded(tokenizer, tmp_path / "x.jsonl", tmp_path / "o", Encoding(end=7)).facts["languages"]["x"]
    assert found["tokens"] == plain["tokens"] + 3 and found["documents"] == 3
    first, second, third = pq.read_table(tmp_path / "o/x.jsonl-00000.parquet")["input_ids"].to_pylist()
    assert first == third == [7] and second[-1] == 7 and len(second) == plain["tokens"] + 1


def test_a_separator_is_a_special_token_an_id_or_a_tokens_text(tokenizer: Tokenizer) -> None:
    special = Tokenizer(tokenizer.pretokenizer, ("<|end|>", "7"), tokenizer.merges)
    last = len(special.tokens) - 1
    assert token_id(special, "end", "<|end|>") == 0
    assert token_id(special, "end", "7") == 1
    assert token_id(special, "end", "8") == 8
    assert token_id(special, "end", str(last)) == last
    assert token_id(special, "end", "\n") == special.tokens.index(b"\n")
    assert token_id(tokenizer, "end", "100257", beyond=True) == 100_257  # a .tiktoken file names no special tokens
    with pytest.raises(BadToken, match=f"the ids end at {len(tokenizer.tokens) - 1}"):
        token_id(tokenizer, "end", "100257")
    for wrong in ("<|start|>", str(last + 1), "-1", "", "\ud800"):
        with pytest.raises(BadToken, match="name a token of the tokenizer, or its id"):
            token_id(special, "end", wrong)


@pytest.mark.parametrize("format", get_args(Format))
def test_the_same_bytes_on_any_number_of_workers_and_when_repeated(
    tokenizer: Tokenizer, tmp_path: Path, format: str
) -> None:
    write_corpus(tmp_path / "corpus", 100)
    encoding = Encoding(format=format, end=3)  # type: ignore[arg-type]
    runs: dict[str, Engine] = {"one": LocalEngine(1), "many": LocalEngine(4), "repeated": FaultyEngine(2, {})}
    for name, engine in runs.items():
        encoded(tokenizer, tmp_path / "corpus", tmp_path / name, encoding, engine)
    one, many, repeated = (files_of(tmp_path / name) for name in runs)
    assert one == many == repeated
    assert len(one) == 2 + 4 * len(writer_of(format).ENDINGS) + len(writer_of(format).INDICES)


def test_a_type_that_does_not_hold_all_ids_is_refused(tokenizer: Tokenizer) -> None:
    assert id_type_of(tokenizer, Encoding(id_type="uint32")) == "uint32"
    assert id_type_of(tokenizer, Encoding(id_type="uint16", begin=65_535)) == "uint16"
    for encoding in (Encoding(id_type="uint16", begin=65_536), Encoding(id_type="uint16", end=65_536)):
        with pytest.raises(BadSettings, match="reach 65,536, and uint16 ends at 65,535"):
            id_type_of(tokenizer, encoding)


@pytest.mark.parametrize(
    ("named", "line"),
    [
        ({"begin": "<none>"}, r"begin '<none>': no such token; name a token of the tokenizer, or its id"),
        ({"end": "400"}, r"end '400': the ids end at 399; name a token"),
        ({"separator": "9" * 5_000}, r"separator '99.*the ids end at 399"),
        ({"separator": "1", "end": "1"}, "separator: is another name of end; give one of them"),
        ({"column": "language"}, "column: 'language' cannot name the column of ids"),
    ],
)
def test_tokens_and_names_that_cannot_be_are_one_line(
    trained: Path, tmp_path: Path, named: dict[str, str], line: str
) -> None:
    (tmp_path / "x.txt").write_text("the dog")
    settings = Retokenize(corpus=[str(tmp_path / "x.txt")], tokenizer=str(trained), out=str(tmp_path / "o"), **named)  # type: ignore[arg-type]
    with Context() as context, pytest.raises((BadToken, BadSettings), match=line) as caught:
        retokenize(settings, context)
    assert "\n" not in str(caught.value) and not (tmp_path / "o").exists()


def test_no_text_is_an_error(tokenizer: Tokenizer, tmp_path: Path) -> None:
    (tmp_path / "e.txt").write_text("")
    with pytest.raises(EmptyCorpus):
        encoded(tokenizer, tmp_path / "e.txt", tmp_path / "o")
    assert not (tmp_path / "o/manifest.json").exists()


def test_the_source_says_where_text_and_language_are(tokenizer: Tokenizer, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"body": "the dog", "lang": "sv"}\n')
    fields = Source(path=str(tmp_path / "x.jsonl"), text_field="body", language_field="lang")
    assert list(encoded(tokenizer, [fields], tmp_path / "o").facts["languages"]) == ["sv"]
    label = Source(path=str(tmp_path / "x.jsonl"), text_field="body", language="da")
    assert list(encoded(tokenizer, [label], tmp_path / "o").facts["languages"]) == ["da"]


def test_special_tokens_in_text_become_ids_where_that_is_asked_for(tokenizer: Tokenizer, tmp_path: Path) -> None:
    special = Tokenizer(tokenizer.pretokenizer, ("<|end|>",), Merges.from_rows([]))
    (tmp_path / "x.txt").write_text("a<|end|>")
    for asked in (False, True):
        encoded(special, tmp_path / "x.txt", tmp_path / "o", Encoding(special_ids=asked))
        [ids] = pq.read_table(tmp_path / "o/x.txt-00000.parquet")["input_ids"].to_pylist()
        assert (ids[-1] == 0) is asked and len(ids) == (2 if asked else 8)
    manifest = read_manifest(tmp_path / "o")
    assert manifest is not None and manifest.settings["method"] == "kernels" and manifest.settings["special_ids"]


def test_random_tokens_depend_on_the_seed_and_not_on_the_workers(tokenizer: Tokenizer, tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus", 50)
    for name, seed, workers in (("a", 1, 1), ("b", 1, 3), ("c", 2, 1)):
        encoding = Encoding(inference="dropout:0.5", seed=seed)
        encoded(tokenizer, tmp_path / "corpus", tmp_path / name, encoding, LocalEngine(workers))
    a, b, c = (files_of(tmp_path / name) for name in "abc")
    assert a == b and a["en.txt-00000.parquet"] != c["en.txt-00000.parquet"]
