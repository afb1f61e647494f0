"""Storage that fails for a while is asked again; what is known to stay is told at once."""

import errno
import os
from collections.abc import Callable
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pytest

from pipelines.corpus.errors import MissingInput
from pipelines.corpus.reading import InputStream
from pipelines.corpus.sources import Source, find_files
from pipelines.engines.local_engine import LocalEngine
from pipelines.memory import OutOfMemory
from pipelines.storage_errors import StorageDisturbed, StorageFailed, UnreadableInput
from tests.pipelines.corpus.corpora import texts_of

DATA = b"".join(b"line %d\n" % i for i in range(200_000))


class Disturbed(Exception):
    """Error such as a package for some storage may raise."""


class Handle:
    """Reads DATA; every `nth` read of all handles fails, and leaves the position elsewhere."""

    reads = opened = 0

    def __init__(self, nth: int, error: Callable[[], Exception]) -> None:
        self._at, self._nth, self._error = 0, nth, error
        Handle.opened += 1

    def seek(self, to: int, whence: int = 0) -> None:
        self._at = to if whence == 0 else len(DATA) + to

    def tell(self) -> int:
        return self._at

    def read(self, size: int) -> bytes:
        Handle.reads += 1
        start, self._at = self._at, min(self._at + size, len(DATA))
        if Handle.reads % self._nth == 0:
            raise self._error()
        return DATA[start : self._at]

    def close(self) -> None: ...


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.retry.PAUSES_S", (0.0, 0.0, 0.0))
    Handle.reads = Handle.opened = 0


@pytest.mark.parametrize("error", [Disturbed, TimeoutError, lambda: OSError(errno.EIO, "I/O error")])
def test_a_read_that_failed_is_asked_again_from_where_it_was(error: Callable[[], Exception]) -> None:
    stream = InputStream("http://there/x.txt", lambda: Handle(2, error))
    assert b"".join(iter(lambda: stream.read(100_000), b"")) == DATA
    assert Handle.opened > 10


@pytest.mark.parametrize(
    ("path", "error", "raised", "reads"),
    [
        ("http://there/x.txt", Disturbed, StorageDisturbed, 4),
        ("/x.txt", lambda: OSError(errno.EIO, "I/O error"), StorageDisturbed, 4),
        ("http://there/x.txt", FileNotFoundError, MissingInput, 1),
        ("http://there/x.txt", PermissionError, UnreadableInput, 1),
        ("http://there/x.txt", lambda: ValueError("no such bucket"), UnreadableInput, 1),
    ],
)
def test_what_stays_is_told(path: str, error: Callable[[], Exception], raised: type[Exception], reads: int) -> None:
    stream = InputStream(path, lambda: Handle(1, error))
    with pytest.raises(raised):
        stream.read(10)
    assert Handle.reads == reads


def test_a_corpus_on_storage_that_fails_every_third_time_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    files = fsspec.filesystem("memory")
    files.pipe("/disturbed/x.txt", DATA)
    [found] = find_files([Source(path="memory://disturbed/x.txt")])
    calls, asked, opened = 0, type(files).info, type(files)._open

    def disturbed(call: Any) -> Any:
        def now_and_then(*arguments: Any, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls % 3:
                raise Disturbed
            return call(*arguments, **named)

        return now_and_then

    monkeypatch.setattr(type(files), "info", disturbed(asked))
    monkeypatch.setattr(type(files), "_open", disturbed(opened))
    assert "".join(texts_of(found)).encode() == DATA


def test_a_task_is_done_again_where_a_file_of_ours_could_not_be_read() -> None:
    failures: dict[str, int] = {}

    def read(item: str) -> str:
        failures[item] = failures.get(item, 0) + 1
        if item == "never" or failures[item] < 3:
            raise OSError(errno.EIO, os.strerror(errno.EIO), "/words-0001.parquet")
        return item

    engine = LocalEngine(2)
    assert sorted(engine.run(read, ["a", "b"])) == [(0, "a"), (1, "b")]
    with pytest.raises(StorageFailed, match=r"^/words-0001\.parquet: Input/output error; see to the storage, and run"):
        list(engine.run(read, ["never"]))
    engine.close()


def _no_thread(_: int) -> None:
    raise RuntimeError("can't start new thread")


@pytest.mark.parametrize("task", [np.empty, pa.allocate_buffer, _no_thread], ids=["numpy", "arrow", "thread"])
def test_a_task_that_gets_no_memory_or_thread_says_what_to_do(task: Callable[[int], Any]) -> None:
    engine = LocalEngine(1)
    with pytest.raises(OutOfMemory, match=r"the system gives no more (memory|threads).*use fewer --workers"):
        list(engine.run(task, [1 << 58]))
    engine.close()


def test_another_runtime_error_of_a_task_stays_itself() -> None:
    def fail(_: int) -> None:
        raise RuntimeError("something else")

    engine = LocalEngine(1)
    with pytest.raises(RuntimeError, match="something else"):
        list(engine.run(fail, [0]))
    engine.close()
