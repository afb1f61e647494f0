"""Progress on stderr: lines, bars on a terminal, JSON; a note is printed unchanged."""

import json
import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from jobs.progress import listener
from tests.conftest import ROOT

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
        first, *ends = [json.loads(line) for line in lines]
        times = [datetime.fromisoformat(one.pop("time")) for one in (first, *ends)]
        assert times == sorted(times) and abs(datetime.now(UTC) - times[0]) < timedelta(minutes=5)
        assert first == {"note": "x" * 200 + " :smile: [b]"}
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


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_bar_stays_on_one_line(columns: int) -> None:
    """A bar that is wider than the terminal wraps, and each refresh leaves a line behind."""
    told = """
import sys
from jobs.bars import Bars
with Bars().stage("count categories", 123_456_789, "documents") as advance:
    for _ in range(8):
        advance(12_345_678)
        import time
        time.sleep(0.15)
"""
    driver, terminal = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": str(columns)}
    subprocess.run([sys.executable, "-c", told], cwd=ROOT, env=environment, stderr=terminal, check=True, timeout=60)
    os.close(terminal)
    shown = b""
    with suppress(OSError):  # the other end is closed
        while part := os.read(driver, 1 << 16):
            shown += part
    os.close(driver)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    lines = [line for line in re.split(r"[\r\n]+", plain) if "documen" in line]
    assert len(lines) > 1 and all(len(line) <= columns for line in lines)
    assert all(line.startswith("count categor") for line in lines)  # no second half of a line
    if columns >= 80:
        assert any(re.search(r"━+.* [\d,]+ documents, [\d,]+ documents/s +[\d:-]+", line) for line in lines)
