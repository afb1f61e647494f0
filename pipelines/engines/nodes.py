"""Checks of a cluster's nodes: code, libraries and visible paths must equal the driver's."""

import hashlib
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from operators.errors import DataError
from operators.redaction import shown

ROOT: Final = Path(__file__).resolve().parents[2]
CODE: Final = ("operators", "pipelines", "jobs", "babelmerge")
LIBRARIES: Final = ("ray", "numpy", "numba", "pyarrow", "polars", "tokenizers", "zstandard", "msgspec", "highspy")
"""Libraries that affect results, or data sent between nodes."""
PROBE: Final = ".babelmerge-seen-"


class NodeMismatch(DataError):
    """Nodes whose code or libraries differ from the driver's. `differences`: (node, difference) pairs."""

    differences: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        unlike = "; ".join(shown(f"{node} {difference}") for node, difference in self.differences)
        return f"not all nodes run what the driver runs: {unlike}; start them all from one image, or use --working-dir"


class InvisiblePaths(DataError):
    """Nodes that cannot access paths that the driver can access. `unseen`: (node, paths) pairs."""

    unseen: tuple[tuple[str, tuple[str, ...]], ...]

    def __str__(self) -> str:
        nodes = "; ".join(
            f"{shown(node)} does not see {', '.join(map(shown, paths[:3]))}"
            + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
            for node, paths in self.unseen
        )
        return f"{nodes}: put inputs and output where all nodes see them, on a shared file system or an object store"


@dataclass(frozen=True)
class Identity:
    """Code and library versions of a process."""

    code: str
    """Digest of our own source."""
    versions: tuple[tuple[str, str], ...]
    """Versions of Python and of LIBRARIES."""

    def difference(self, other: "Identity") -> str | None:
        """Describe the difference of another process from this one; None: equal."""
        theirs = dict(other.versions)
        unlike = [
            f"has {name} {theirs.get(name)}, not {mine}" for name, mine in self.versions if theirs.get(name) != mine
        ]
        if self.code != other.code:
            unlike.insert(0, "has other code of babelmerge")
        return ", ".join(unlike) or None


@cache
def identity() -> Identity:
    """Return the identity of this process."""
    digest = hashlib.sha256()
    for package in CODE:
        for source in sorted((ROOT / package).rglob("*.py")):
            digest.update(source.relative_to(ROOT).as_posix().encode() + b"\0" + source.read_bytes() + b"\0")
    return Identity(
        digest.hexdigest(), (("python", sys.version.split()[0]), *((name, _version(name)) for name in LIBRARIES))
    )


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "none"


def missing_paths(paths: Sequence[str]) -> tuple[str, ...]:
    """Return the local paths that do not exist."""
    return tuple(path for path in paths if not Path(path).exists())


@contextmanager
def probes(inputs: Sequence[str], output: Path) -> Iterator[list[str]]:
    """Yield local paths that all nodes must see: the first input of each folder, and a new file in or above the output.

    Another machine's disk may have a folder of the same name, but not a file that was created just now.
    """
    first = {str(Path(path).parent): path for path in sorted(inputs, reverse=True) if "://" not in path}
    files = sorted(first.values())
    inside = output if output.is_dir() else next(one for one in output.parents if one.is_dir())
    probe = inside / f"{PROBE}{secrets.token_hex(8)}"
    try:
        probe.touch(exist_ok=False)
    except OSError:
        yield files  # the first write there will raise the error
        return
    try:
        yield [*files, str(probe)]
    finally:
        with suppress(OSError):
            probe.unlink()
