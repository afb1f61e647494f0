"""The decorator of kernels: numba compiles them; a process that finds a kernel's image calls it without numba.

Importing numba and its compiler takes 60 MB and 0.3 s, and loading a kernel from its cache 10 ms: as much as a whole
training run on 1 MB. An image (`operators.kernels.images`) is there after the kernel has run once on this machine.
"""

import os
import threading
from collections.abc import Callable
from functools import cached_property
from typing import Any, Final

from operators.kernels.images import Key, load_image, save_image, type_of

INTERPRETED: Final = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
"""True: kernels are plain Python."""
_LOCK: Final = threading.RLock()


class Kernel:
    """A compiled loop, in a version for each combination of types of its arguments; a version is loaded when called.

    Numba sees a kernel as it sees the result of its own decorator.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.py_func = function
        self.__module__, self.__name__, self.__doc__ = function.__module__, function.__name__, function.__doc__
        self._versions: dict[Key, Callable[[tuple[Any, ...]], Any]] = {}

    def __call__(self, *arguments: Any) -> Any:
        """Run the version for these types."""
        key = tuple(map(type_of, arguments))
        version = self._versions.get(key)
        return version(arguments) if version is not None else self._load(key, arguments)

    def __reduce__(self) -> str:
        """Pickle by name, as functions are."""
        return self.__name__

    def _load(self, key: Key, arguments: tuple[Any, ...]) -> Any:
        """Load a version, or let numba compile it; run it."""
        name = f"{self.py_func.__module__}.{self.py_func.__qualname__}"
        alone = self.py_func.__closure__ is None  # else the name does not tell what is compiled
        with _LOCK:
            call = load_image(name, key) if alone else None
            if call is None:
                dispatcher = self._dispatcher
            self._versions[key] = call or (lambda arguments: dispatcher(*arguments))
        result = self._versions[key](arguments)
        if call is None and alone:
            from operators.kernels.compiler import exported

            save_image(name, key, exported(dispatcher, arguments))
        return result

    @cached_property
    def _dispatcher(self) -> Any:
        from operators.kernels.compiler import dispatcher_of

        return dispatcher_of(self.py_func)

    @property
    def _numba_type_(self) -> Any:
        with _LOCK:
            return self._dispatcher._numba_type_


def kernel(function: Callable[..., Any]) -> Any:
    """Turn a function of numpy arrays and numbers into a kernel. Its calls release the GIL."""
    return function if INTERPRETED else Kernel(function)
