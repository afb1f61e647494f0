"""Runs one after another: what is new or changed is encoded, what is gone is removed, the rest is not touched."""

import os
import shutil
import time
from pathlib import Path

import polars as pl
import pytest

import pipelines.retokenize.incremental as run_module
from operators.tokenizer import Tokenizer
from pipelines import outputs
from pipelines.corpus.bad_records import BadRecord
from pipelines.corpus.sources import Source, find_files
from pipelines.engines.local_engine import LocalEngine
from pipelines.outputs import ForeignDirectory, Output, OutputBusy, read_manifest, read_run
from pipelines.retokenize.options import WORKBENCH, Encoding
from pipelines.retokenize.shard_names import shard_stems
from pipelines.retokenize.tasks import Split, SplitDone, Superseded, encode_split
from tests.pipelines.corpora import write_corpus
from tests.pipelines.retokenize.corpora import Notes, encoded, files_of


@pytest.fixture
def encoded_files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were encoded, as it happens."""
    seen: list[str] = []

    def watched(split: Split) -> SplitDone:
        seen.append(Path(split.path).name)
        return encode_split(split)

    monkeypatch.setattr(run_module, "encode_split", watched)
    return seen


def changes_of(out: Path) -> dict[str, int]:
    run = read_run(out)
    assert run is not None
    return run.inputs


def test_an_interrupted_run_counts_against_the_last_that_ended(tokenizer: Tokenizer, tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus", 20)
    encoded(tokenizer, tmp_path / "corpus", tmp_path / "o", Encoding(format="megatron"))
    (tmp_path / "corpus/de.txt").unlink()
    (tmp_path / "corpus/sv.txt").write_text("ny\n")
    (tmp_path / "corpus/xx.jsonl").write_text("{}\n")
    with pytest.raises(BadRecord):
        encoded(tokenizer, tmp_path / "corpus", tmp_path / "o", Encoding(format="megatron"))
    (tmp_path / "corpus/xx.jsonl").unlink()
    encoded(tokenizer, tmp_path / "corpus", tmp_path / "o", Encoding(format="megatron"))
    assert changes_of(tmp_path / "o") == {"added": 1, "redone": 0, "kept": 3, "removed": 1, "removed_shards": 2}


def test_only_what_changed_is_encoded_and_what_is_gone_is_removed(
    tokenizer: Tokenizer, tmp_path: Path, encoded_files: list[str]
) -> None:
    write_corpus(tmp_path / "corpus", 20)
    encoded(tokenizer, tmp_path / "corpus", tmp_path / "o")
    assert sorted(encoded_files) == ["de.txt", "en.txt", "ru.txt", "zh.txt"]
    encoded_files.clear()
    before = (tmp_path / "o/ru.txt-00000.parquet").stat().st_mtime_ns
    (tmp_path / "corpus/en.txt").write_text("another text\n")
    (tmp_path / "corpus/de.txt").unlink()
    (tmp_path / "corpus/sv.txt").write_text("ny\n")
    os.utime(tmp_path / "corpus/zh.txt", ns=(1, 1))  # touched, and equal
    notes = Notes()
    encoded(tokenizer, tmp_path / "corpus", tmp_path / "o", notes=notes)
    assert sorted(encoded_files) == ["en.txt", "sv.txt"]
    assert notes.notes == ["tokens: 2 of 4 files are unchanged and kept"]
    assert changes_of(tmp_path / "o") == {"added": 1, "redone": 1, "kept": 2, "removed": 1, "removed_shards": 1}
    assert (tmp_path / "o/ru.txt-00000.parquet").stat().st_mtime_ns == before
    encoded(tokenizer, tmp_path / "corpus", tmp_path / "anew")
    assert files_of(tmp_path / "o") == files_of(tmp_path / "anew")


def test_an_unchanged_corpus_is_kept_and_a_touched_one_noted(
    tokenizer: Tokenizer, tmp_path: Path, encoded_files: list[str]
) -> None:
    write_corpus(tmp_path / "corpus", 20)
    first = encoded(tokenizer, tmp_path / "corpus", tmp_path / "o")
    before = files_of(tmp_path / "o")
    encoded_files.clear()
    notes = Notes()
    assert encoded(tokenizer, tmp_path / "corpus", tmp_path / "o", notes=notes).facts == first.facts
    assert files_of(tmp_path / "o") == before
    assert notes.notes == [f"tokens: unchanged, kept ({tmp_path / 'o'})"]
    assert changes_of(tmp_path / "o") == {"added": 0, "redone": 0, "kept": 4, "removed": 0, "removed_shards": 0}
    os.utime(tmp_path / "corpus/zh.txt", ns=(1, 1))
    touched = encoded(tokenizer, tmp_path / "corpus", tmp_path / "o")
    assert encoded_files == [] and touched.fingerprint == first.fingerprint
    manifest = read_manifest(tmp_path / "o")
    assert manifest is not None
    assert [one["modified_ns"] for one in manifest.inputs if one["name"] == "zh.txt"] == [1]
    assert encoded(tokenizer, tmp_path / "corpus", tmp_path / "o", notes=notes).facts == first.facts
    assert len(notes.notes) == 2


def test_a_file_of_the_same_size_and_other_content_is_encoded(
    tokenizer: Tokenizer, tmp_path: Path, encoded_files: list[str]
) -> None:
    (tmp_path / "x.txt").write_text("one\n")
    encoded(tokenizer, tmp_path / "x.txt", tmp_path / "o")
    (tmp_path / "x.txt").write_text("two\n")
    os.utime(tmp_path / "x.txt", ns=(1, 1))
    encoded(tokenizer, tmp_path / "x.txt", tmp_path / "o")
    assert encoded_files == ["x.txt", "x.txt"]


def test_other_settings_another_tokenizer_or_a_lost_shard_make_it_anew(
    tokenizer: Tokenizer, tmp_path: Path, encoded_files: list[str]
) -> None:
    write_corpus(tmp_path / "corpus", 5)
    encoded(tokenizer, tmp_path / "corpus", tmp_path / "o")
    encoded_files.clear()
    (tmp_path / "o/en.txt-00000.parquet").unlink()
    encoded(tokenizer, tmp_path / "corpus", tmp_path / "o")
    assert encoded_files == ["en.txt"]
    encoded(tokenizer, tmp_path / "corpus", tmp_path / "o", Encoding(end=1))
    assert len(encoded_files) == 5
    shorter = Tokenizer(tokenizer.pretokenizer, (), tokenizer.merges[:50])
    encoded(shorter, tmp_path / "corpus", tmp_path / "o", Encoding(end=1))
    assert len(encoded_files) == 9
    encoded(shorter, tmp_path / "corpus", tmp_path / "o", Encoding(end=1, format="megatron"))
    names = {path.name for path in (tmp_path / "o").iterdir()}
    stems = [f"{language}.txt-00000" for language in ("de", "en", "ru", "zh")]
    pairs = {f"{stem}{ending}" for stem in stems for ending in (".bin", ".idx")}
    assert names == pairs | {"manifest.json", "run.json", ".babelmerge"}


def test_bad_records_of_kept_files_stay_listed(tokenizer: Tokenizer, tmp_path: Path, encoded_files: list[str]) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for name in ("a", "b", "c"):
        (corpus / f"{name}.jsonl").write_text('{"text": "fine"}\nnone\n' * 2)
    skip = Encoding(on_bad_record="skip")
    encoded(tokenizer, corpus, tmp_path / "o", skip)
    (corpus / "b.jsonl").write_text('{"text": "fine"}\n\n\n{"text": 1}\n')
    (corpus / "c.jsonl").unlink()
    found = encoded(tokenizer, corpus, tmp_path / "o", skip)
    assert encoded_files == ["a.jsonl", "b.jsonl", "c.jsonl", "b.jsonl"] and found.facts["bad_records"] == 3
    rows = pl.read_parquet(tmp_path / "o/bad_records.parquet")
    assert [(Path(path).name, record) for path, record, _ in rows.iter_rows()] == [
        ("a.jsonl", 2),
        ("a.jsonl", 4),
        ("b.jsonl", 4),
    ]
    encoded(tokenizer, corpus, tmp_path / "anew", skip)
    assert files_of(tmp_path / "o") == files_of(tmp_path / "anew")
    (tmp_path / "o/bad_records.parquet").unlink()
    encoded(tokenizer, corpus, tmp_path / "o", skip)
    assert files_of(tmp_path / "o") == files_of(tmp_path / "anew")


def test_another_run_on_the_same_output_is_refused_and_foreign_files_stay(
    tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs, "PATIENCE_S", 0.2)
    write_corpus(tmp_path / "corpus", 3)
    with Output(tmp_path / "o", "tokens"), pytest.raises(OutputBusy, match="another run is writing here"):
        encoded(tokenizer, tmp_path / "corpus", tmp_path / "o")
    encoded(tokenizer, tmp_path / "corpus", tmp_path / "o")
    for name in ("mine-00000.parquet", "en.txt-1.parquet", "en.txt.parquet", "notes"):
        (tmp_path / "o" / name).write_text("mine")
    (tmp_path / "corpus/en.txt").unlink()
    encoded(tokenizer, tmp_path / "corpus", tmp_path / "o")
    for name in ("mine-00000.parquet", "en.txt-1.parquet", "en.txt.parquet", "notes"):
        assert (tmp_path / "o" / name).read_text() == "mine"
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/x").touch()
    with pytest.raises(ForeignDirectory):
        encoded(tokenizer, tmp_path / "corpus", tmp_path / "theirs")


def test_what_a_version_before_this_one_left_is_replaced(tokenizer: Tokenizer, tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus", 3)
    old, manifest = tmp_path / "o/en.txt.parquet", tmp_path / "o/manifest.json"
    encoded(tokenizer, tmp_path / "corpus", tmp_path / "o")
    shutil.copytree(tmp_path / "o", tmp_path / "anew")
    old.write_text("old")
    manifest.write_text(
        '{"stage": "tokens", "fingerprint": "f", "settings": {}, "inputs": [{"path": "p", "size": 1, "source": {}}], '
        '"files": {"en.txt.parquet": 3}, "facts": {}}'
    )
    encoded(tokenizer, tmp_path / "corpus", tmp_path / "o")
    assert files_of(tmp_path / "o") == files_of(tmp_path / "anew")
    old.write_text("old")
    manifest.unlink()
    (tmp_path / "o/.planned").write_text('["en.txt.parquet"]')
    encoded(tokenizer, tmp_path / "corpus", tmp_path / "o")
    assert files_of(tmp_path / "o") == files_of(tmp_path / "anew")


def test_files_of_one_name_get_shards_of_their_own_and_others_keep_theirs(tmp_path: Path) -> None:
    for name in ("a/x.txt", "b/x.txt", "b/y.txt", "c/a--x.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("t\n")
    files = find_files([Source(path=str(tmp_path))])
    assert shard_stems(files[:1] + files[2:3]) == ["x.txt", "y.txt"]
    assert shard_stems(files[:3]) == ["a--x.txt", "b--x.txt", "y.txt"]
    assert len(set(shard_stems(files))) == 4
    for name in ("h:i/f.txt", "h-i/f.txt", "l/" + "x" * 240 + ".txt", "l/" + "x" * 241 + ".txt"):
        (tmp_path / "s" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "s" / name).write_text("t\n")
    alike = shard_stems(find_files([Source(path=str(tmp_path / "s"))]))
    assert len(set(alike)) == 4 and max(map(len, alike)) <= 180


def test_a_worker_of_a_run_that_is_over_gives_no_file_its_name(
    tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver is gone and another run began, while the worker was at work."""
    write_corpus(tmp_path / "corpus", 3)

    def outlived(split: Split) -> SplitDone:
        WORKBENCH.take(split.job)
        split.job.unlink(missing_ok=True)  # as the next run does first
        return encode_split(split)

    monkeypatch.setattr(run_module, "encode_split", outlived)
    with pytest.raises(Superseded, match="another writes here"):
        encoded(tokenizer, tmp_path / "corpus", tmp_path / "o", engine=LocalEngine(1))
    for _ in range(200):  # the task behind the one that failed may have begun, and ends by itself
        names = sorted(path.name for path in (tmp_path / "o").iterdir())
        if names == [".babelmerge", ".work"]:
            break
        time.sleep(0.05)
    assert names == [".babelmerge", ".work"]


def test_a_link_in_place_of_the_work_folder_is_not_followed(tokenizer: Tokenizer, tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus", 3)
    encoded(tokenizer, tmp_path / "corpus", tmp_path / "o")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/job-data").write_text("mine")
    (tmp_path / "o/.work").symlink_to(tmp_path / "theirs")
    (tmp_path / "corpus/en.txt").write_text("another text\n")
    encoded(tokenizer, tmp_path / "corpus", tmp_path / "o")
    assert [path.name for path in (tmp_path / "theirs").iterdir()] == ["job-data"]
    encoded(tokenizer, tmp_path / "corpus", tmp_path / "anew")
    assert files_of(tmp_path / "o") == files_of(tmp_path / "anew")
