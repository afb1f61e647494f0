"""Numba kernels, and the folder that caches their compiled code.

To decide if a cached kernel is stale, numba looks at the kernel's own file only: not at the modules that the file
imports, nor at whether bounds are checked. So the folder is named by a digest of all that decides what is compiled.
"""

import hashlib
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent


def _digest() -> str:
    found = find_spec("numba")  # which does not import it
    version = [Path(found.origin).with_name("_version.py")] if found is not None and found.origin else []
    deciding = [source.read_bytes() for source in [*sorted(_HERE.glob("*.py")), *version]]
    settings = [os.environ.get(f"NUMBA_{name}", "") for name in ("BOUNDSCHECK", "CPU_NAME", "CPU_FEATURES", "OPT")]
    deciding += [one.encode() for one in (*settings, str(sys.implementation.cache_tag))]
    return hashlib.sha256(b"\0".join(deciding)).hexdigest()[:16]


CACHE: Final = Path(os.environ.get("NUMBA_CACHE_DIR") or _HERE / "__pycache__") / f"kernels-{_digest()}"
"""Folder of compiled kernels; numba falls back to one of its own where this cannot be written to."""


def stamp(group: str) -> Path:
    """Return the path of the marker file that `operators.precompile` writes once a group of kernels is compiled."""
    return CACHE / f"{group}.complete"


def are_compiled(*groups: str) -> bool:
    """Return True if the cache holds these groups of kernels as they are now, or if compilation is switched off."""
    return all(stamp(group).exists() for group in groups) or os.environ.get("NUMBA_DISABLE_JIT") == "1"
