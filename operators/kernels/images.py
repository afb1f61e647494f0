"""Images of kernels: the machine code that numba made of one, in a file that is loaded without numba.

Numba's object code for x86-64 refers to everything by 64-bit addresses (LLVM's large code model), so loading is: copy
it to memory, and add where it lies to the addresses inside it. Its entry is the wrapper that numba makes for Python: it
takes a tuple of arguments, reads them, releases the GIL, and makes Python objects of the results. It calls Python's C
interface, libc, and functions of two of numba's extension modules, which need nothing else of numba.

An image is for the processor, numba, Python and sources that it was made by and of; a process that has no such image
compiles. On other systems than Linux on x86-64 there is none at all.
"""

import ctypes
import hashlib
import mmap
import os
import pickle
import platform
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from operators.kernels import CACHE

Key = Any
"""Types of arguments: str, number or None for one, a tuple for several; None: of no image."""
PAGE: Final = mmap.PAGESIZE
_FLAGS: Final = 0x503
"""Bits of an array's flags that decide its type: C- and F-contiguous (1, 2), aligned (0x100), writable (0x400)."""
_INT64: Final = range(-(1 << 63), 1 << 63)
_NUMBERS: Final = (
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64",
)  # fmt: skip
_ARRAYS: Final = {np.dtype(name): name for name in (*_NUMBERS, "bool")}
_SCALARS: Final = {bool: "bool", np.bool_: "bool", float: "float64"} | {getattr(np, name): name for name in _NUMBERS}
_READ_WRITE: Final = mmap.PROT_READ | mmap.PROT_WRITE


class Image(NamedTuple):
    """Machine code of one kernel for one combination of types. Places are bytes from the start of the code."""

    code: bytes
    """Code and constants, whole pages; nothing writes to them."""
    variables: int
    """Bytes of variables behind the code, zero at first."""
    entry: int
    """Place of the wrapper for Python."""
    inside: list[tuple[int, int]]
    """Places of addresses, and the places that they are to point to."""
    outside: dict[str, list[tuple[int, int]]]
    """Name of a function or variable elsewhere to places of addresses, and what is to be added to each."""
    environments: list[tuple[int, list[Any]]]
    """Place of a variable, and the constants of numba's environment that it is to point to."""


def type_of(value: Any) -> Key:
    """Return the type of an argument. Values of one type are of one type for numba, too, unless it is None."""
    kind = type(value)
    if kind is np.ndarray:
        return _ARRAYS.get(value.dtype), value.ndim, value.flags.num & _FLAGS
    if kind is int:
        return "int64" if value in _INT64 else None
    if issubclass(kind, tuple):
        return (kind, *map(type_of, value))
    return _SCALARS.get(kind)


def save_image(name: str, key: Key, image: Image | None) -> None:
    """Keep the image of a kernel for arguments of these types, where there is one and the cache can be written to."""
    path = _path(name, key)
    if image is None or path is None:
        return
    content = pickle.dumps(tuple(image))
    temporary = path.with_name(
        f"{path.name}.{os.urandom(8).hex()}"
    )  # a folder may be shared by machines, and by threads
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(_digest(path, content) + content)
        temporary.replace(path)


def load_image(name: str, key: Key) -> Callable[[tuple[Any, ...]], Any] | None:
    """Load a kernel for arguments of these types; return a function of the tuple of arguments. None: no such image."""
    path = _path(name, key)
    if path is None:
        return None
    try:
        content = path.read_bytes()
        if _digest(path, content[32:]) != content[:32]:
            return None
        return _loaded(Image(*pickle.loads(content[32:])))
    except (
        OSError,
        ImportError,
        AttributeError,
        KeyError,
        ValueError,
    ):  # not there, or no helper of numba that it calls
        return None


def _digest(path: Path, content: bytes) -> bytes:
    """Return what is written before an image. It holds the file's name: code for other types would corrupt memory."""
    return hashlib.sha256(path.name.encode() + b"\0" + content).digest()


def _path(name: str, key: Key) -> Path | None:
    """Return the file of an image; None where a type has none, or this system."""
    spelled, processor = _spelled(key), _processor()
    if spelled is None or processor is None:
        return None
    return CACHE / "images" / f"{name}.{hashlib.sha256(f'{spelled} {processor}'.encode()).hexdigest()[:16]}"


def _spelled(key: Key) -> str | None:
    if isinstance(key, tuple):
        parts = [_spelled(one) for one in key]
        return None if None in parts else f"({','.join(map(str, parts))})"
    if isinstance(key, type):
        return f"{key.__module__}.{key.__qualname__}"
    return None if key is None else str(key)


@cache
def _processor() -> str | None:
    """Return what decides the code for this processor, as Linux describes it; None: images are not for this system."""
    if sys.platform != "linux" or platform.machine() != "x86_64" or sys.implementation.name != "cpython":
        return None
    if os.environ.get("NUMBA_CPU_NAME", "").lower() == "generic":
        return "generic"
    try:
        with Path("/proc/cpuinfo").open() as file:
            first = file.read(1 << 13).partition("\n\n")[0].splitlines()
    except OSError:
        return None
    return "\n".join(line for line in first if line.startswith(("cpu family", "model", "stepping", "flags")))


def _loaded(image: Image) -> Callable[[tuple[Any, ...]], Any]:
    """Bring an image to memory that is never freed. Raises what is missing for it."""
    addresses = [(place, address + add) for name in image.outside for address in [_address(name)]
                 for place, add in image.outside[name]]  # fmt: skip
    size = len(image.code) + image.variables
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=_READ_WRITE)
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    memory[: len(image.code)] = image.code
    environments = [_environment(constants) for _, constants in image.environments]
    addresses += [(place, base + target) for place, target in image.inside]
    addresses += [(one[0], id(made)) for one, made in zip(image.environments, environments, strict=True)]
    for place, address in addresses:
        struct.pack_into("<Q", memory, place, address)
    library = ctypes.CDLL(None, use_errno=True)
    library.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    if library.mprotect(base, len(image.code), mmap.PROT_READ | mmap.PROT_EXEC):
        raise OSError(ctypes.get_errno(), "mprotect")
    _KEPT.append((memory, environments))
    wrapper = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.py_object, ctypes.c_void_p)(
        base + image.entry
    )
    return lambda arguments: wrapper(None, arguments, None)


_KEPT: Final[list[Any]] = []
"""Loaded images, and objects that they point to."""


def _environment(constants: list[Any]) -> Any:
    made = _numba("_dynfunc").Environment({})
    made.consts[:] = constants
    return made


def _address(name: str) -> int:
    """Return the address of a function or variable of numba's helpers, Python or libc. Raises KeyError, ValueError."""
    if name == "numba_unpickle":
        return ctypes.cast(_unpickle, ctypes.c_void_p).value or 0
    if name.startswith("numba_"):
        return int(_numba("_helperlib").c_helpers[name.removeprefix("numba_")])
    if name.startswith("NRT_"):
        return int(_numba("core.runtime._nrt_python").c_helpers[name.removeprefix("NRT_")])
    return ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, name))


@cache
def _numba(name: str) -> Any:
    """Return one of numba's extension modules, without importing numba: 1 ms instead of 300."""
    name = f"numba.{name}"
    if "numba" in sys.modules:
        return import_module(name)
    package = find_spec("numba")
    if package is None or package.origin is None:
        raise ImportError(name)
    folder = Path(package.origin).parent.joinpath(*name.split(".")[1:-1])
    for path in folder.glob(f"{name.rpartition('.')[2]}.*.so"):
        spec = spec_from_file_location(name, path)
        if spec is not None and spec.loader is not None:
            sys.modules[name] = module = module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
    raise ImportError(name)


_UNPICKLED: Final[dict[int, Any]] = {}


@ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
def _unpickle(data: int, size: int, digest: int) -> Any:
    """Return a constant object of an image, such as the class of a named tuple. Numba's own would import numba."""
    if data not in _UNPICKLED:
        _UNPICKLED[data] = pickle.loads(ctypes.string_at(data, size))
    return _UNPICKLED[data]
