"""How much memory the words and pairs of one worker may take, and how that is kept.

A worker's libraries take some 250 MB more. Nothing here changes a result: only when tables are written out, and how
many workers it takes.
"""

from itertools import islice
from pathlib import Path
from typing import Final

from operators.errors import UsageError

MEMORY_BYTES: Final = 1 << 30
"""Decides when counting writes its tables out, unless told; then nothing else is limited."""
FLUSH_PART: Final = 4
"""Tables are written out at this part of the limit: one that grows is there twice, and once more when it is sorted."""
WORTH_FLUSHING_BYTES: Final = 16 << 20
"""Smaller tables are kept when memory runs out: they are not what fills it."""
CROWDED: Final = 0.85
"""Of memory; Ray's monitor ends workers at 0.95 of it, unless told."""
_CGROUPS: Final = (
    ("sys/fs/cgroup", ("memory.current", "memory.max", "inactive_file")),
    ("sys/fs/cgroup/memory", ("memory.usage_in_bytes", "memory.limit_in_bytes", "total_inactive_file")),
)
SHARD_BYTES_PER_SYMBOL: Final = 12
"""A training shard's bytes for each byte of its distinct words, and each word. Held by a test; 8 to 9 on `help`."""


class TooLittleMemory(UsageError):
    """A --memory-limit below what one worker needs. `needed` and `allowed` are bytes."""

    what: str
    needed: int
    allowed: int
    remedy: str

    def __str__(self) -> str:
        return f"{self.what} takes {_mb(self.needed)} MB, --memory-limit is {_mb(self.allowed)} MB: {self.remedy}"


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f}"


def should_flush(held_bytes: int, limit_bytes: int) -> bool:
    """Whether tables of so many bytes are to be written out: at FLUSH_PART of the limit, or, where it is worth it, when
    the machine runs out of memory, whoever took it: else Ray ends the worker, and its work is lost."""
    return held_bytes > limit_bytes // FLUSH_PART or (held_bytes > WORTH_FLUSHING_BYTES and is_crowded())


def is_crowded(root: Path = Path("/")) -> bool:
    """Whether more than CROWDED of the machine's memory, or of what its container may take, is in use. Counted as Ray
    counts: what the system would give back first (clean pages of files) is free. False where the system does not say.
    """
    found = (_machine(root), *(_container(root / place, *names) for place, names in _CGROUPS))
    return any(taken > CROWDED * most for taken, most in found)


def _machine(root: Path) -> tuple[int, int]:
    figures = _figures(root / "proc/meminfo", 3)
    most = figures.get("MemTotal:", 0)
    return most - figures.get("MemAvailable:", most), most


def _container(place: Path, taken: str, most: str, given_back: str) -> tuple[int, int]:
    try:
        limit = int((place / most).read_text())  # "max" where there is none
        return int((place / taken).read_text()) - _figures(place / "memory.stat").get(given_back, 0), limit
    except (OSError, ValueError):
        return 0, 0


def _figures(path: Path, lines: int | None = None) -> dict[str, int]:
    """Of the first `lines` lines, each a name and a number, as the system has them."""
    try:
        with path.open() as file:
            return {line[0]: int(line[1]) for line in map(str.split, islice(file, lines)) if len(line) > 1}
    except (OSError, ValueError):
        return {}


def shards_within(symbols: int, limit_bytes: int | None, shards: int, most: int) -> int:
    """How many shards to make of words with so many symbols: `shards`, or as many more as the limit asks for.

    Raises TooLittleMemory where that is more than `most`.
    """
    if limit_bytes is None:
        return shards
    needed = symbols * SHARD_BYTES_PER_SYMBOL
    least = -(-needed // limit_bytes)
    if least > most:
        remedy = f"raise it, or spread the words over {least} workers (--workers {least}, and as many --partitions)"
        raise TooLittleMemory("training on these words", -(-needed // most), limit_bytes, remedy)
    return max(shards, least)
