"""Freed memory is kept for the next batch, not given back to the system and asked for again.

Batches come and go in buffers of some MiB. glibc and mimalloc, which Arrow takes unless told, return such buffers at
once, and the pages of the next ones come in zeroed: a third of the time of re-tokenizing (`help`, two threads: 1.43 s
without, 1.00 s with). Buffers over 32 MiB, those of long documents, still go back.
"""

import ctypes
from contextlib import suppress
from typing import Final

import pyarrow as pa

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Numbers of glibc's mallopt(3)."""
KEPT_BYTES: Final = 256 << 20
LARGEST_KEPT_BYTES: Final = 32 << 20
"""glibc takes no more."""


def keep_freed_memory() -> None:
    """For this process. Safe to repeat; what was allocated before stays where it is."""
    with suppress(OSError, AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(_MMAP_THRESHOLD, LARGEST_KEPT_BYTES)
    try:
        pool = pa.jemalloc_memory_pool()
    except NotImplementedError:  # pyarrow of this system was built without it
        pool = pa.system_memory_pool()
    pa.set_memory_pool(pool)
