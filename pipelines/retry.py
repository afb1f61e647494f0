"""Errors of storage that may pass: a network that hiccups, a file server that starts again. Tried again for seconds.

Object stores' own packages try again too; what they let through, and what comes of file systems, is met here.
"""

import errno
import time
from collections.abc import Callable
from typing import Final, TypeVar

from operators.errors import BabelmergeError, Retriable
from pipelines.storage_errors import StorageDisturbed, StorageFailed

PAUSES_S: Final = (0.2, 1.0, 3.0)
"""Before each further try."""
_PASSING: Final = frozenset(
    getattr(errno, name)
    for name in (
        "EIO", "ESTALE", "EAGAIN", "EINTR", "EBUSY", "ETIMEDOUT", "ECONNRESET", "ECONNREFUSED", "ECONNABORTED",
        "EPIPE", "ENETDOWN", "ENETUNREACH", "ENETRESET", "EHOSTDOWN", "EHOSTUNREACH", "EREMOTEIO",
    )
    if hasattr(errno, name)
)  # fmt: skip
_LASTING: Final = (
    FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError, MemoryError, ValueError, TypeError,
    LookupError, AttributeError, ImportError, NotImplementedError, BabelmergeError,
)  # fmt: skip

Answer = TypeVar("Answer")


def may_pass(error: Exception) -> bool:
    """Whether the same call may go through later."""
    if isinstance(error, Retriable):
        return True
    return isinstance(error, OSError) and not isinstance(error, _LASTING) and error.errno in (None, *_PASSING)


def may_pass_elsewhere(error: Exception) -> bool:
    """The same for storage that is reached through packages, which raise what they please."""
    return may_pass(error) if isinstance(error, OSError) else not isinstance(error, _LASTING)


def persistent(call: Callable[[], Answer], passing: Callable[[Exception], bool] = may_pass) -> Answer:
    """What the call returns; called again, after a while, when what it raised may pass."""
    for pause in PAUSES_S:
        try:
            return call()
        except Exception as error:
            if not passing(error):
                raise
        time.sleep(pause)
    return call()


def worked(what: str, call: Callable[[], Answer]) -> Answer:
    """A piece of work, done again from its beginning when storage failed it. Raises StorageFailed where that stays.

    Inputs are not meant: their readers have asked again already.
    """
    try:
        return persistent(call, lambda error: may_pass(error) and not isinstance(error, StorageDisturbed))
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())[:300]
        raise StorageFailed(str(error.filename or what), reason) from error
