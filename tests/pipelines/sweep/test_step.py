"""Sweeps through their pipeline, against training and encoding with each vocabulary size."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from tokenizers import Tokenizer as HuggingFace

from operators.encoding.encode import Encoder
from operators.tokenizer import Tokenizer
from pipelines.corpus.sources import Source, find_files
from pipelines.engines.local_engine import LocalEngine
from pipelines.outputs import Output
from pipelines.progress import Silent
from pipelines.settings import BadSettings
from pipelines.sweep import step
from pipelines.sweep.settings import Sweep
from pipelines.sweep.step import NothingToLearn, tokenizer_directory
from pipelines.tokenizers import load_tokenizer, save_tokenizer
from pipelines.train.settings import Train
from pipelines.train.step import train
from tests.operators.curves.test_tokens_by_size import trained
from tests.pipelines.parallel_sentences import SENTENCES, corpus, documents
from tests.pipelines.steps import EngineContext, sweep

HINDI = ["बिल्ली चटाई पर है", "एक कुत्ता और एक बिल्ली हैं", "शोध का विषय", "और कुछ नहीं है"]


def test_a_sweep_trains_what_training_on_one_language_gives(tmp_path: Path) -> None:
    files = corpus(tmp_path / "corpus")
    how = {"baseline": "en", "vocab_size": 300, "smallest_size": 260, "resamples": 100}
    with Output(tmp_path / "out", "sweep") as output:
        made = sweep(files, output, LocalEngine(2), Silent(), **how).manifest
    table = {row["language"]: row for row in pl.read_parquet(tmp_path / "out/sweep.parquet").iter_rows(named=True)}
    for language, texts in SENTENCES.items():
        alone = trained(texts, 300)
        loaded = load_tokenizer(str(tokenizer_directory(tmp_path / "out", language)))
        assert loaded.merges.left.tolist() == alone.merges.left.tolist()
        assert table[language]["tokens"] == Encoder(alone).count(documents(language)).sum()
        cut = Tokenizer("gpt4", (), alone.merges[: table[language]["chosen_vocabulary"] - 256])
        assert table[language]["chosen_tokens"] == Encoder(cut).count(documents(language)).sum()
    tokens = np.array([row["tokens"] for row in table.values()], float)
    assert made.facts["variance_before"] == pytest.approx(tokens.var())
    assert made.facts["variance_after"] <= made.facts["variance_before"]
    models = pl.read_parquet(tmp_path / "out/model.parquet")
    assert models["r2"].null_count() == len(models) and models["reason"].null_count() == 0  # three languages


def test_a_language_without_other_text_is_one_line(tmp_path: Path) -> None:
    files = corpus(tmp_path / "corpus", en=[("8", "more to learn from")])
    with Output(tmp_path / "out", "sweep") as output, pytest.raises(NothingToLearn, match="has no documents that are"):
        sweep(
            files,
            output,
            LocalEngine(1),
            Silent(),
            baseline="en",
            vocab_size=300,
            smallest_size=260,
            train_on="others",
            resamples=100,
        )


def test_superwords_are_those_of_training_with_as_many_tokens(tmp_path: Path) -> None:
    corpus(tmp_path / "corpus")
    hindi = pl.DataFrame({"id": [str(i) for i in range(len(HINDI))], "text": HINDI})
    hindi.write_parquet(tmp_path / "corpus/hi.parquet")
    files = find_files([Source(path=str(tmp_path / "corpus"))])
    how: dict[str, Any] = {"baseline": "en", "vocab_size": 330, "smallest_size": 260, "resamples": 100}
    how["languages"] = ["en", "hi"]
    with Output(tmp_path / "out", "sweep") as output:
        made = sweep(files, output, LocalEngine(2), Silent(), superwords=True, **how).manifest
    table = pl.read_parquet(tmp_path / "out/superwords.parquet")
    for row in table.iter_rows(named=True):
        words = tokenizer_directory(tmp_path / "out", row["language"])
        asked = Train(
            corpus=[str(tmp_path / f"corpus/{row['language']}.parquet")], out=str(tmp_path / row["language"]),
            vocab_size=row["vocabulary"], superwords=True, partitions=1,
        )  # fmt: skip
        alone = train(asked, EngineContext(LocalEngine(1))).manifest
        for name in ("merges.parquet", "tokenizer.json"):
            assert (words / f"superwords/{name}").read_bytes() == (tmp_path / row["language"] / name).read_bytes()
        texts = documents(row["language"]) if row["language"] != "hi" else pa.array(HINDI, pa.large_string())
        for column, folder in (("tokens_words", words), ("tokens_superwords", words / "superwords")):
            stock = HuggingFace.from_file(str(folder / "tokenizer.json"))
            assert row[column] == sum(len(stock.encode(text).ids) for text in texts.to_pylist())
        assert row["vocabulary"] == len(load_tokenizer(str(words)).tokens)
        assert row["saved"] == pytest.approx(1 - row["tokens_superwords"] / row["tokens_words"])
        assert row["words_cut"] == alone.facts["superwords"]["words_cut"].get(row["language"], 0)
    assert table.filter(pl.col("words_cut") > 0)["language"].to_list() == ["hi"]  # two marks in a row
    for name in ("words", "superwords"):
        tokens = table[f"tokens_{name}"].to_numpy()
        assert made.facts["superwords"][f"mean_{name}"] == pytest.approx(tokens.mean())
        assert made.facts["superwords"][f"variance_{name}"] == pytest.approx(tokens.var())


@pytest.mark.parametrize("settings", [{"transition": 0.5}, {"superword_pretokenizer": "words"}])
def test_settings_of_superwords_need_superwords(settings: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="is of superwords; add --superwords"):
        step.sweep(
            Sweep(parallel=[str(tmp_path)], out=str(tmp_path / "out"), **settings), EngineContext(LocalEngine(1))
        )


@pytest.mark.parametrize("language", ["..", "a/b", "en US", "x\x00y", "ক", "x" * 300, "ক" * 30])
def test_any_language_has_a_folder_of_its_own(language: str, tmp_path: Path) -> None:
    folder = tokenizer_directory(tmp_path, language)
    assert folder.parent == tmp_path / "tokenizers" and folder != tokenizer_directory(tmp_path, f"{language}x")
    folder.mkdir(parents=True)
    save_tokenizer(trained(["aa bb"], 258), folder)
