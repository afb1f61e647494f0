"""Output directories: ownership, manifests, and files that are written atomically.

A stage's directory holds `.babelmerge` from its beginning, and `manifest.json` once it is complete. The manifest is
written last and removed first, so the files of a killed run are never taken for complete. Before a run writes its first
file, it lists all its files in `.planned`, so that the next run can remove them. A manifest identifies its stage by a
fingerprint of settings and inputs; the stage runs again if the fingerprint differs or a file is missing.
"""

import fcntl
import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Final

import msgspec

from operators.errors import DataError, Retriable
from operators.redaction import shown
from pipelines.corpus.sources import InputFile
from pipelines.retry import is_transient

if TYPE_CHECKING:
    import polars as pl

MARKER: Final = ".babelmerge"
MANIFEST: Final = "manifest.json"
PLANNED: Final = ".planned"
RUN: Final = "run.json"
PATIENCE_S: Final = 10.0
"""Seconds that a run waits for the lock of an output directory: a stopped job may take seconds to end."""
FORMAT: Final = 3
"""Version in every fingerprint, raised when a stage's output changes for the same settings and inputs."""

UNREADABLE: Final = (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""Exceptions raised when a file is not a valid record of ours."""

_MAX_RECORD_BYTES: Final = 64 << 20
"""Largest manifest, which lists every input: larger files are not ours."""

_TEMPORARY: Final = re.compile(r"(.+)\.\d+\.part", re.DOTALL)
"""Name of a temporary file of `replacing`."""


class ForeignDirectory(DataError):
    """An output path with files that are not of this command, or a path that is a file (`example` is None)."""

    path: str
    example: str | None

    def __str__(self) -> str:
        what = (
            f"holds files that are not of this command (such as {shown(self.example)})" if self.example else "is a file"
        )
        return f"{shown(self.path)}: {what}; name an empty directory"


class OutputBusy(DataError):
    """An output directory that another run is writing to."""

    path: str
    message = "{path}: another run is writing here; wait for it, or name another directory"


class WriteFailed(DataError):
    """A write that failed, such as on a full disk or without permission."""

    path: str
    reason: str
    message = "{path}: cannot write: {reason}; make room or name another directory, and run the same again"


class WriteDisturbed(WriteFailed, Retriable):
    """A write that failed for a transient reason."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Manifest of a finished stage: settings, inputs, files, figures. It does not depend on the machine."""

    stage: str
    fingerprint: str
    settings: dict[str, Any]
    inputs: list[dict[str, Any]]
    files: dict[str, int]
    """File names and their sizes in bytes."""
    facts: dict[str, Any]
    """Figures of the result that do not depend on the machine."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """Statistics of the last run of a stage, which differ from run to run."""

    engine: str
    workers: int
    seconds: float
    failures: int = 0
    """Number of workers that failed."""
    retries: int = 0
    """Number of tasks that were repeated because a worker failed."""
    spilled_bytes: int | None = 0
    """Bytes that the engine's object store wrote to disk for lack of memory; None if it does not report them."""
    stages: dict[str, dict[str, float]] = {}
    """Seconds of work, all workers together: {kind of task: {node: seconds}}."""
    inputs: dict[str, int] = {}
    """Inputs that were added, redone, kept and removed, and removed_shards; only where a stage is made input by
    input."""


def fingerprint(stage: str, settings: Mapping[str, Any], inputs: list[dict[str, Any]]) -> str:
    """Return a hash of stage, settings and inputs: 64 hexadecimal digits."""
    text = msgspec.json.encode([FORMAT, stage, settings, inputs], order="deterministic")
    return hashlib.sha256(text).hexdigest()


def describe_inputs(files: list[InputFile]) -> list[dict[str, Any]]:
    """Return the identity of each input: its directory's fingerprint if a stage wrote it, else size and change time."""
    known: dict[Path, Manifest | None] = {}
    described = []
    for file in files:
        directory = Path(file.path).parent
        manifest = known.setdefault(directory, read_manifest(directory))
        about = {name: value for name, value in msgspec.to_builtins(file.source).items() if name != "path"}
        entry = {"path": shown(file.path), "size": file.size, "source": about}
        if manifest is not None and manifest.files.get(Path(file.path).name) == file.size:
            described.append(entry | {"made_by": manifest.fingerprint})
        else:
            described.append(entry | {"modified_ns": file.modified_ns})
    return described


def read_manifest(directory: Path) -> Manifest | None:
    """Return the directory's manifest; None if there is none, or it is not one of ours."""
    try:
        return msgspec.json.decode(record_bytes(directory / MANIFEST), type=Manifest)
    except UNREADABLE:
        return None


def read_run(directory: Path) -> Run | None:
    """Return the statistics of the last run; None if there are none."""
    try:
        return msgspec.json.decode(record_bytes(directory / RUN), type=Run)
    except UNREADABLE:
        return None


def record_bytes(path: Path) -> bytes:
    """Return a file's bytes; empty for a file that cannot be ours (too large, a pipe), so that decoding fails."""
    if not path.is_file() and path.exists():
        return b""
    with path.open("rb") as file:
        content = file.read(_MAX_RECORD_BYTES + 1)
    return content if len(content) <= _MAX_RECORD_BYTES else b""


def are_there(directory: Path, files: Mapping[str, int]) -> bool:
    """Return True if all files, by name, exist with their sizes."""
    try:
        found = {name: (directory / name).stat() for name in files}
    except (OSError, ValueError):  # a name that no file can have
        return False
    return all(stat.S_ISREG(found[name].st_mode) and found[name].st_size == size for name, size in files.items())


def remove_files(directory: Path, names: Iterable[str]) -> None:
    """Delete those of these files that lie in the directory itself: names from a record may point anywhere."""
    for name in sorted({*os.listdir(directory)} & {*names} - {MARKER}):  # noqa: PTH208 -- only names are needed
        if not (directory / name).is_dir():
            (directory / name).unlink(missing_ok=True)


class Output:
    """Output directory of one stage, locked inside a `with` block."""

    def __init__(self, directory: Path, stage: str) -> None:
        """Verify the directory; write nothing. Raises ForeignDirectory if it holds files that are not of this stage."""
        self.directory, self.stage = directory, stage
        self._planned: set[str] = set()
        self._lock: IO[bytes] | None = None
        if directory.exists() and not directory.is_dir():
            raise ForeignDirectory(str(directory), None)
        marker = directory / MARKER
        if directory.exists() and not (marker.is_file() and marker.read_bytes() == stage.encode()):
            names = sorted((entry.name for entry in directory.iterdir()), key=lambda name: (name.startswith("."), name))
            if names and not (names == [MARKER] and not marker.read_bytes()):  # interrupted before it wrote a byte
                raise ForeignDirectory(str(directory), names[0])

    def __enter__(self) -> "Output":
        with writing(self.directory):
            self.directory.mkdir(parents=True, exist_ok=True)
            marker = self.directory / MARKER
            self._lock = marker.open("ab")
            if not _locked(self._lock, PATIENCE_S):
                self._lock.close()
                raise OutputBusy(str(self.directory))
            if not marker.stat().st_size:
                self._lock.write(self.stage.encode())
                self._lock.flush()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock is not None:
            self._lock.close()

    def if_current(self, name: str) -> Manifest | None:
        """Return the manifest if it has the fingerprint `name` and all its files exist with their sizes; else None."""
        manifest = read_manifest(self.directory)
        if manifest is None or manifest.fingerprint != name:
            return None
        return manifest if are_there(self.directory, manifest.files) else None

    def begin(self, planned: list[str]) -> None:
        """Remove the manifest, then the files of earlier runs; the directory is incomplete until `finish`.

        `planned`: names of the files that may be written. Files that no run has planned stay. Raises WriteFailed.
        """
        manifest = read_manifest(self.directory)
        stale = set(manifest.files) if manifest else set()
        with suppress(*UNREADABLE):  # absent, unless a run was interrupted
            stale |= set(msgspec.json.decode(record_bytes(self.directory / PLANNED), type=list[str]))
        self._planned = set(planned)
        named = sorted({*stale, *planned, RUN})
        with writing(self.directory):
            # Write the old and the new names first: then a run interrupted at any time leaves no file unlisted.
            with replacing(self.directory / PLANNED) as temporary:
                temporary.write_bytes(msgspec.json.encode(named))
            (self.directory / MANIFEST).unlink(missing_ok=True)
            remove_files(self.directory, set(named) - {PLANNED})
            self._sweep({*named, MANIFEST, PLANNED})

    def discard(self) -> None:
        """Remove the files of earlier runs, and the directory if it holds nothing else. Raises WriteFailed."""
        self.begin([])
        ours = [self.directory / PLANNED, self.directory / MARKER]
        if set(self.directory.iterdir()) <= {*ours}:
            with writing(self.directory):
                for path in ours:
                    path.unlink(missing_ok=True)
                self.directory.rmdir()

    def finish(
        self,
        name: str,
        settings: Mapping[str, Any],
        inputs: list[dict[str, Any]],
        files: list[str],
        facts: Mapping[str, Any],
        run: Run,
    ) -> Manifest:
        """Write the manifest, which completes the directory. Raises WriteFailed."""
        with writing(self.directory):
            self._sweep({*files, *self._planned, RUN, MANIFEST, PLANNED})  # scratch of killed workers, too
        manifest = Manifest(
            stage=self.stage,
            fingerprint=name,
            settings=dict(settings),
            inputs=inputs,
            files={file: (self.directory / file).stat().st_size for file in sorted(files)},
            facts=dict(facts),
        )
        self.write_run(run)
        self._write_record(manifest, MANIFEST)
        (self.directory / PLANNED).unlink(missing_ok=True)
        return manifest

    def write_run(self, run: Run) -> None:
        """Write the statistics of a run. Raises WriteFailed."""
        self._write_record(run, RUN)

    def _write_record(self, content: msgspec.Struct, name: str) -> None:
        with replacing(self.directory / name) as temporary:
            temporary.write_bytes(msgspec.json.format(msgspec.json.encode(content, order="deterministic")) + b"\n")

    def _sweep(self, names: set[str]) -> None:
        """Delete the temporary files of these names that killed runs left."""
        for entry in os.listdir(self.directory):  # noqa: PTH208 -- only names are needed
            match = _TEMPORARY.fullmatch(entry)
            if match and match[1] in names:
                (self.directory / entry).unlink(missing_ok=True)


def _locked(file: IO[bytes], patience_s: float) -> bool:
    """Lock a file. Return False if another process holds it for `patience_s`."""
    last = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            if time.monotonic() >= last:
                return False
            time.sleep(0.1)


@contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path to write to. It replaces `path` when the block succeeds, else it is removed.

    With `durable`, the file is synced to disk first; scratch files, which can be written again, are not.
    """
    # The name is random: a task that counts as failed may still be writing.
    temporary = path.with_name(f"{path.name}.{secrets.randbits(60)}.part")
    try:
        with writing(path):
            yield temporary
            if durable:
                with temporary.open("rb") as written:
                    os.fsync(written.fileno())
            temporary.replace(path)
    finally:
        with suppress(OSError):  # an earlier error is being raised
            temporary.unlink()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise errors of the system in a write as WriteFailed or WriteDisturbed."""
    try:
        yield
    except OSError as error:
        kind = WriteDisturbed if is_transient(error) else WriteFailed
        raise kind(str(path), error.strerror or str(error)) from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "polars":  # Polars raises no OSError for a failed write
            raise
        raise WriteFailed(str(path), " ".join(str(error).split())) from error


def write_table(table: "pl.DataFrame", path: Path) -> None:
    """Write a table atomically."""
    with replacing(path) as temporary:
        table.write_parquet(temporary)
