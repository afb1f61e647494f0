"""Answer to an interrupt while the command is loaded. It imports only what it needs."""

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing types takes as long as all else here
    from types import FrameType

INTERRUPTED = 130


def answer_interrupts() -> None:
    """Answer an interrupt, from now on, with one line and status 130: nothing was begun."""
    signal.signal(signal.SIGINT, _end)


def raise_interrupts() -> None:
    """Raise an interrupt as KeyboardInterrupt, from now on."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(_: int, __: "FrameType | None") -> None:
    """End at once. An exception would pass through half-loaded libraries, which print their own tracebacks."""
    os.write(2, b"babelmerge: interrupted before it began; run the same command again\n")
    os._exit(INTERRUPTED)
