"""Inferring from files, compared with plain programs."""

from pathlib import Path

import polars as pl
import pytest

from pipelines.corpus.sources import Source, find_files
from pipelines.counting import count_words
from pipelines.inferring import UnknownCategory, infer_categories
from pipelines.local_engine import LocalEngine
from pipelines.outputs import Output, read_manifest
from pipelines.progress import Silent
from pipelines.tokenizers import load_tokenizer
from pipelines.training import train
from tests.pipelines.corpora import write_corpus

ENGINE = LocalEngine(2)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with corpus/<language>.txt and a tokenizer trained on it with shares, under tok/."""
    folder = tmp_path_factory.mktemp("made")
    write_corpus(folder / "corpus", 200)
    with Output(folder / "tok", "tokenizer") as output:
        files = find_files([Source(path=str(folder / "corpus"))])
        words = count_words(files, "gpt4", folder / "tok/words", ENGINE, Silent())
        shares = {"en": 0.5, "de": 0.25, "ru": 0.15, "zh": 0.1}
        train(words, folder / "tok/words", output, ENGINE, Silent(), vocabulary_size=400, shares=shares)
    return folder


def infer(made: Path, out: Path, sources: list[Source], **settings: object) -> pl.DataFrame:
    files = find_files(sources)
    with Output(out, "mixture") as output:
        words = count_words(files, "gpt4", out / "words", ENGINE, Silent())
        tokenizer = load_tokenizer(str(made / "tok"))
        infer_categories(
            words,
            out / "words",
            tokenizer,
            output,
            ENGINE,
            Silent(),
            **{"merges": None, **settings},  # type: ignore[arg-type]
        )
    return pl.read_parquet(out / "mixture.parquet")


def test_the_training_text_itself_explains_the_list_without_slack(made: Path, tmp_path: Path) -> None:
    """So few words leave the shares a little room; where there is none, test_mixture.py holds them to 1e-9."""
    found = infer(made, tmp_path / "o", [Source(path=str(made / "corpus"))])
    manifest = read_manifest(tmp_path / "o")
    assert manifest is not None and manifest.facts["objective"] == pytest.approx(0, abs=1e-9)
    shares = dict(found.select("category", "share").iter_rows())
    assert shares == pytest.approx({"en": 0.5, "de": 0.25, "ru": 0.15, "zh": 0.1}, abs=0.03)
    assert found["share"].sum() == pytest.approx(1) and found["share_pairs"].sum() == pytest.approx(1)
    assert found["low"].is_null().all()


def test_categories_may_be_named_by_their_source_and_chosen(made: Path, tmp_path: Path) -> None:
    sources = [
        Source(path=str(made / "corpus/en.txt"), category="latin"),
        Source(path=str(made / "corpus/de.txt"), category="latin"),
        Source(path=str(made / "corpus/ru.txt"), category="cyrillic"),
        Source(path=str(made / "corpus/zh.txt")),
    ]
    found = infer(made, tmp_path / "o", sources, only=["latin", "cyrillic"])
    assert sorted(found["category"]) == ["cyrillic", "latin"]
    with pytest.raises(UnknownCategory, match="'greek' has no text; there is cyrillic, latin, zh"):
        infer(made, tmp_path / "o", sources, only=["latin", "greek"])
