"""One thread for BLAS: matrix products add up in another order on another number of threads.

Results must not depend on the number of processors. The command sets OPENBLAS_NUM_THREADS before numpy is loaded, and
Ray gives its workers one thread; a program that loaded numpy before gets it here.
"""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

VARIABLE: Final = "OPENBLAS_NUM_THREADS"
_FOLDERS: Final = ("../numpy.libs", ".dylibs", ".libs")
"""Folders of the libraries in numpy's wheels, from numpy's own: of Linux, of macOS, of Windows."""
_NAMES: Final = [
    (f"{prefix}openblas_get_num_threads{suffix}", f"{prefix}openblas_set_num_threads{suffix}")
    for prefix in ("scipy_", "")
    for suffix in ("64_", "")
]


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Give OpenBLAS one thread in this process, and in processes that it starts, until the block ends.

    Other threads of the process see that, too. Where numpy uses another BLAS, nothing happens.
    """
    given, found = os.environ.get(VARIABLE), [(get(), put) for get, put in _openblas()]
    os.environ[VARIABLE] = "1"
    for _, put in found:
        put(1)
    try:
        yield
    finally:
        for before, put in found:
            put(before)
        if given is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = given


def _openblas() -> list[tuple[Any, Any]]:
    """Functions that get and set the number of threads, of each OpenBLAS that numpy has loaded."""
    if "numpy" not in sys.modules:
        return []  # it reads the variable when it is loaded
    import numpy

    here, functions = Path(numpy.__file__).parent, []
    for path in (path for folder in _FOLDERS for path in sorted((here / folder).glob("*openblas*"))):
        with suppress(OSError):
            library = ctypes.CDLL(str(path))
            pair = next((pair for pair in _NAMES if hasattr(library, pair[1])), None)
            if pair is not None:
                functions.append((getattr(library, pair[0]), getattr(library, pair[1])))
    return functions
