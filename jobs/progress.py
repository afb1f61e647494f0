"""Progress on stderr: bars for people, JSON lines for machines, or nothing."""

import sys

from jobs.progress_lines import JsonLines, Lines
from pipelines.progress import Progress as Listener
from pipelines.progress import Silent


def listener(mode: str) -> Listener:
    """Return the display for `--progress mode`; `auto` is bars where stderr is a terminal, else plain lines."""
    if mode == "off":
        return Silent()
    if mode == "json":
        return JsonLines(sys.stderr)
    if not sys.stderr.isatty():
        return Lines(sys.stderr)
    from jobs.bars import Bars  # rich takes a while to import

    return Bars()
