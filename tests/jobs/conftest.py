"""The command, run in an empty directory."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.command import main

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def babelmerge(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Runs the command in an empty directory: (exit status, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        status = 0
        try:
            main([*arguments])
        except SystemExit as end:
            status = int(end.code or 0)
        said = capsys.readouterr()
        return status, said.out, said.err

    return run
