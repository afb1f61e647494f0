"""Inferring from files, compared with plain programs."""

import random
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

import babelmerge as bm
from jobs.commands import run_settings
from operators.mixture.program import CannotInfer
from pipelines.corpus.sources import Source, find_files
from pipelines.engines.local_engine import LocalEngine
from pipelines.mixture.settings import Mixture
from pipelines.mixture.step import UnknownCategory
from pipelines.outputs import Output, read_manifest
from pipelines.progress import Silent
from pipelines.settings import Corpus, Execution
from pipelines.tokenizers import load_tokenizer
from pipelines.words.blocks import BLOCKS, block_labels, category_of
from tests.conftest import ROOT
from tests.pipelines.corpora import write_corpus
from tests.pipelines.retokenize.corpora import Notes
from tests.pipelines.steps import count_words, infer_categories, train

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


def infer(made: Path, out: Path, sources: list[Source], engine: LocalEngine = ENGINE, **how: Any) -> pl.DataFrame:
    files = find_files(sources)
    with Output(out, "mixture") as output:
        words = count_words(files, "gpt4", out / "words", engine, Silent(), blocks=BLOCKS)
        tokenizer = load_tokenizer(str(made / "tok"))
        infer_categories(words, out / "words", tokenizer, output, engine, Silent(), **how)
    return pl.read_parquet(out / "mixture.parquet")


@pytest.mark.slow
def test_the_training_text_itself_explains_the_list_without_slack(made: Path, tmp_path: Path) -> None:
    """So few words leave the shares a little room; where there is none, test_mixture.py holds them to 1e-9."""
    found = infer(made, tmp_path / "o", [Source(path=str(made / "corpus"))], method="lp", merges=10_000)
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
    found = infer(made, tmp_path / "o", sources, method="lp", only=("latin", "cyrillic"))
    assert sorted(found["category"]) == ["cyrillic", "latin"]
    with pytest.raises(UnknownCategory, match="'greek' has no text; leave it out"):
        infer(made, tmp_path / "o", sources, only=("latin", "greek"))


def test_too_few_merges_for_ranks_are_refused(made: Path, tmp_path: Path) -> None:
    with pytest.raises(CannotInfer, match="144 of 144 merges occur in the categories, at least 300"):
        infer(made, tmp_path / "o", [Source(path=str(made / "corpus"))])


@pytest.fixture(scope="module")
def prose(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer trained on this repository's pages and on its sources, 3 bytes to 1, and both as categories."""
    folder = tmp_path_factory.mktemp("prose")
    (folder / "corpus").mkdir()
    for name, pattern in (("pages", "**/*.md"), ("sources", "operators/**/*.py")):
        texts = [path.read_text("utf-8") for path in sorted(ROOT.glob(pattern)) if ".venv" not in path.parts]
        paragraphs = [one for text in texts for one in text.split("\n\n") if one.strip()]
        pl.DataFrame({"text": paragraphs}).write_parquet(folder / f"corpus/{name}.parquet")
    with Output(folder / "tok", "tokenizer") as output:
        files = find_files([Source(path=str(folder / "corpus"))])
        words = count_words(files, "gpt4", folder / "tok/words", ENGINE, Silent())
        shares = {"pages": 0.75, "sources": 0.25}
        train(words, folder / "tok/words", output, ENGINE, Silent(), vocabulary_size=2000, shares=shares)
    return folder


def test_ranks_alone_tell_the_shares_of_the_training_text(prose: Path, tmp_path: Path) -> None:
    found = infer(prose, tmp_path / "o", [Source(path=str(prose / "corpus"))])
    shares = dict(found.select("category", "share").iter_rows())
    assert shares == pytest.approx({"pages": 0.75, "sources": 0.25}, abs=0.01)
    assert (found["low"] <= found["share"]).all() and (found["share"] <= found["high"]).all()
    assert found["share"].sum() == pytest.approx(1)
    manifest = read_manifest(tmp_path / "o")
    assert manifest is not None and manifest.facts["warning"] == ""
    for workers in (1, 3):
        infer(prose, tmp_path / f"o{workers}", [Source(path=str(prose / "corpus"))], LocalEngine(workers))
        for name in ("mixture.parquet", "merges.parquet", "sensitivity.parquet"):
            assert (tmp_path / f"o{workers}" / name).read_bytes() == (tmp_path / "o" / name).read_bytes()


@pytest.mark.slow
def test_words_and_evidence_are_kept_between_methods(prose: Path, tmp_path: Path) -> None:
    sources = [Source(path=str(prose / "corpus"))]
    infer(prose, tmp_path / "o", sources)
    evidence = (tmp_path / "o/evidence/evidence.npz").stat().st_mtime_ns
    infer(prose, tmp_path / "o", sources, method="lp")
    infer(prose, tmp_path / "o", sources, unknown=True)
    assert (tmp_path / "o/evidence/evidence.npz").stat().st_mtime_ns == evidence


def test_blocks_are_runs_of_documents_and_do_not_depend_on_batches() -> None:
    texts = ["x" * 5_000] * 50
    whole = pa.record_batch([[""] * 50, ["de"] * 50, pa.array(texts, pa.large_string())], ["id", "language", "text"])
    labels = block_labels(whole, 0, 20, 16_000).to_pylist()
    assert {category_of(label) for label in labels} == {"de"}
    assert labels[:5] == ["de\x1f00"] * 4 + ["de\x1f01"]
    assert labels == [*block_labels(whole.slice(0, 17), 0, 20, 16_000).to_pylist(),
                      *block_labels(whole.slice(17), 17 * 5_000, 20, 16_000).to_pylist()]  # fmt: skip


def test_a_warning_is_told_once_and_part_of_a_character_is_shown_as_its_bytes(tmp_path: Path) -> None:
    draw = random.Random(5)
    alphabets = {"en": "abcdefghijkl", "sw": "mnopqrstuvwx", "hi": "कखगघचछजझटठडढ"}
    words = {one: ["".join(draw.choices(letters, k=6)) for _ in range(400)] for one, letters in alphabets.items()}
    texts = {one: [" ".join(draw.choices(some, k=9)) for _ in range(200)] for one, some in words.items()}
    bm.train(texts, vocab_size=1000).save(tmp_path / "tok")
    for one in ("en", "sw"):
        (tmp_path / f"{one}.txt").write_text("\n".join(texts[one]) + "\n")
    notes = Notes()
    corpora: Corpus = [str(tmp_path / f"{one}.txt") for one in ("en", "sw")]
    settings = Mixture(categories=corpora, tokenizer=str(tmp_path / "tok"), out=str(tmp_path / "o"))
    summary = run_settings(settings, Execution(engine="local"), notes).summary
    told = "\n".join([summary, *notes.notes])
    assert told.count("mixture: the categories do not explain the list") == 1
    assert r"b'\xe0" in told and "\ufffd" not in told
