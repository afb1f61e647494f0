"""How the steps ran: what was worked at on which node, for how long, and what was lost on the way."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from pipelines.outputs import read_run

ALL = "all of it"
COLUMNS = [
    ("step", "Step", ""), ("work", "Work", ""), ("node", "Node", ""), ("seconds", "Seconds", ",.1f"),
    ("lost", "Workers lost", ",d"), ("retries", "Done again", ",d"), ("spilled", "Spilled, MB", ",.1f"),
]  # fmt: skip
"""Of `run_table`: column, heading, format."""
CAPTION = "Time by step and node; of all of a step, what passed on the clock, and what was lost"
_SCHEMA = {"step": pl.String, "work": pl.String, "node": pl.String, "seconds": pl.Float64, "lost": pl.Int64,
           "retries": pl.Int64, "spilled": pl.Float64}  # fmt: skip


def run_table(steps: Sequence[tuple[str, Path]]) -> pl.DataFrame:
    """A row for each step whose directory says how it ran, and one for each of its works and nodes (COLUMNS)."""
    rows: list[tuple[str, str, str, float, int | None, int | None, float | None]] = []
    for step, directory in steps:
        if (run := read_run(directory)) is None:
            continue
        spilled = None if run.spilled_bytes is None else run.spilled_bytes / 1e6
        rows.append((step, ALL, run.engine, run.seconds, run.failures, run.retries, spilled))
        rows += [
            (step, work, node, seconds, None, None, None)
            for work, nodes in sorted(run.stages.items())
            for node, seconds in sorted(nodes.items())
        ]
    return pl.DataFrame(rows, _SCHEMA, orient="row")
