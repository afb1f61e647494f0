"""Progress as bars on a terminal, with rate and time left."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from jobs.progress_lines import Lines, readable
from operators.redaction import masked
from pipelines.progress import Advance


class _Done(ProgressColumn):
    """Amount done and rate, in the stage's unit."""

    def render(self, task: Task) -> Text:
        unit = str(task.fields["unit"])
        speed = task.finished_speed or task.speed
        rate = f", {readable(speed, unit)}/s" if speed else ""
        return Text(f"{readable(task.completed, unit)}{rate}")


class Bars:
    """A bar a stage, which leaves a line behind."""

    def __init__(self) -> None:
        self._lines = Lines(sys.stderr)

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Advance]:
        """See pipelines.progress.Progress."""
        columns = (TextColumn("{task.description:18}"), BarColumn(), _Done(), TimeRemainingColumn(compact=True))
        bars = Progress(*columns, console=Console(stderr=True), transient=True)
        with self._lines.stage(name, total, unit) as line, bars:
            bar = bars.add_task(name, total=total, unit=unit)

            def advance(amount: int) -> None:
                line(amount)
                bars.advance(bar, amount)

            yield advance

    def note(self, text: str) -> None:
        """See pipelines.progress.Progress."""
        sys.stderr.write(f"{masked(text)}\n")  # which is rich's own while a bar stands: the line appears above it
