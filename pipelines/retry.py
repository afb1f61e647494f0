"""Retry with pauses for transient storage errors: a network failure, a file server that restarts.

The client packages of object stores retry too. This module handles the errors that they pass on, and those of mounted
file systems.
"""

import errno
import time
from collections.abc import Callable
from typing import Final, TypeVar

from operators.errors import BabelmergeError, Retriable
from pipelines.memory import shortage_of
from pipelines.storage_errors import StorageDisturbed, StorageFailed

PAUSES_S: Final = (0.2, 1.0, 3.0)
"""Pause before each further attempt."""
_TRANSIENT: Final = frozenset(
    getattr(errno, name)
    for name in (
        "EIO", "ESTALE", "EAGAIN", "EINTR", "EBUSY", "ETIMEDOUT", "ECONNRESET", "ECONNREFUSED", "ECONNABORTED",
        "EPIPE", "ENETDOWN", "ENETUNREACH", "ENETRESET", "EHOSTDOWN", "EHOSTUNREACH", "EREMOTEIO",
    )
    if hasattr(errno, name)
)  # fmt: skip
_PERMANENT: Final = (
    FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError, MemoryError, ValueError, TypeError,
    LookupError, AttributeError, ImportError, NotImplementedError, BabelmergeError,
)  # fmt: skip

Answer = TypeVar("Answer")


def is_transient(error: Exception) -> bool:
    """Return True if the same call may succeed later."""
    if isinstance(error, Retriable):
        return True
    return isinstance(error, OSError) and not isinstance(error, _PERMANENT) and error.errno in (None, *_TRANSIENT)


def is_transient_remote(error: Exception) -> bool:
    """Return True if a call to remote storage may succeed later. Client packages raise errors of any type."""
    return is_transient(error) if isinstance(error, OSError) else not isinstance(error, _PERMANENT)


def retry(call: Callable[[], Answer], transient: Callable[[Exception], bool] = is_transient) -> Answer:
    """Return call(); after a transient error pause and call again, once for each of PAUSES_S."""
    for pause in PAUSES_S:
        try:
            return call()
        except Exception as error:
            if not transient(error):
                raise
        time.sleep(pause)
    return call()


def run_with_retry(what: str, call: Callable[[], Answer]) -> Answer:
    """Return call(), repeated from its beginning after a transient storage error.

    `what` names the task in the error. An error of an input is not retried here: its reader has done so already. Raises
    StorageFailed if the error persists, and OutOfMemory where the system gives no more memory or threads.
    """
    try:
        return retry(call, lambda error: is_transient(error) and not isinstance(error, StorageDisturbed))
    except (MemoryError, RuntimeError, ImportError, OSError) as error:
        if (shortage := shortage_of(what.strip("_"), error)) is not None:
            raise shortage from error
        if not isinstance(error, OSError):
            raise
        reason = error.strerror or " ".join(str(error).split())[:300]
        raise StorageFailed(str(error.filename or what), reason) from error
