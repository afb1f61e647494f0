"""Storage that fails the workers of a Ray cluster: for a while, or until the run has ended."""

import errno
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from operators.errors import DataError
from pipelines.engines.ray_engine import RayEngine
from pipelines.outputs import MANIFEST, WriteFailed
from pipelines.storage_errors import StorageFailed, UnreadableInput
from tests.pipelines.matrix.on_threads import Cell, found
from tests.pipelines.matrix.stages import Stage, files_of

FULL, PASSES, STAYS = "disk full", "storage error that passes", "storage error that stays"


@contextmanager
def failing(reads: tuple[str, ...], fault: str, flag: Path) -> Iterator[None]:
    """In a worker: what it reads or writes with fails as long as the flag lies there; where the fault passes, the
    second failure removes it."""

    def failed() -> None:
        if not flag.exists():
            return
        if fault == PASSES:
            try:
                flag.with_name("first").touch(exist_ok=False)
            except FileExistsError:
                flag.unlink(missing_ok=True)
        kind = errno.ENOSPC if fault == FULL else errno.EIO
        raise OSError(kind, os.strerror(kind), "a file")

    def disturbed(genuine: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            failed()
            return genuine(*arguments, **named)

        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.retry.PAUSES_S", (0.01, 0.01, 0.01))
        for name in ("pathlib.Path.replace",) if fault == FULL else reads:
            owner, attribute = found(name)
            patch.setattr(owner, attribute, disturbed(getattr(owner, attribute)))
        yield


def _aim(stage: Stage, fault: str, flag: Path, patch: pytest.MonkeyPatch) -> None:
    owner: Any
    owner, name = found(stage.target)
    reads = stage.reads
    if not isinstance(owner, type):
        task = getattr(owner, name)

        def doomed(item):  # type: ignore[no-untyped-def]
            with failing(reads, fault, flag):
                return task(item)

        patch.setattr(owner, name, doomed)
    elif fault == FULL:  # its workers write nothing, the driver does
        patch.setattr("pipelines.train.step.save_tokenizer", _full)
    else:
        genuine: Any = vars(owner)["__init__"]

        def make(self, *arguments):  # type: ignore[no-untyped-def]
            with failing(reads, fault, flag):
                genuine(self, *arguments)

        patch.setattr(sys.modules[owner.__module__], owner.__name__, type("Doomed", (owner,), {"__init__": make}))


def _full(_: object, directory: Path) -> None:
    raise WriteFailed(str(directory), os.strerror(errno.ENOSPC))


def storage_on_ray(stage: Stage, fault: str, made: Path, plain: dict[str, bytes], folder: Path) -> Cell:
    """The cell of a stage and one of FULL, PASSES and STAYS."""
    flag, out, began = folder / "flag", folder / "o", time.monotonic()
    flag.touch()
    with pytest.MonkeyPatch.context() as patch:
        _aim(stage, fault, flag, patch)
        if fault == PASSES:
            stage.run(made, out, RayEngine(3))
            assert not flag.exists()
        else:
            with pytest.raises(DataError) as caught:
                stage.run(made, out, RayEngine(3))
            assert isinstance(caught.value, WriteFailed | StorageFailed | UnreadableInput)
            assert os.strerror(errno.ENOSPC if fault == FULL else errno.EIO) in str(caught.value)
            assert not (out / MANIFEST).exists()
    flag.unlink(missing_ok=True)
    if fault != PASSES:
        stage.run(made, out, RayEngine(3))
    assert files_of(out) == plain
    seconds = time.monotonic() - began
    return Cell(stage.name, fault, "Ray", "same" if fault == PASSES else "error, resumed", seconds,
                "2 tries" if fault == PASSES else "1 run")  # fmt: skip
