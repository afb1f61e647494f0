"""Which step does what settings ask for."""

from collections.abc import Callable
from typing import Any

from jobs.report.settings import Catalogs, Report
from jobs.report.step import run_catalogs, run_report
from jobs.steps.curves import run_curves, run_sweep
from jobs.steps.mixture import run_mixture
from jobs.steps.plan import run_plan
from jobs.steps.premiums import run_premiums
from jobs.steps.retokenize import run_retokenize
from jobs.steps.train import run_train
from pipelines.context import Job
from pipelines.curves.settings import Curves
from pipelines.engines.engine import Engine
from pipelines.mixture.settings import Mixture
from pipelines.plan.settings import Plan
from pipelines.premiums.settings import Premiums
from pipelines.progress import Progress
from pipelines.retokenize.settings import Retokenize
from pipelines.settings import Execution, Settings
from pipelines.sweep.settings import Sweep
from pipelines.train.settings import Train

RUNNERS: dict[type[Settings], Callable[[Any, Job], str]] = {
    Catalogs: run_catalogs,
    Train: run_train,
    Retokenize: run_retokenize,
    Premiums: run_premiums,
    Mixture: run_mixture,
    Curves: run_curves,
    Sweep: run_sweep,
    Plan: run_plan,
    Report: run_report,
}

TWO_BYTES = 1 << 16

KERNELS: dict[type[Settings], tuple[str, ...]] = {
    Train: ("words",),
    Retokenize: ("encoding",),
    Premiums: ("encoding",),
    Mixture: ("words", "uint32_ids", "replaying"),
    Curves: ("words", "uint32_ids", "encoding", "replaying"),
    Sweep: ("words", "encoding", "replaying"),
}


def kernels_of(steps: list[Settings]) -> list[str]:
    """The groups of kernels (`operators.precompile`) that steps need."""
    groups = {group for step in steps for group in KERNELS.get(type(step), ())}
    if any(isinstance(step, Train | Sweep) and (step.vocab_size or TWO_BYTES) >= TWO_BYTES for step in steps):
        groups.add("uint32_ids")
    if any(isinstance(step, Retokenize) and ":" in step.inference for step in steps):
        groups.add("stochastic")
    return sorted(groups)


def run_steps(steps: list[Settings], execution: Execution, engine: Engine, progress: Progress) -> list[str]:
    """Run steps in order; a line about each."""
    job, lines = Job(engine, progress, execution), list[str]()
    for step in steps:
        before = engine.stats.failures
        lines.append(RUNNERS[type(step)](step, job))
        if lost := engine.stats.failures - before:
            name = type(step).__name__.lower()
            progress.note(f"{name}: {lost} workers were lost and replaced (--max-failures {execution.max_failures})")
    return lines
