"""Drivers that end by SIGKILL: `python -m tests.pipelines.matrix.killed_drivers MADE`.

The process starts no thread itself.

For each stage: one run to count the moments at which something on disk takes its name or goes; then runs that are
killed at some of them, one after the other in the same directory, each going on from what the one before it left; then
one that is let through, into `killed-<stage>`. Prints what was done as JSON.
"""

import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path

import pytest

from operators.precompile import import_kernels
from pipelines.engines.local_engine import LocalEngine
from tests.pipelines.matrix.stages import STAGES, Stage, make_small
from tests.pipelines.retokenize.killed_runs import Moments

PARTS = (0.15, 0.4, 0.65, 0.9)
"""Moments of the kills, as shares of all moments of a run."""


def run(stage: Stage, made: Path, out: Path, last: int | None) -> int:
    """Run in a child; how many moments there were, 0 where it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            moments = Moments(last)
            stage.run(made, out, LocalEngine(2))
            os.write(writing, str(moments.count).encode())
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(writing)
    said = os.read(reading, 100)
    os.close(reading)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return 0
    if status:
        raise RuntimeError(f"{stage.name} ended with status {status}")
    return int(said)


def main(made: Path) -> None:
    """See above."""
    make_small(pytest.MonkeyPatch())
    import_kernels()
    done = {}
    for stage in STAGES.values():
        total = run(stage, made, made / f"counted-{stage.name}", None)
        began, out = time.monotonic(), made / f"killed-{stage.name}"
        killed = sum(not run(stage, made, out, max(1, round(part * total))) for part in PARTS)
        run(stage, made, out, None)
        done[stage.name] = {"moments": total, "killed": killed, "seconds": time.monotonic() - began}
    sys.stdout.write(json.dumps(done))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
