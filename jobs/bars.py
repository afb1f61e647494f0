"""Progress bars on a terminal, with rate and remaining time."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

from jobs.progress_lines import Lines
from jobs.units import quantity
from operators.redaction import masked
from pipelines.progress import Advance

BAR_WIDTH: Final = 40
"""Columns of a bar on a wide terminal; on a narrow one the bar shrinks, so that a stage stays on one line."""


def _one_line() -> Column:
    return Column(no_wrap=True, overflow="ellipsis")


class _Done(ProgressColumn):
    """Amount done, and its rate, in the stage's unit."""

    def render(self, task: Task) -> Text:
        unit = str(task.fields["unit"])
        speed = task.finished_speed or task.speed
        rate = f", {quantity(speed, unit)}/s" if speed else ""
        return Text(f"{quantity(task.completed, unit)}{rate}")


class Bars:
    """Progress display with one bar for the stage at work; each finished stage leaves a line."""

    def __init__(self) -> None:
        self._lines = Lines(sys.stderr)

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Advance]:
        """See pipelines.progress.Progress."""
        console = Console(stderr=True)
        columns = (
            TextColumn("{task.description:18}", table_column=_one_line()),
            BarColumn(bar_width=min(BAR_WIDTH, max(4, console.width - 62))),
            _Done(table_column=_one_line()),
            TimeRemainingColumn(compact=True, table_column=_one_line()),
        )
        bars = Progress(*columns, console=console, transient=True)
        with self._lines.stage(name, total, unit) as line, bars:
            bar = bars.add_task(name, total=total, unit=unit)

            def advance(amount: int) -> None:
                line(amount)
                bars.advance(bar, amount)

            yield advance

    def note(self, text: str) -> None:
        """See pipelines.progress.Progress."""
        sys.stderr.write(f"{masked(text)}\n")  # rich replaces stderr while a bar stands: the line appears above it
