"""A command as a whole process: wall time, processor time, peak memory."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LAUNCHER: Final = Path(__file__).with_name("launch.py")
KEPT_LINES: Final = 20
"""Lines of stderr that are kept, for the error."""
BEGUN: Final = '"state": "begun"'
"""Mark of a beginning stage in a line of `--progress json`."""


class Failed(Exception):
    """A run that ended with an error, or was ended for taking too long; one line."""


@dataclass(frozen=True)
class Run:
    """One whole process, start-up included."""

    wall_s: float
    cpu_s: float
    """User and system, with those children that it waited for."""
    peak_mb: float
    """Peak resident memory (10^6 bytes): of the process, or of its largest child where that is more."""
    first_stage_s: float | None = None
    """Seconds until the first stage began, where it said so."""


def timed(command: list[str], folder: Path, timeout_s: float) -> Run:
    """Run a command in `folder`. Raises Failed when it fails or takes longer than `timeout_s`."""
    with tempfile.TemporaryDirectory() as scratch:
        result = Path(scratch) / "result"
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(LAUNCHER), str(result), *command],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            start_new_session=True, text=True, errors="replace",
        )  # fmt: skip
        last: deque[str] = deque(maxlen=KEPT_LINES)
        begun: list[float] = []
        listener = threading.Thread(target=_listen, args=(process, last, begun), daemon=True)
        listener.start()
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise Failed(f"not done after {timeout_s:g} s") from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)  # it leads a group of its own
                process.wait()
        listener.join(timeout=5)  # a process that outlives its parent may hold the pipe
        if not result.exists():
            raise Failed(f"the launcher failed: {_last(last)}")
        code, wall, cpu, peak_kib, began = map(float, result.read_text("ascii").split())
    if code:
        raise Failed(f"{_ending(int(code))}: {_last(last)}")
    return Run(wall, cpu, peak_kib * 1024 / 1e6, begun[0] - began if begun else None)


def _listen(process: subprocess.Popen[str], last: deque[str], begun: list[float]) -> None:
    assert process.stderr is not None
    with process.stderr as lines:
        for line in lines:
            if not begun and BEGUN in line:
                begun.append(time.monotonic())
            last.append(line.strip())


def _last(lines: deque[str]) -> str:
    return next((line for line in reversed(lines) if line), "it said nothing")


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit status {code}"
    return f"ended by {signal.Signals(-code).name}" + (", perhaps for want of memory" if code == -9 else "")
