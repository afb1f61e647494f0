"""Output directories: whose they are, and what counts as done."""

import os
import threading
from pathlib import Path

import polars as pl
import pytest

from pipelines import outputs
from pipelines.corpus.sources import Source, find_files
from pipelines.outputs import (
    MANIFEST,
    ForeignDirectory,
    Output,
    OutputBusy,
    Run,
    WriteFailed,
    describe_inputs,
    fingerprint,
    replacing,
)

RUN = Run(engine="local", workers=1, seconds=0.0)


def finish(directory: Path, name: str, *files: str) -> None:
    with Output(directory, "stage") as output:
        output.begin([*files])
        for file in files:
            (directory / file).write_text(file)
        output.finish(name, {}, [], [*files], {}, RUN)


def test_a_finished_stage_is_current_until_a_file_changes_or_goes(tmp_path: Path) -> None:
    finish(tmp_path / "o", "first", "a", "b")
    output = Output(tmp_path / "o", "stage")
    assert output.if_current("first") is not None
    assert Output(tmp_path / "o", "stage").if_current("second") is None
    (tmp_path / "o/a").write_text("longer than before")
    assert output.if_current("first") is None
    (tmp_path / "o/a").unlink()
    assert output.if_current("first") is None


def test_what_a_cut_off_run_left_is_neither_current_nor_kept(tmp_path: Path) -> None:
    finish(tmp_path / "o", "first", "a", "b")
    with Output(tmp_path / "o", "stage") as output:
        output.begin(["b", "c"])
        (tmp_path / "o/c").write_text("half")
    assert Output(tmp_path / "o", "stage").if_current("first") is None
    assert not (tmp_path / "o/a").exists()
    finish(tmp_path / "o", "third", "d")
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == [".babelmerge", "d", MANIFEST, "run.json"]


def test_a_directory_of_someone_else_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("x")
    for directory, example in ((tmp_path, "theirs"), (tmp_path / "theirs", "theirs")):
        with pytest.raises(ForeignDirectory, match=example):
            Output(directory, "stage")
    finish(tmp_path / "o", "first", "a")
    with pytest.raises(ForeignDirectory):
        Output(tmp_path / "o", "another stage")
    assert (tmp_path / "o/a").exists()


def test_two_runs_on_one_directory_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "PATIENCE_S", 0.2)
    with (
        Output(tmp_path / "o", "stage"),
        pytest.raises(OutputBusy, match="another run"),
        Output(tmp_path / "o", "stage"),
    ):
        pass
    with Output(tmp_path / "o", "stage"):
        pass


def test_a_run_waits_for_one_that_is_about_to_end(tmp_path: Path) -> None:
    first = Output(tmp_path / "o", "stage")
    first.__enter__()
    ending = threading.Timer(0.5, first.__exit__, (None, None, None))
    ending.start()
    with Output(tmp_path / "o", "stage"):
        assert ending.finished.is_set()


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as part:
        part.write_text("new")
        raise RuntimeError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    with replacing(path) as part:
        part.write_text("new")
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(WriteFailed, match=r"nowhere.*cannot write"), replacing(tmp_path / "nowhere/a") as part:
        part.write_text("x")


def test_a_cut_off_begin_leaves_no_file_unnamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finish(tmp_path / "o", "first", "a", "b")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt), Output(tmp_path / "o", "stage") as output:
        unlink = Path.unlink

        def cut_off(path: Path, missing_ok: bool = False) -> None:
            unlink(path, missing_ok)
            if path.name == MANIFEST:
                raise KeyboardInterrupt

        patch.setattr(Path, "unlink", cut_off)
        output.begin(["c"])
    finish(tmp_path / "o", "second", "d")
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == [".babelmerge", "d", MANIFEST, "run.json"]


def test_parts_and_markers_of_others_stay(tmp_path: Path) -> None:
    finish(tmp_path / "o", "first", "a")
    (tmp_path / "o/movie.part").write_text("mine")
    finish(tmp_path / "o", "second", "a")
    assert (tmp_path / "o/movie.part").read_text() == "mine"
    for content in (b"", b"\xff"):
        (tmp_path / "p").mkdir(exist_ok=True)
        (tmp_path / "p/.babelmerge").write_bytes(content)
        (tmp_path / "p/tokenizer.json").write_text("mine")
        with pytest.raises(ForeignDirectory, match=r"tokenizer\.json"):
            Output(tmp_path / "p", "stage")


def test_fingerprints_follow_settings_inputs_and_the_stage_that_made_them(tmp_path: Path) -> None:
    assert fingerprint("a", {"x": 1, "y": 2}, []) == fingerprint("a", {"y": 2, "x": 1}, [])
    different = [fingerprint("a", {}, []), fingerprint("b", {}, []), fingerprint("a", {"x": 1}, [])]
    assert len(set(different)) == 3
    (tmp_path / "a.txt").write_text("text")
    source = [Source(path=str(tmp_path / "a.txt"))]
    [first] = describe_inputs(find_files(source))
    (tmp_path / "a.txt").write_text("TEXT")
    [second] = describe_inputs(find_files(source))
    assert first["modified_ns"] != second["modified_ns"]
    finish(tmp_path / "o", "name", "b.txt")
    [made] = describe_inputs(find_files([Source(path=str(tmp_path / "o/b.txt"))]))
    assert made["made_by"] == "name" and "modified_ns" not in made


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_table_for_which_there_is_no_room_is_told_in_a_line(tmp_path: Path) -> None:
    """Polars has an error of its own for it."""
    with pytest.raises(WriteFailed, match="No space left") as error, replacing(tmp_path / "t"):
        pl.DataFrame({"a": [1]}).write_parquet("/dev/full")
    assert "\n" not in str(error.value)


def test_a_record_that_is_no_file_is_none_of_ours(tmp_path: Path) -> None:
    """Opening a pipe would wait for somebody to write."""
    os.mkfifo(tmp_path / "manifest.json")
    assert outputs.read_manifest(tmp_path) is None


def test_scratch_that_killed_workers_had_begun_goes_when_the_stage_ends(tmp_path: Path) -> None:
    with Output(tmp_path / "o", "stage") as output:
        output.begin(["table.parquet", "texts-000003.arrow"])
        for name in ("table.parquet", "texts-000003.arrow.71.part", "table.parquet.5.part", "mine.arrow.71.part"):
            (tmp_path / "o" / name).write_bytes(b"x")
        output.finish("name", {}, [], ["table.parquet"], {}, Run(engine="local", workers=1, seconds=0.0))
    left = sorted(path.name for path in (tmp_path / "o").iterdir())
    assert left == [".babelmerge", "manifest.json", "mine.arrow.71.part", "run.json", "table.parquet"]
