"""Start of the process `babelmerge`. It imports only what it needs to answer an interrupt while the rest is loaded."""

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing takes as long as all else here
    from types import FrameType
    from typing import NoReturn

INTERRUPTED = 130


def console() -> "NoReturn":
    """Load the command and run it. An interrupt meanwhile is one line and status 130: nothing was begun."""
    signal.signal(signal.SIGINT, _end)
    from jobs.command import console as run_command

    signal.signal(signal.SIGINT, signal.default_int_handler)
    run_command()


def _end(_: int, __: "FrameType | None") -> None:
    """End at once. An exception would pass through half-loaded libraries, which print their own tracebacks."""
    os.write(2, b"babelmerge: interrupted before it began; run the same command again\n")
    os._exit(INTERRUPTED)
