"""Sweeps through their pipeline, against training and encoding with each vocabulary size."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from operators.encoding.encode import Encoder
from operators.tokenizer import Tokenizer
from pipelines.engines.local_engine import LocalEngine
from pipelines.outputs import Output
from pipelines.progress import Silent
from pipelines.sweep.step import NothingToLearn, tokenizer_directory
from pipelines.tokenizers import load_tokenizer, save_tokenizer
from tests.operators.curves.test_tokens_by_size import trained
from tests.pipelines.parallel_sentences import SENTENCES, corpus, documents
from tests.pipelines.steps import sweep


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


@pytest.mark.parametrize("language", ["..", "a/b", "en US", "x\x00y", "ক"])
def test_any_language_has_a_folder_of_its_own(language: str, tmp_path: Path) -> None:
    folder = tokenizer_directory(tmp_path, language)
    assert folder.parent == tmp_path / "tokenizers"
    folder.mkdir(parents=True)
    save_tokenizer(trained(["aa bb"], 258), folder)
