"""The kernels, and where numba keeps them once compiled.

Numba looks at a kernel's own file to tell whether its cache is stale, not at the modules the file imports, nor at
whether bounds are checked. So the cache is a folder named by a digest of all that decides what is compiled.
"""

import hashlib
import os
from pathlib import Path
from typing import Final

import numba
from numba.core import entrypoints

# Else numba imports what other packages of the environment register with it; awkward's takes 0.4 s at each start.
entrypoints._already_initialized = True

_HERE: Final = Path(__file__).parent


def _digest() -> str:
    deciding = [source.read_bytes() for source in sorted(_HERE.glob("*.py"))]
    deciding += [numba.__version__.encode(), os.environ.get("NUMBA_BOUNDSCHECK", "").encode()]
    return hashlib.sha256(b"\0".join(deciding)).hexdigest()[:16]


CACHE: Final = Path(os.environ.get("NUMBA_CACHE_DIR") or _HERE / "__pycache__") / f"kernels-{_digest()}"
"""The folder of compiled kernels; numba falls back to one of its own where this cannot be written to."""

numba.config.CACHE_DIR = str(CACHE)


def stamp(group: str) -> Path:
    """A file in CACHE that is there once `operators.precompile` has compiled a group of kernels."""
    return CACHE / f"{group}.complete"


def are_compiled(*groups: str) -> bool:
    """Whether the cache holds these groups of kernels as they are now; also true where nothing is compiled."""
    return all(stamp(group).exists() for group in groups) or os.environ.get("NUMBA_DISABLE_JIT") == "1"
