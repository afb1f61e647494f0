"""Compilation of kernels before their first use, with a line that says why it takes so long."""

import logging
import threading
from collections.abc import Sequence
from typing import Final

from operators.kernels import are_compiled

_LOG: Final = logging.getLogger("babelmerge")
_LOCK: Final = threading.Lock()


def compile_if_needed(groups: Sequence[str]) -> None:
    """Compile groups of kernels (`operators.precompile`) that the cache lacks, and log a warning before."""
    with _LOCK:
        if are_compiled(*groups):
            return
        from operators.precompile import compile_kernels  # imports much, to compile it

        _LOG.warning("compiling kernels: about 20 s, once on this machine")
        compile_kernels(groups)
