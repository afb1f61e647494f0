"""Runs that end by SIGKILL at a scripted moment: the n-th time that something on disk takes its name or goes.

`python -m tests.pipelines.retokenize.killed_runs FOLDER MOMENTS`, a process of its own that starts no thread: each run
is a fork of it. FOLDER holds `tok`, the corpora `before` and `after`, and `job.json`, the encoding.
"""

import itertools
import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from operators.encoding.encode import Encoder
from operators.precompile import import_kernels
from operators.tokenizer import Tokenizer
from pipelines.engines.local_engine import LocalEngine
from pipelines.retokenize.options import Encoding
from pipelines.tokenizers import load_tokenizer
from tests.pipelines.retokenize.corpora import encoded
from tests.pipelines.retokenize.test_splits import make_parts_small


class Moments:
    """Counts what changes names on disk; ends the process before or behind the call of a number."""

    def __init__(self, last: int | None) -> None:
        self._numbers = itertools.count(1)  # two threads never get the same
        os.fsync = lambda _: None  # type: ignore[assignment]  # slow, and no process's end makes a difference to it
        for owner, name in ((Path, "replace"), (Path, "unlink"), (os, "fsync"), (shutil, "rmtree")):
            setattr(owner, name, self._watched(getattr(owner, name), last))

    @property
    def count(self) -> int:
        """Moments so far; ask at the end only."""
        return next(self._numbers) - 1

    def _watched(self, call: Callable[..., Any], last: int | None) -> Callable[..., Any]:
        def watched(*arguments: Any, **named: Any) -> Any:
            number = next(self._numbers)
            doomed = number == last
            if doomed and number % 2:
                os.kill(os.getpid(), signal.SIGKILL)
            try:
                return call(*arguments, **named)
            finally:  # also where there was nothing to remove
                if doomed:
                    os.kill(os.getpid(), signal.SIGKILL)

        return watched


def load(folder: Path) -> Tokenizer:
    """The tokenizer, and all kernels, so that no child loads them again."""
    tokenizer = load_tokenizer(str(folder / "tok"))
    import_kernels()
    Encoder(tokenizer).encode(pa.array(["the dog"], pa.large_string()))
    return tokenizer


def run(tokenizer: Tokenizer, folder: Path, corpus: str, out: Path, encoding: Encoding, last: int | None) -> int:
    """Encode `corpus` in a child; how many moments there were, 0 where it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            moments = Moments(last)
            encoded(tokenizer, folder / corpus, out, encoding, LocalEngine(2))
            os.write(writing, str(moments.count).encode())
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(writing)
    said = os.read(reading, 100)
    os.close(reading)
    status = os.waitpid(child, 0)[1]
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if not killed and status:
        raise RuntimeError(f"a run ended with status {status}")
    return 0 if killed else int(said or 0)


def main(folder: Path, count: int) -> None:
    """Write `plain`, what no kill disturbed, and `killed-N`, what was killed at moment N and at another and run again.

    Prints the moments as JSON.
    """
    make_parts_small(pytest.MonkeyPatch())
    tokenizer = load(folder)
    encoding = msgspec.json.decode((folder / "job.json").read_bytes(), type=Encoding)
    run(tokenizer, folder, "before", folder / "old", encoding, None)
    shutil.copytree(folder / "old", folder / "plain")
    total = run(tokenizer, folder, "after", folder / "plain", encoding, None)
    moments = [1 + i * (total - 1) // (count - 1) for i in range(count)]
    for moment in moments:
        out = folder / f"killed-{moment}"
        shutil.copytree(folder / "old", out)
        if run(tokenizer, folder, "after", out, encoding, moment):
            raise RuntimeError(f"moment {moment} of {total} never came")
        shutil.copytree(out, folder / f"left-{moment}")
        run(tokenizer, folder, "after", out, encoding, moment // 2 + 3)  # a second time
        run(tokenizer, folder, "after", out, encoding, None)
    sys.stdout.write(json.dumps({"total": total, "moments": moments}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
