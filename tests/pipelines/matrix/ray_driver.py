"""One driver on a cluster: `python -m tests.pipelines.matrix.ray_driver ADDRESS STAGE MADE OUT MOMENT`.

It ends by SIGKILL at the moment of that number at which something on disk takes its name or goes by its hand; with 0 it
is let through, and prints how many there were.
"""

import os
import sys
from pathlib import Path

import pytest

from pipelines.engines.ray_engine import RayEngine
from tests.pipelines.matrix.stages import STAGES, make_small
from tests.pipelines.retokenize.killed_runs import Moments


def main(address: str, stage: str, made: str, out: str, moment: str) -> None:
    """See above."""
    os.environ["RAY_ADDRESS"] = address
    make_small(pytest.MonkeyPatch())
    engine = RayEngine(3)
    moments = Moments(int(moment) or None)
    STAGES[stage].run(Path(made), Path(out), engine)
    sys.stdout.write(f"\nmoments {moments.count}\n")
    engine.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
