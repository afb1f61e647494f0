"""Lost workers: the note about them, and the number that a command accepts."""

import json
from pathlib import Path

import pytest

from jobs.command import main
from pipelines.context import Context
from pipelines.outputs import Manifest
from pipelines.results import Trained
from pipelines.train.settings import Train

LOCAL = ("--engine", "local")


def lose(workers: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> int | str | None:
    """The exit status of a command whose step loses so many workers, two of which may be lost."""

    def train(settings: Train, context: Context) -> Trained:
        for number in range(workers):
            context.engine.stats.record_loss(f"count_spans of item {number}", "its process ended without a word")
        nothing = Manifest(stage="tokenizer", fingerprint="", settings={}, inputs=[], files={}, facts={})
        return Trained(tmp_path, nothing, False, "wrote nothing")

    monkeypatch.setattr("pipelines.train.step.train", train)
    try:
        main(["train", "x.txt", "--out", str(tmp_path / "o"), "--max-failures", "2", "--progress", "json", *LOCAL])
    except SystemExit as end:
        return end.code
    return 0


def test_lost_workers_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lose(0, monkeypatch, tmp_path) == 0
    assert "lost" not in capsys.readouterr().err
    assert lose(2, monkeypatch, tmp_path) == 0
    assert "train: 2 workers were lost and replaced (--max-failures 2)" in capsys.readouterr().err


def test_one_more_than_allowed_ends_the_run_with_a_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lose(3, monkeypatch, tmp_path) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert json.loads(line)["error"] == (
        "more than 2 workers were lost (--max-failures), the last one at count_spans of item 2: its "
        "process ended without a word; look at their memory and the cluster's log, then run the same command again: "
        "it resumes from here"
    )
