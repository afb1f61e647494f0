"""Storage of input files: the local file system, pyarrow.fs or fsspec. Only this module opens input files.

All errors of the packages behind a URI are raised as errors of our own.
"""

import datetime
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol
from urllib.parse import quote, unquote

from operators.errors import BabelmergeError
from pipelines.corpus.errors import MissingInput
from pipelines.retry import is_transient_remote
from pipelines.storage_errors import StorageDisturbed, UnreadableInput

_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)(?:::[^/]*)?://")
_USER = re.compile(r"[^/@:]*:(?!\d+/).*?@(?![^/]*@)|[^/@]+@")
"""Credentials before the bucket: "key:secret@", "anonymous@"."""
_ARROW_SCHEMES: Final = ("s3", "gs", "gcs", "abfs", "abfss")
"""Schemes that pyarrow opens by itself; the others go through fsspec and the package it names."""
_MODIFIED_KEYS: Final = ("mtime", "LastModified", "last_modified", "updated", "modified", "created")
"""Names of the modification time in fsspec's file systems; the first one present is used."""


@dataclass(frozen=True)
class Entry:
    """An entry of a directory. `other` is a dangling link, a pipe, a device."""

    path: str
    kind: Literal["file", "directory", "other"]
    size: int | None
    modified_ns: int | None


class Storage(Protocol):
    """A storage. "/" separates the components of its paths."""

    def stat(self, path: str) -> Entry | None:
        """Return the entry at a path; None: nothing there."""

    def entries(self, path: str) -> list[Entry]:
        """Return the entries of a directory, sorted by path."""

    def identity(self, path: str) -> str:
        """Return a name that is equal for all paths of one directory."""

    def uri(self, path: str) -> str:
        """Return the path for users: absolute where local, with its scheme elsewhere."""

    def inside(self, uri: str) -> str:
        """Return the path of a result of `uri`."""

    def open(self, path: str) -> Any:
        """Open a binary file object with read and seek."""


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Raise errors of opening, listing and reading as errors of our own."""
    try:
        yield
    except BabelmergeError:
        raise
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingInput(path) from error
    except PermissionError as error:
        raise UnreadableInput(path, "permission denied; ask for read access") from error
    except IsADirectoryError as error:
        raise UnreadableInput(path, "is a directory, not a file") from error
    except MemoryError:
        raise
    except Exception as error:  # a file system of fsspec raises what its package raises
        said = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        kind = StorageDisturbed if is_transient_remote(error) else UnreadableInput
        raise kind(path, f"cannot be read: {' '.join(said.split())[:300]}") from error


class LocalStorage:
    """Local file system. Paths are absolute; links are followed."""

    def stat(self, path: str) -> Entry | None:
        """Return the entry at a path; None: nothing there, not even a dangling link."""
        with explained(path):
            try:
                return self._entry(path)
            except (FileNotFoundError, NotADirectoryError):
                return None

    def entries(self, path: str) -> list[Entry]:
        """Return the entries of a directory, sorted by path."""
        with explained(path):
            return [self._entry(os.path.join(path, name)) for name in sorted(os.listdir(path))]  # noqa: PTH118, PTH208

    def _entry(self, path: str) -> Entry:
        try:
            status = os.stat(path)  # noqa: PTH116 -- a Path would turn "a/../b" and "//" into something else
        except OSError:
            os.lstat(path)  # raises where nothing is
            return Entry(path, "other", None, None)
        if os.path.isdir(path):  # noqa: PTH112
            return Entry(path, "directory", None, None)
        kind: Literal["file", "other"] = "file" if os.path.isfile(path) else "other"  # noqa: PTH113
        return Entry(path, kind, status.st_size, status.st_mtime_ns)

    def identity(self, path: str) -> str:
        """Return the path with all links resolved."""
        return os.path.realpath(path)

    def uri(self, path: str) -> str:
        """Return the path itself."""
        return path

    def inside(self, uri: str) -> str:
        """Return the path itself."""
        return uri

    def open(self, path: str) -> Any:
        """Open unbuffered: reads are large. Never a memory map, which crashes when a file shrinks."""
        return Path(path).open("rb", buffering=0)


@dataclass(frozen=True)
class RemoteStorage:
    """A file system of fsspec, or one of pyarrow wrapped for it. Paths have no scheme."""

    files: Any
    prefix: str
    """Prefix that makes a path a URI: "s3://"; empty where the file system's paths are URIs."""
    suffix: str
    """Rest of a chain ("zip://a.jsonl::s3://bucket/b.zip"), else empty."""
    root: str
    """First characters of all paths: "/" or nothing."""

    def stat(self, path: str) -> Entry | None:
        """Return the entry at a path, not from a cached listing, which may be stale."""
        with explained(self.uri(path)):
            self.files.invalidate_cache()
            try:
                return self._entry(self.files.info(path))
            except (FileNotFoundError, NotADirectoryError) as error:
                if (said := _other_than_missing(error.__cause__)) is not None:
                    raise said from error
                return None

    def entries(self, path: str) -> list[Entry]:
        """Return the entries of a directory, sorted by path."""
        with explained(self.uri(path)):
            found = [self._entry(info) for info in self.files.ls(path, detail=True)]
        # Some stores list an empty object named like the directory inside it.
        return sorted((e for e in found if e.path.rstrip("/") != path.rstrip("/")), key=lambda entry: entry.path)

    def _entry(self, info: dict[str, Any]) -> Entry:
        path = str(info["name"])
        if info["type"] == "directory":
            return Entry(path.rstrip("/"), "directory", None, None)
        size = info.get("size")
        return Entry(path, "file" if info["type"] == "file" else "other", size, _modified_ns(info))

    def identity(self, path: str) -> str:
        """Return the path: there are no links."""
        return path

    def uri(self, path: str) -> str:
        """Return the path with scheme and the rest of the chain."""
        return f"{self.prefix}{path.removeprefix(self.root)}{self.suffix}"

    def inside(self, uri: str) -> str:
        """Return the path without scheme and chain; with a leading slash where paths have one."""
        path = uri.removesuffix(self.suffix).removeprefix(self.prefix)
        return f"{self.root}{path}"

    def open(self, path: str) -> Any:
        """Open with the file system's own method."""
        return self.files.open(path, "rb")


def _other_than_missing(cause: BaseException | None) -> Exception | None:
    """Return the cause of a "not found" of fsspec's http if it is another: an unreachable host, or a refusal."""
    unreached = isinstance(cause, OSError) and not isinstance(cause, FileNotFoundError | NotADirectoryError)
    status = getattr(cause, "status", None)
    refused = isinstance(status, int) and status not in (404, 410)
    return cause if isinstance(cause, Exception) and (unreached or refused) else None


def _modified_ns(info: dict[str, Any]) -> int | None:
    for key in _MODIFIED_KEYS:
        value = info.get(key)
        if isinstance(value, str):
            try:
                value = datetime.datetime.fromisoformat(value)
            except ValueError:
                continue
        if isinstance(value, datetime.datetime):
            value = value.timestamp()
        if isinstance(value, int | float):
            return int(value * 1e9)
    return None


def is_uri(path: str) -> bool:
    """Return True if the path begins with a scheme."""
    return _URI.match(path) is not None


def locate(path: str) -> tuple[Storage, str]:
    """Return the storage that a path or URI names, and the path in it.

    Raises UnreadableInput for an unknown scheme, or one whose package is not installed.
    """
    match = _URI.match(path)
    if match is None:
        return LocalStorage(), os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 -- links stay
    scheme = match[1].lower()
    if scheme == "file":
        if not path[match.end() :].startswith("/"):
            raise UnreadableInput(path, "names a host; write file:///absolute/path")
        return LocalStorage(), os.path.abspath(unquote(path[match.end() :]))  # noqa: PTH100
    with explained(path):
        if scheme in _ARROW_SCHEMES and "::" not in path:
            return _arrow_storage(scheme, path[match.end() :])
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # its client for hf:// would report transfers
        import fsspec  # takes long, and most files are on this machine

        files, inside = fsspec.core.url_to_fs(path)
        rest = path.partition("::")[2]
        scheme_of_paths = "" if is_uri(inside) else f"{scheme}://"
        root = "/" if inside.startswith("/") else ""
        return RemoteStorage(files, scheme_of_paths, f"::{rest}" if rest else "", root), inside


def _arrow_storage(scheme: str, rest: str) -> tuple[RemoteStorage, str]:
    """Parse "bucket/key" or "user:password@bucket/key?option=value"; keys stay as they are: "%20" is no space."""
    from fsspec.implementations.arrow import ArrowFSWrapper  # takes long, and most files are on this machine
    from pyarrow.fs import FileSystem

    path, question, query = rest.partition("?")
    if "=" not in query:  # a glob's "?"
        path, question, query = rest, "", ""
    match = _USER.match(path)
    user = match[0][:-1] if match else ""
    bucket, _, key = path[len(match[0]) if match else 0 :].partition("/")
    authority = f"{quote(user, safe=':%')}@{bucket}" if user else bucket  # an AWS secret may hold a "/"
    files, root = FileSystem.from_uri(f"{scheme}://{authority}{question}{query}")
    inside = "/".join(part for part in (root.rstrip("/"), key) if part)
    return RemoteStorage(ArrowFSWrapper(files), f"{scheme}://", "", ""), inside
