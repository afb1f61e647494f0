"""Progress on stderr: lines, bars on a terminal, JSON; what is told stays as it is."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.progress import listener

ROOT = Path(__file__).parents[2]
TOLD = """
from jobs.progress import listener
progress = listener("auto")
progress.note("a :smile: [b]")
with progress.stage("count", 2_000_000, "B") as advance:
    advance(1_500_000)
"""


@pytest.mark.parametrize("mode", ["auto", "json", "off"])
def test_what_is_told_stays_as_it_is(mode: str, capsys: pytest.CaptureFixture[str]) -> None:
    progress = listener(mode)
    progress.note("x" * 200 + " :smile: [b]")
    with progress.stage("count", 2_000_000, "B") as advance:
        advance(1_500_000)
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    if mode == "auto":
        assert lines[0] == "x" * 200 + " :smile: [b]"
        assert lines[1].startswith("count              1.5 MB in 0.")
    elif mode == "json":
        assert json.loads(lines[0]) == {"note": "x" * 200 + " :smile: [b]"}
        ends = [json.loads(line) for line in lines[1:]]
        assert [(end["state"], end["done"], end["total"]) for end in ends] == [
            ("begun", 0, 2_000_000),
            ("done", 1_500_000, 2_000_000),
        ]
    else:
        assert not lines


def test_a_terminal_has_bars_and_the_same_lines() -> None:
    driver, terminal = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120"}
    subprocess.run([sys.executable, "-c", TOLD], cwd=ROOT, env=environment, stderr=terminal, check=True, timeout=60)
    os.close(terminal)
    shown = os.read(driver, 1 << 16).decode()
    os.close(driver)
    assert "a :smile: [b]\r\n" in shown
    assert "━" in shown
    assert "count              1.5 MB in 0." in shown
