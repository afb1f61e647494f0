"""What every node of a cluster must have in common with the driver: code, libraries, and the paths of a job."""

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
CODE: Final = ("operators", "pipelines", "jobs")
LIBRARIES: Final = ("ray", "numpy", "numba", "pyarrow", "polars", "tokenizers", "zstandard", "msgspec", "highspy")
"""Those that decide what comes out, or what travels between nodes."""
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
            f"{node} does not see {', '.join(map(shown, paths[:3]))}"
            + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
            for node, paths in self.unseen
        )
        return f"{nodes}: put inputs and output where all nodes see them, on a shared file system or an object store"


@dataclass(frozen=True)
class Identity:
    """What a process runs."""

    code: str
    """A digest of our own source."""
    versions: tuple[tuple[str, str], ...]
    """Python's and those of LIBRARIES."""

    def difference(self, other: "Identity") -> str | None:
        """How another process differs from this one; None: it does not."""
        theirs = dict(other.versions)
        unlike = [
            f"has {name} {theirs.get(name)}, not {mine}" for name, mine in self.versions if theirs.get(name) != mine
        ]
        if self.code != other.code:
            unlike.insert(0, "has other code of babelmerge")
        return ", ".join(unlike) or None


@cache
def identity() -> Identity:
    """Of this process."""
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
    """Those of these local paths that are not there."""
    return tuple(path for path in paths if not Path(path).exists())


@contextmanager
def probes(inputs: Sequence[str], output: Path) -> Iterator[list[str]]:
    """Local paths for all nodes to look for: of each folder the first input, and a new file in or above the output.

    Another machine's disk may have a folder of the same name, but not a file that was made this moment.
    """
    first = {str(Path(path).parent): path for path in sorted(inputs, reverse=True) if "://" not in path}
    files = sorted(first.values())
    inside = output if output.is_dir() else next(one for one in output.parents if one.is_dir())
    probe = inside / f"{PROBE}{secrets.token_hex(8)}"
    try:
        probe.touch(exist_ok=False)
    except OSError:
        yield files  # whoever writes there will say what is wrong
        return
    try:
        yield [*files, str(probe)]
    finally:
        with suppress(OSError):
            probe.unlink()
