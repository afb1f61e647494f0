"""Plan as a text table: the sample, the growth of words, the needs of each vocabulary size."""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table

from jobs.units import duration, number, plural, size

if TYPE_CHECKING:
    from pipelines.plan.needs import Estimate, VocabularyPlan
    from pipelines.plan.step import GrowthFacts, Prediction
    from pipelines.results import PlanResult

WIDTH: Final = 110
"""Largest width of the table, in columns of text."""


def describe(result: "PlanResult") -> str:
    """Return the table and, if plan.json was written, a line with its path."""
    return "\n\n".join(filter(None, [plan_table(result.plan), result.summary]))


def plan_table(plan: "Prediction", width: int = WIDTH) -> str:
    """Return the plan as plain text, `width` columns at most; a prediction is `value (low–high)`."""
    stream = io.StringIO()
    console = Console(file=stream, width=width, color_system=None, highlight=False, markup=False, emoji=False)
    for line in _opening(plan):
        console.print(line)
    console.print(_growth_table(plan))
    console.print(_needs_table(plan))
    for line in _remarks(plan):
        console.print(line)
    return stream.getvalue().rstrip("\n")


def _opening(plan: "Prediction") -> list[str]:
    corpus, sample = plan.corpus, plan.sample
    files, languages = plural(corpus.files, "file"), plural(corpus.languages, "language")
    read = "all of it was read" if sample.complete else f"{size(sample.text_bytes)} of it was read"
    heads = f", from the heads only of {sample.files_by_head:,}" if sample.files_by_head else ""
    return [
        f"{files}, {size(corpus.stored_bytes)}: {spread(corpus.text_bytes, size)} of text in {languages}",
        f"{read}: {plural(sample.blocks, 'block')} from {plural(sample.files, 'file')}{heads}",
    ]


def _growth_table(plan: "Prediction") -> Table:
    both = (plan.pairs, plan.words)
    table = _table("", "words of each language", "words over all languages")
    rows: tuple[tuple[str, Callable[[GrowthFacts], str]], ...] = (
        ("beta in V = K n^beta, n words", lambda facts: f"{facts.beta:.3f} ± {facts.beta_error:.3f}"),
        ("K", lambda facts: f"{facts.k_words:.3g} ± {100 * facts.k_relative_error:.1f} %"),
        ("distinct in the sample", lambda facts: f"{facts.found_in_sample:,}"),
        ("distinct in all", lambda facts: spread(facts.distinct, number)),
        ("their bytes", lambda facts: spread(facts.distinct_bytes, size)),
        ("all by half of the sample", lambda facts: f"{facts.missed_by_half_percent:+.1f} % off"),
        ("all by a quarter of it", lambda facts: f"{facts.missed_by_quarter_percent:+.1f} % off"),
    )
    for name, shown in rows:
        table.add_row(name, *(shown(facts) for facts in both))
    return table


def _needs_table(plan: "Prediction") -> Table:
    table = _table("tokens", *(f"{one.vocabulary_size:,}" for one in plan.vocabularies))
    rows: tuple[tuple[str, Callable[[VocabularyPlan], str]], ...] = (
        ("workers", lambda one: f"{one.workers:,}" + ("" if one.fits else " (too few)")),
        ("nodes", lambda one: f"{one.nodes:,}"),
        ("memory to count, a worker", lambda one: spread(one.counting_worker_bytes, size)),
        ("memory to train, a worker", lambda one: spread(one.training_worker_bytes, size)),
        ("memory of the driver", lambda one: spread(one.driver_bytes, size)),
        ("time to count", lambda one: spread(one.counting_seconds, duration)),
        ("time to train", lambda one: spread(one.training_seconds, duration)),
        ("core-hours", lambda one: spread(one.core_hours, number)),
    )
    for name, shown in rows:
        table.add_row(name, *(shown(one) for one in plan.vocabularies))
    return table


def _table(*headings: str) -> Table:
    table = Table(box=None, padding=(0, 3, 0, 0), pad_edge=False, title=" ", title_justify="left")
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    return table


def _remarks(plan: "Prediction") -> list[str]:
    sample, workers = plan.sample, max(one.workers for one in plan.vocabularies)
    memory = f"{size(plan.memory_per_worker_bytes)} of memory for a worker, {plan.cores_per_node} cores a node"
    lines = [
        "",
        f"Bounds in brackets: 95 %. {memory}. One core of this machine reads {sample.reading_mb_per_second:,.0f} MB/s "
        f"and counts {sample.counting_mb_per_second:,.0f} MB/s; training times are estimated from constants.",
    ]
    partitions = max(one.partitions for one in plan.vocabularies)
    if partitions > 16:
        lines.append(f"More than 16 workers train only with --partitions {partitions} or more.")
    if not all(one.fits for one in plan.vocabularies):
        lines.append(
            f"{workers:,} workers may need more memory than they have; leave --workers out to see how many workers fit."
        )
    if sample.files_by_head:
        lines.append(
            "Of compressed and columnar files only the beginning was read: text that differs later is not predicted."
        )
    if sample.bad_records:
        lines.append(
            f"{plural(sample.bad_records, 'record')} of the sample cannot be read: counting will stop there "
            "unless --on-bad-record is skip."
        )
    return lines


def spread(estimate: "Estimate", shown: Callable[[float], str]) -> str:
    """Format an estimate: `spread(Estimate(low=1e9, value=2e9, high=3e9), size)` is "2 GB (1–3 GB)"."""
    low, value, high = (shown(one) for one in (estimate.low, estimate.value, estimate.high))
    if low == high:
        return value
    (number, _, unit), (_, _, last) = low.partition(" "), high.partition(" ")
    return f"{value} ({number if unit == last else low}–{high})"
