"""Progress on stderr: bars for people, JSON lines for machines, or nothing."""

import sys
from importlib.util import find_spec

from jobs.progress_lines import JsonLines, Lines
from pipelines.progress import Progress as Listener
from pipelines.progress import Silent


def listener(mode: str) -> Listener:
    """Return the display for `--progress mode`; `auto` is bars on a terminal and in a notebook, else plain lines."""
    if mode == "off":
        return Silent()
    if mode == "json":
        return JsonLines(sys.stderr)
    if not (sys.stderr.isatty() or _in_notebook()):
        return Lines(sys.stderr)
    from jobs.bars import Bars  # rich takes a while to import

    return Bars()


def _in_notebook() -> bool:
    """True in a kernel of Jupyter where ipywidgets is installed, which rich needs there."""
    return "ipykernel" in sys.modules and find_spec("ipywidgets") is not None
