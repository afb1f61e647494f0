"""Running a command from Python: the files of the command line, a typed result, one kind of error."""

import io
import sys
from pathlib import Path
from typing import Any

import pytest

import babelmerge as bm
from jobs import command, progress
from jobs.bars import Bars
from jobs.configuration import BadConfiguration
from jobs.progress import listener
from jobs.progress_lines import Lines
from pipelines.results import Trained


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    (tmp_path / "corpus.txt").write_text("low lower lowest\nnew newer newest\n" * 9)
    return tmp_path / "corpus.txt"


def test_the_files_are_those_of_the_command_line(corpus: Path, tmp_path: Path) -> None:
    settings = bm.Train(corpus=[str(corpus)], vocab_size=270, out=str(tmp_path / "ours"))
    result = bm.run(settings, engine="local", progress="off")
    assert isinstance(result, Trained)
    arguments = ["train", str(corpus), "--vocab-size", "270", "--out", str(tmp_path / "theirs"), "--engine", "local"]
    with pytest.raises(SystemExit) as end:
        command.main(arguments)
    assert end.value.code == 0
    for name in ("tokenizer.json", "merges.parquet", "ranks.tiktoken", "manifest.json"):
        assert (tmp_path / "ours" / name).read_bytes() == (tmp_path / "theirs" / name).read_bytes()
    assert (result.directory, result.kept) == (tmp_path / "ours", False)
    assert bm.run(settings, engine="local", progress="off").kept
    assert bm.Tokenizer.load(result.directory).merges.num_rows == result.merges.collect().height


def test_paths_may_be_path_objects(corpus: Path, tmp_path: Path) -> None:
    settings = bm.Train(corpus=[corpus], vocab_size=260, out=tmp_path / "tok")  # type: ignore[list-item, arg-type]
    assert bm.run(settings, engine="local", progress="off").directory == tmp_path / "tok"


@pytest.mark.parametrize(
    ("settings", "options", "said"),
    [
        ({"vocab_size": 10**9}, {}, "vocab_size"),
        ({"vocab_size": "many"}, {}, "vocab_size"),
        ({"corpus": "corpus.txt"}, {}, "corpus"),
        ({}, {"engine": "spark"}, "engine"),
        ({}, {"workers": 0}, "workers"),
    ],
    ids=str,
)
def test_settings_of_wrong_types_are_refused_before_any_work(
    settings: dict[str, Any], options: dict[str, Any], said: str, corpus: Path, tmp_path: Path
) -> None:
    given = {"corpus": [str(corpus)], "out": str(tmp_path / "tok")} | settings
    with pytest.raises(BadConfiguration, match=said):
        bm.run(bm.Train(**given), **({"engine": "local", "progress": "off"} | options))
    assert not (tmp_path / "tok").exists()


@pytest.mark.parametrize("settings", ["train", bm.Train, None, {"corpus": ["a"], "out": "b"}], ids=str)
def test_other_things_than_settings_are_refused(settings: Any) -> None:
    with pytest.raises(BadConfiguration, match=r"takes settings, as babelmerge\.Train"):
        bm.run(settings)


def test_an_error_of_a_command_is_the_same_error(tmp_path: Path) -> None:
    with pytest.raises(bm.BabelmergeError, match=r"nothing\.txt"):
        bm.run(bm.Train(corpus=[str(tmp_path / "nothing.txt")], out=str(tmp_path / "tok")), engine="local")


def test_progress_is_bars_where_they_can_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert isinstance(listener("auto"), Lines)
    monkeypatch.setattr(progress, "_in_notebook", lambda: True)
    assert isinstance(listener("auto"), Bars)


def test_lines_appear_where_there_is_no_terminal(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bm.run(bm.Train(corpus=[str(corpus)], vocab_size=260, out=str(tmp_path / "tok")), engine="local")
    assert "count words" in capsys.readouterr().err
