"""Numba, set up for kernels. It is imported when a kernel must be compiled, or has no image for this processor."""

from collections.abc import Callable
from typing import Any

import numba
from numba.core import entrypoints
from numba.core.registry import cpu_target

from operators.kernels import CACHE
from operators.kernels.images import Image
from operators.kernels.object_code import image_of

# Otherwise numba imports the extensions that other installed packages register; awkward's takes 0.4 s at each start.
entrypoints._already_initialized = True
numba.config.CACHE_DIR = str(CACHE)


def dispatcher_of(function: Callable[..., Any]) -> Any:
    """Return numba's compiled form of a function. It releases the GIL, and is cached."""
    return numba.njit(cache=True, nogil=True)(function)


def type_of_function(intrinsic: Any) -> Any:
    """Return numba's type of an intrinsic."""
    typing = cpu_target.typing_context
    typing.refresh()
    return typing.resolve_value_type(intrinsic)


def exported(dispatcher: Any, arguments: tuple[Any, ...]) -> Image | None:
    """Return the image of a kernel that was compiled for arguments of these types; None where it can have none.

    The object code is that of numba's cache on disk.
    """
    signature = tuple(map(numba.typeof, arguments))
    if signature not in dispatcher.overloads:  # numba has taken a version for other types
        return None
    cache = dispatcher._cache
    payload = cache._cache_file.load(cache._index_key(signature, cpu_target.target_context.codegen()))
    if payload is None:
        return None
    (_, kind, code), description, own, *_, referenced = payload
    environments = {one.env_name: one.consts for one in (own, *referenced)}
    return image_of(code[0], description.llvm_cpython_wrapper_name, environments) if kind == "object" else None
