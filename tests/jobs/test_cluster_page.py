"""docs/how-to/train-on-a-cluster.md: its ten commands, as they stand there, in an empty folder.

Only the ports are others, for the page's may be taken; and what the commands started is marked by a variable of their
environment, to see that all of it ends.
"""

import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest

from tests.conftest import ROOT
from tests.jobs.cluster.test_submission import free_ports

TOKEN = "BABELMERGE_CLUSTER_OF_A_TEST"


def commands() -> list[str]:
    page = (ROOT / "docs/how-to/train-on-a-cluster.md").read_text("utf-8")
    return re.findall(r"^ {4}(.+)$", page.split("\n## ")[0], re.MULTILINE)


def started(token: str) -> list[int]:
    """Processes with the token in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # gone, or someone else's
            if f"{TOKEN}={token}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
    return found


@pytest.fixture
def token() -> Iterator[str]:
    """Mark of this test's processes, all of which are ended at its end."""
    mine = secrets.token_hex(8)
    yield mine
    deadline = time.monotonic() + 60
    while (left := started(mine)) and time.monotonic() < deadline:
        for process in left:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.1)
    assert not left


@pytest.mark.ray
@pytest.mark.exhaustive  # test_submission.py submits, asks and stops; here a page's cluster is started from the outside
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc to find the processes it started")
def test_the_ten_commands_do_what_the_page_says(token: str, tmp_path: Path) -> None:
    written = commands()
    assert len(written) == 10
    dashboard, agent = free_ports(2)
    script = "\n".join(written).replace("8265", str(dashboard)).replace("52365", str(agent))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT), TOKEN: token}
    environment.pop("RAY_ADDRESS", None)
    with (tmp_path / "said").open("w") as file:  # a pipe would be held open by the nodes
        command = ["bash", "-euo", "pipefail", "-c", script]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file, timeout=150
        )
    said = (tmp_path / "said").read_text()
    assert done.returncode == 0, said
    assert "wrote a tokenizer of 2,000 tokens" in said
    assert re.search(r"^job raysubmit_\w+: SUCCEEDED", said, re.MULTILINE)
    assert "shape: (3, " in said
    assert pl.read_parquet(tmp_path / "tokenizer/merges.parquet").height == 2000 - 256
    assert '"engine": "ray"' in (tmp_path / "tokenizer/run.json").read_text()
    assert '"workers": 3' in (tmp_path / "tokenizer/run.json").read_text()
    deadline = time.monotonic() + 60
    while started(token) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not started(token)  # by the page's own last command
