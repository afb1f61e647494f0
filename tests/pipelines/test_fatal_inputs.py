"""A file that kills its worker each time: named, or left out whole and listed; the rest is as if it were not there."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.corpus.bad_records import BadRecord, OnBadRecord
from pipelines.corpus.sources import Source, find_files
from pipelines.engines.engine import Engine
from pipelines.engines.local_engine import LocalEngine
from pipelines.engines.ray_engine import RayEngine
from pipelines.engines.run_stats import RunStats, TooManyFailures
from pipelines.outputs import Manifest, Output, read_run
from pipelines.progress import Silent
from pipelines.retokenize.options import Encoding
from pipelines.tokenizers import load_tokenizer
from tests.pipelines.corpora import write_corpus
from tests.pipelines.faulty_engine import FaultyEngine
from tests.pipelines.premiums.corpora import four_languages
from tests.pipelines.retokenize.corpora import encoded, files_of, train_tokenizer
from tests.pipelines.steps import compare_languages, count_words

VERDICT = "4 workers in a row were lost at it, the last one: "
NOTHING = "; nothing of it "


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`corpus` of four files and xx.txt, `without` it; a tokenizer `tok`."""
    folder = tmp_path_factory.mktemp("poisoned")
    write_corpus(folder / "without", 60)
    shutil.copytree(folder / "without", folder / "corpus")
    (folder / "corpus/xx.txt").write_text("poison\n" * 500)
    (folder / "corpus/bad.jsonl").write_text('{"text": "fine"}\nnone\n')
    shutil.copy(folder / "corpus/bad.jsonl", folder / "without/bad.jsonl")
    train_tokenizer(folder)
    return folder


def counted(corpus: Path, out: Path, engine: Engine, how: OnBadRecord = "skip") -> Manifest:
    return count_words(find_files([Source(path=str(corpus))]), "gpt4", out, engine, Silent(), on_bad_record=how)


def listed(out: Path) -> list[tuple[str, int]]:
    rows = pl.read_parquet(out / "bad_records.parquet").select("path", "record").rows()
    return [(Path(path).name, record) for path, record in rows]


def reason(out: Path) -> str:
    return str(pl.read_parquet(out / "bad_records.parquet").filter(pl.col("record") == 0).item(0, "reason"))


def of(path: str, at: int | None = None) -> Callable[[Any], bool]:
    """True if an item holds the file, and its byte `at`."""

    def is_deadly(item: Any) -> bool:
        files = [one for one in getattr(item, "spans", None) or [item] if hasattr(one, "file")]
        spans = [getattr(one, "span", None) for one in files if Path(one.file.path).name == path]
        return any(at is None or span is None or span.start <= at < span.stop for span in spans)

    return is_deadly


@pytest.mark.parametrize(("cut", "at"), [(1 << 20, None), (1000, 0), (1000, 1500), (300, 3499)])
def test_counting_leaves_the_file_out_whole_wherever_it_is_deadly(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int, at: int | None
) -> None:
    """Cut small, its other parts were counted with other files before it was known."""
    monkeypatch.setattr("pipelines.words.spans.SMALLEST_SPAN_BYTES", cut)
    made = counted(folder / "corpus", tmp_path / "o", FaultyEngine(3, {}, of("xx.txt", at)))
    plain = counted(folder / "without", tmp_path / "plain", LocalEngine(1))
    for name in plain.files:
        if name.startswith("words-"):
            assert (tmp_path / "o" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()
    assert made.facts == plain.facts | {
        "bad_records": plain.facts["bad_records"] + 1,
        "records": plain.facts["records"] + 1,
    }
    assert listed(tmp_path / "o") == [("bad.jsonl", 2), ("xx.txt", 0)]
    assert reason(tmp_path / "o") == VERDICT + "as the script says" + NOTHING + "counts"


def test_unless_told_otherwise_it_ends_the_run_and_is_named(folder: Path, tmp_path: Path) -> None:
    engine = FaultyEngine(2, {}, of("xx.txt"))
    with pytest.raises(BadRecord, match=r"/xx\.txt: 4 workers in a row were lost .*; correct it, or leave it out with"):
        counted(folder / "corpus/*.txt", tmp_path / "words", engine, "fail")
    tokenizer = load_tokenizer(str(folder / "tok"))
    with pytest.raises(BadRecord, match=r"/xx\.txt: 4 workers in a row were lost"):
        encoded(tokenizer, folder / "corpus/*.txt", tmp_path / "tokens", None, engine)


def test_retokenizing_leaves_the_file_out_and_tries_it_again_when_it_was_touched(folder: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(str(folder / "tok"))
    corpus = shutil.copytree(folder / "corpus", tmp_path / "corpus")
    how = Encoding(on_bad_record="skip")
    made = encoded(tokenizer, corpus, tmp_path / "o", how, FaultyEngine(2, {}, of("xx.txt")))
    plain = encoded(tokenizer, folder / "without", tmp_path / "plain", how)
    assert made.facts == plain.facts | {
        "bad_records": plain.facts["bad_records"] + 1,
        "records": plain.facts["records"] + 1,
    }
    shards = [name for name in plain.files if name != "bad_records.parquet"]
    assert sorted(made.files) == sorted(plain.files)
    assert all((tmp_path / "o" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes() for name in shards)
    assert listed(tmp_path / "o") == [("bad.jsonl", 2), ("xx.txt", 0)]
    before = files_of(tmp_path / "o")
    encoded(tokenizer, corpus, tmp_path / "o", how, FaultyEngine(2, {}, lambda item: True))  # unchanged: nothing is run
    assert files_of(tmp_path / "o") == before
    (corpus / "xx.txt").touch()
    made = encoded(tokenizer, corpus, tmp_path / "o", how)
    assert made.facts == encoded(tokenizer, corpus, tmp_path / "whole", how).facts
    assert files_of(tmp_path / "o") == files_of(tmp_path / "whole") and listed(tmp_path / "o") == [("bad.jsonl", 2)]


def test_premiums_leave_the_file_out(folder: Path, tmp_path: Path) -> None:
    four_languages(tmp_path / "parallel")
    tokenizer = load_tokenizer(str(folder / "tok"))

    def compared(out: Path, engine: Engine, how: OnBadRecord = "skip") -> Manifest:
        files = find_files([Source(path=str(tmp_path / "parallel"))])
        with Output(out, "premiums") as output:
            named = [("tok", tokenizer)]
            return compare_languages(files, named, output, engine, Silent(), resamples=100, on_bad_record=how)

    made = compared(tmp_path / "o", FaultyEngine(2, {}, of("zh.parquet")))
    with pytest.raises(BadRecord, match=r"zh\.parquet: 4 workers in a row were lost"):
        compared(tmp_path / "failed", FaultyEngine(2, {}, of("zh.parquet")), "fail")
    assert listed(tmp_path / "o") == [("zh.parquet", 0)]
    (tmp_path / "parallel/zh.parquet").unlink()
    plain = compared(tmp_path / "plain", LocalEngine(2))
    assert made.facts == plain.facts | {"bad_records": 1, "records": plain.facts["records"] + 1}
    assert (tmp_path / "o/premiums.parquet").read_bytes() == (tmp_path / "plain/premiums.parquet").read_bytes()


@pytest.mark.kills
@pytest.mark.ray
def test_on_ray_the_file_that_kills_its_workers_is_found(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process of the task with other files ends by SIGKILL, and so does that of the file alone."""
    from pipelines.words import counting

    genuine = counting.count_spans

    def deadly(task):  # type: ignore[no-untyped-def]
        if any(span.file.path.endswith("xx.txt") and not getattr(span.span, "start", 0) for span in task.spans):
            os.kill(os.getpid(), signal.SIGKILL)
        return genuine(task)

    monkeypatch.setattr(counting, "count_spans", deadly)
    monkeypatch.setattr("pipelines.words.spans.SMALLEST_SPAN_BYTES", 100)
    stats = RunStats(max_failures=8)
    engine = RayEngine(2, stats=stats)
    try:
        counted(folder / "corpus", tmp_path / "o", engine)
        run = read_run(tmp_path / "o")
        assert run is not None and (run.failures, run.retries, stats.failures) == (8, 6, 8)
        assert listed(tmp_path / "o") == [("bad.jsonl", 2), ("xx.txt", 0)]
        assert reason(tmp_path / "o") == VERDICT + "its process ended without a word" + NOTHING + "counts"
        with pytest.raises(TooManyFailures, match=r"more than 8 workers were lost \(--max-failures\), the last one at"):
            counted(folder / "corpus", tmp_path / "other", engine)
        assert not (tmp_path / "other/manifest.json").exists()
    finally:
        engine.close()
