"""How much memory the words and pairs of one worker may take, and how that is kept.

A worker's libraries take some 250 MB more. Nothing here changes a result: only when tables are written out, and how
many workers it takes.
"""

from typing import Final

from operators.errors import UsageError

MEMORY_BYTES: Final = 1 << 30
"""Decides when counting writes its tables out, unless told; then nothing else is limited."""
FLUSH_PART: Final = 4
"""Tables are written out at this part of the limit: one that grows is there twice, and once more when it is sorted."""
SHARD_BYTES_PER_SYMBOL: Final = 12
"""A training shard's bytes for each byte of its distinct words, and each word. Held by a test; 8 to 9 on `help`."""


class TooLittleMemory(UsageError):
    """What one worker would hold is more than it may."""

    def __init__(self, what: str, needed: int, allowed: int, remedy: str) -> None:
        super().__init__(what, needed, allowed, remedy)
        self.what, self.needed, self.allowed, self.remedy = what, needed, allowed, remedy

    def __str__(self) -> str:
        return f"{self.what} takes {_mb(self.needed)} MB, --memory-limit is {_mb(self.allowed)} MB: {self.remedy}"


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f}"


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
