"""Budget for what a file may expand to: decompressed text, and values that a column stores once for many rows.

A small hostile file may hold any amount of text: zeros compress by a factor of 30,000, and Parquet's dictionaries and
delta encodings repeat a value of megabytes for a few bits a row. Text compresses by a factor of 20, rarely 100.
"""

from typing import Final

EXPANSION: Final = 1000
"""Largest ratio of text to stored bytes of a file."""
LEAST_BYTES: Final = 2 << 30
"""Text that a file of any size may hold."""


def why_too_large(expanded_bytes: int, stored_bytes: int) -> str | None:
    """Return the reason to stop reading a file that has given `expanded_bytes` so far; None: within its budget."""
    if expanded_bytes <= max(LEAST_BYTES, EXPANSION * stored_bytes):
        return None
    return f"expands to over {LEAST_BYTES >> 20:,} MiB, more than {EXPANSION:,} times the size of the file"
