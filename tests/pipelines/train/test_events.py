"""`train --picky`: the same bytes on any number of workers, also when workers are lost; a directory that loads."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import babelmerge as bm
from jobs.loading import describe
from operators.encoding.decode import Decoder
from operators.tokenizer import NotReplayable, require_replayable
from operators.tokenizer_files.decoding import decoding_of
from operators.training.extension import NotExtendable, check_extendable
from pipelines.convert.settings import Convert, FileFormatName
from pipelines.convert.step import convert
from pipelines.engines.engine import Engine
from pipelines.engines.local_engine import LocalEngine
from pipelines.results import Trained
from pipelines.settings import BadSettings
from pipelines.tokenizers import load_tokenizer, read_tokenizer, tokenizer_fingerprint
from pipelines.train.settings import Train
from pipelines.train.step import train
from tests.pipelines.corpora import write_corpus
from tests.pipelines.faulty_engine import FaultyEngine
from tests.pipelines.steps import EngineContext


def made(folder: Path, engine: Engine, **settings: Any) -> Trained:
    if not (folder / "corpus").exists():
        write_corpus(folder / "corpus")
    out = folder / f"out-{len(list(folder.iterdir()))}"
    asked: dict[str, Any] = {"vocab_size": 400, "special_tokens": ["<s>"], "picky": 0.6}
    asked |= {"corpus": [str(folder / "corpus")], "out": str(out)}
    return train(Train(**asked | settings), EngineContext(engine))


def test_workers_and_losses_change_no_byte_and_the_directory_is_a_tokenizer(tmp_path: Path) -> None:
    engines: list[Engine] = [LocalEngine(1), FaultyEngine(2, {(0, 1): "before", (1, 2): "after", (3, 4): "before"})]
    runs = [made(tmp_path, engine) for engine in (*engines, LocalEngine(3))]
    names = ("events.parquet", "nearest_plain.json")
    assert all(len({(run.directory / name).read_bytes() for run in runs}) == 1 for name in names)
    run, facts = runs[0], runs[0].facts
    assert sorted(name for name in run.manifest.files) == list(names)
    events = pl.read_parquet(run.directory / "events.parquet")
    assert dict(events["kind"].value_counts().iter_rows()) == {"merge": facts["merges"], "removal": facts["removals"]}
    assert (events["parts_bytes"].list.eval(pl.element().cast(pl.Binary)).map_elements(b"".join, pl.Binary)
            == events["token_bytes"]).all()  # fmt: skip
    tokenizer, nearest = bm.Tokenizer.load(run.directory), bm.Tokenizer.load(run.directory / "nearest_plain.json")
    assert tokenizer.vocab_size == nearest.vocab_size == facts["vocabulary"]
    text = "the cat sat on été 中文字 naïve 🙂🙂 12345"
    assert tokenizer.decode(tokenizer.encode(text)) == text == nearest.decode(nearest.encode(text))
    tokenizer.save(tmp_path / "saved")
    again = bm.Tokenizer.load(tmp_path / "saved")
    assert tokenizer_fingerprint(again.data) == tokenizer_fingerprint(tokenizer.data)
    data, file = read_tokenizer(str(run.directory / "events.parquet"))
    assert Decoder(decoding_of(data, file)).decode_bytes(tokenizer.encode(text)) == text.encode()
    said = describe(run)
    assert f"has {facts['removals']} removals of tokens among its merges; nearest_plain.json" in said
    assert f"{facts['nearest_plain_differs']:.3%}" in said


def test_the_share_that_differs_is_that_of_the_text(tmp_path: Path) -> None:
    run = made(tmp_path, LocalEngine(2), vocab_size=300)
    words = pl.read_parquet(run.directory / "words/words-*.parquet")
    one, other = (bm.Tokenizer.load(path) for path in (run.directory, run.directory / "nearest_plain.json"))
    differing = total = 0
    for word, count in words.group_by("word").agg(pl.col("count").sum()).iter_rows():
        text = bytes(word).decode(errors="surrogateescape")
        try:
            text.encode()
        except UnicodeEncodeError:
            continue
        total += len(word) * count
        differing += len(word) * count * (one.encode(text).tolist() != other.encode(text).tolist())
    assert 0 < run.facts["nearest_plain_differs"] == pytest.approx(differing / total, abs=1e-3)


def test_a_threshold_of_one_gives_plain_merges_and_all_their_files(tmp_path: Path) -> None:
    run, plain = made(tmp_path, LocalEngine(1), picky=1.0), made(tmp_path, LocalEngine(1), picky=None)
    assert {"tokenizer.json", "merges.parquet", "events.parquet"} <= set(run.manifest.files)
    assert "without_tokenizer_json" not in run.facts
    columns = ["left", "right", "token", "count"]
    one, other = (pl.read_parquet(one.directory / "merges.parquet", columns=columns) for one in (run, plain))
    assert one.equals(other)


def test_what_needs_merges_that_stay_is_refused_in_one_line(tmp_path: Path) -> None:
    refused: dict[str, Any] = {"superwords": True, "sizes": [300], "require": "x", "parity": ["x"], "extend": "x"}
    for name, value in (refused | {"sources_field": "x", "model": "unigram"}).items():
        with pytest.raises(BadSettings, match=f"^{name}: cannot be joined with picky"):
            made(tmp_path, LocalEngine(1), **{name: value})
    tokenizer = load_tokenizer(str(made(tmp_path, LocalEngine(1)).directory))
    with pytest.raises(NotReplayable, match="a Picky BPE model, which has no merge list"):
        require_replayable(tokenizer, "x")
    with pytest.raises(NotExtendable, match="a Picky BPE model has no merge list"):
        check_extendable(tokenizer)
    targets: tuple[FileFormatName, ...] = ("hugging-face", "tiktoken", "sentencepiece", "tekken")
    for target in targets:
        asked = Convert(tokenizer=str(tmp_path / "out-1"), to=target, out=str(tmp_path / target))
        with pytest.raises(Exception, match=r"removals of tokens among its merges|its tokens are of bytes"):
            convert(asked, EngineContext(LocalEngine(1)))


def test_files_of_an_earlier_run_do_not_stay(tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    plain: dict[str, Any] = {"picky": None}
    for settings, name in ((plain, "merges.parquet"), ({}, "events.parquet"), (plain, "ranks.tiktoken")):
        run = made(tmp_path, LocalEngine(1), out=out, **settings)
        assert name in json.loads((run.directory / "manifest.json").read_text())["files"]
        assert ("events.parquet" in {path.name for path in run.directory.iterdir()}) == (not settings)
        assert ("nearest_plain.json" in {path.name for path in run.directory.iterdir()}) == (not settings)
