"""Memory limit of a worker's words and pairs.

A worker's libraries need some 250 MB more. The limit changes no result, only when tables are flushed to disk and how
many workers are needed.
"""

import errno
from itertools import islice
from pathlib import Path
from typing import Final

from operators.errors import DataError, UsageError
from operators.redaction import shown

MEMORY_BYTES: Final = 1 << 30
"""Default limit of counting; without a --memory-limit nothing else is limited."""
FLUSH_PART: Final = 4
"""Divisor of the limit at which tables are flushed: a growing table is in memory twice, and again when sorted."""
WORTH_FLUSHING_BYTES: Final = 16 << 20
"""Smaller tables are not flushed when memory runs out: they are not what fills it."""
CROWDED: Final = 0.85
"""Fraction of memory in use above which tables are flushed. Ray's monitor kills workers at 0.95 by default."""
_CGROUPS: Final = (
    ("sys/fs/cgroup", ("memory.current", "memory.max", "inactive_file")),
    ("sys/fs/cgroup/memory", ("memory.usage_in_bytes", "memory.limit_in_bytes", "total_inactive_file")),
)
SHARD_BYTES_PER_SYMBOL: Final = 12
"""Bytes of a training shard for each byte of its distinct words, and each word. Tested; 8 to 9 on `help`."""


class TooLittleMemory(UsageError):
    """A --memory-limit below what one worker needs. `needed` and `allowed` are bytes."""

    what: str
    needed: int
    allowed: int
    remedy: str

    def __str__(self) -> str:
        needed, allowed = _mb(self.needed), _mb(self.allowed)
        return f"{shown(self.what)} takes {needed} MB, --memory-limit is {allowed} MB: {shown(self.remedy)}"


class OutOfMemory(DataError):
    """A request for memory, or for a thread's stack, that the system refused."""

    what: str
    refused: str
    message = (
        "{what}: the system gives no more {refused}: the machine, its container or a limit (ulimit -v, ulimit -u)"
        " is exhausted; use fewer --workers, set a lower --memory-limit, or raise the limit"
    )


def shortage_of(what: str, error: BaseException) -> OutOfMemory | None:
    """Return the error to raise in place of one that a lack of memory or threads has caused; None: another cause.

    `what` names the work. numpy and Arrow raise a MemoryError, Python a RuntimeError where no thread can start, the
    loader of libraries an ImportError, and system calls an OSError.
    """
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return OutOfMemory(what, "threads")
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return OutOfMemory(what, "memory")
    cause: BaseException | None = error if isinstance(error, ImportError | OSError) else None
    while cause is not None:  # a library that cannot be loaded is reported by the package that wanted it
        if "failed to map segment" in str(cause) or "Cannot allocate memory" in str(cause):
            return OutOfMemory(what, "memory")
        cause = cause.__context__
    return None


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f}"


def should_flush(held_bytes: int, limit_bytes: int) -> bool:
    """Return True if tables of `held_bytes` must be flushed to disk.

    That is above `limit_bytes` / FLUSH_PART, or, if worthwhile, when the machine is low on memory, before Ray's memory
    monitor kills the worker.
    """
    return held_bytes > limit_bytes // FLUSH_PART or (held_bytes > WORTH_FLUSHING_BYTES and is_crowded())


def is_crowded(root: Path = Path("/")) -> bool:
    """Return True if more than CROWDED of the memory of the machine, or of its container, is in use.

    Counted as Ray counts: inactive pages of files are free. False where the system does not tell.
    """
    usage = (_machine(root), *(_container(root / place, *names) for place, names in _CGROUPS))
    return any(used > CROWDED * limit for used, limit in usage)


def _machine(root: Path) -> tuple[int, int]:
    figures = _figures(root / "proc/meminfo", 3)
    most = figures.get("MemTotal:", 0)
    return most - figures.get("MemAvailable:", most), most


def _container(place: Path, used: str, maximum: str, inactive: str) -> tuple[int, int]:
    try:
        limit = int((place / maximum).read_text())  # "max" where there is none
        return int((place / used).read_text()) - _figures(place / "memory.stat").get(inactive, 0), limit
    except (OSError, ValueError):
        return 0, 0


def _figures(path: Path, lines: int | None = None) -> dict[str, int]:
    """Return the numbers by name in the first `lines` lines of a file of the system."""
    try:
        with path.open() as file:
            return {line[0]: int(line[1]) for line in map(str.split, islice(file, lines)) if len(line) > 1}
    except (OSError, ValueError):
        return {}


def shards_within(symbols: int, limit_bytes: int | None, shards: int, most: int) -> int:
    """Return the number of shards for words with `symbols` bytes: `shards`, or more if the limit requires.

    Raises TooLittleMemory if that is more than `most`.
    """
    if limit_bytes is None:
        return shards
    needed = symbols * SHARD_BYTES_PER_SYMBOL
    least = -(-needed // limit_bytes)
    if least > most:
        remedy = f"raise it, or spread the words over {least} workers (--workers {least}, and as many --partitions)"
        raise TooLittleMemory("training on these words", -(-needed // most), limit_bytes, remedy)
    return max(shards, least)
