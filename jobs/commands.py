"""Table of commands, and functions that run them: settings in, a typed result out.

A command is a folder with `settings.py` and `step.py`, and one row of COMMANDS. Flags, help, YAML keys, the steps of a
workflow and the settings page are generated from it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from jobs.configuration import is_file, mapping_in, read_mapping, read_sources
from jobs.decode.settings import Decode
from jobs.demo.settings import Catalogs
from jobs.encode.settings import Encode
from jobs.report.settings import Report
from jobs.show.settings import Show
from pipelines.adapt.settings import Adapt
from pipelines.add.settings import Add
from pipelines.compare.settings import Compare
from pipelines.convert.settings import Convert
from pipelines.corpus.sources import Source
from pipelines.curves.settings import Curves
from pipelines.design.settings import Design
from pipelines.extend.settings import Extend
from pipelines.inspect.settings import Inspect
from pipelines.join.settings import Join
from pipelines.mixture.settings import Mixture
from pipelines.peek.settings import Peek
from pipelines.plan.settings import Plan
from pipelines.premiums.settings import Premiums
from pipelines.privacy.settings import Privacy
from pipelines.progress import Progress
from pipelines.prune.settings import Prune
from pipelines.results import Result
from pipelines.retokenize.settings import Retokenize
from pipelines.settings import Corpus, CorpusSettings, Execution, Settings, refuse_repeated
from pipelines.sweep.settings import Sweep
from pipelines.train.settings import Train

if TYPE_CHECKING:
    from pipelines.context import Context  # imports the engines, which help and wrong usage do not need

SomeResult = TypeVar("SomeResult", bound=Result)


@dataclass(frozen=True)
class Command:
    """One command: a row of the table."""

    name: str
    settings: type[Settings[Any]]
    """Class of the settings. Its POSITIONAL names the fields that take the positional arguments."""
    step: str
    """`module:function` of the step, which takes settings and a context, and returns a result. It is imported when it
    runs: Polars takes 0.2 s and Altair a second to import, which commands without them should not wait for."""
    describe: str | None = None
    """`module:function` that returns the text to print of a result; None: the summary of the result."""


COMMANDS: Final = (
    Command("catalogs", Catalogs, "jobs.demo.catalogs:catalogs"),
    Command("train", Train, "pipelines.train.step:train", describe="jobs.loading:describe"),
    Command("extend", Extend, "pipelines.extend.step:extend", describe="jobs.loading:describe"),
    Command("adapt", Adapt, "pipelines.adapt.step:adapt"),
    Command("add", Add, "pipelines.add.step:add"),
    Command("prune", Prune, "pipelines.prune.step:prune"),
    Command("inspect", Inspect, "jobs.inspect.step:inspect"),
    Command("convert", Convert, "pipelines.convert.step:convert"),
    Command("retokenize", Retokenize, "pipelines.retokenize.step:retokenize"),
    Command("join", Join, "pipelines.join.step:join"),
    Command("peek", Peek, "pipelines.peek.step:peek"),
    Command("encode", Encode, "jobs.encode.step:encode"),
    Command("decode", Decode, "jobs.decode.step:decode"),
    Command("premiums", Premiums, "pipelines.premiums.step:premiums"),
    Command("compare", Compare, "pipelines.compare.step:compare"),
    Command("privacy", Privacy, "pipelines.privacy.step:privacy"),
    Command("mixture", Mixture, "pipelines.mixture.step:mixture"),
    Command("curves", Curves, "pipelines.curves.step:curves"),
    Command("sweep", Sweep, "pipelines.sweep.step:sweep"),
    Command("design", Design, "pipelines.design.step:design"),
    Command("plan", Plan, "pipelines.plan.step:plan", describe="jobs.plan_table:describe"),
    Command("report", Report, "jobs.report.step:report"),
    Command("show", Show, "jobs.show.step:show"),
)


def command_of(settings: Settings[Any]) -> Command:
    """Return the command that these settings belong to. Raises KeyError for settings of no command."""
    found = {command.settings: command for command in COMMANDS}
    return found[type(settings)]


def run_step(settings: Settings[SomeResult], context: "Context") -> SomeResult:
    """Run one step; note on the progress the number of workers that failed.

    YAML files of sources are read here; steps receive sources.
    """
    before = context.stats.failures
    result: SomeResult = _imported(command_of(settings).step)(_with_sources(settings), context)
    if lost := context.stats.failures - before:
        limit = context.execution.max_failures
        name = command_of(settings).name
        context.progress.note(f"{name}: {lost} workers were lost and replaced (--max-failures {limit})")
    return result


def run_steps(steps: Sequence[Settings[Any]], execution: Execution, progress: Progress) -> list[Result]:
    """Run steps in order on one engine, and close it."""
    from pipelines.context import Context

    kernels = sorted({group for step in steps for group in step.kernels()})
    with Context(execution, progress, kernels=kernels) as context:
        return [run_step(step, context) for step in steps]


def run_settings(settings: Settings[SomeResult], execution: Execution, progress: Progress) -> SomeResult:
    """Run one command on an engine of its own, and close it."""
    from pipelines.context import Context

    with Context(execution, progress, kernels=settings.kernels()) as context:
        return run_step(settings, context)


def describe(settings: Settings[Any], result: Result) -> str:
    """Return the text that the command line prints about a result."""
    command = command_of(settings)
    return str(_imported(command.describe)(result)) if command.describe is not None else result.summary


def _imported(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found


def _with_sources(settings: Settings[Any]) -> Settings[Any]:
    """Read YAML files: of sources where a field names a corpus, of other values where it takes values by name.

    Sources take the settings' names of fields.
    """
    fields = msgspec.structs.fields(settings)
    names = {name: getattr(settings, name, None) for name in CorpusSettings.__struct_fields__}
    expanded: dict[str, Any] = {
        field.name: [_with_fields(source, names) for source in read_sources(getattr(settings, field.name))]
        for field in fields
        if _is_corpus(field.type)
    }
    for name, sources in expanded.items():
        refuse_repeated(name, sources)
    for field in fields:
        value = getattr(settings, field.name)
        if is_file(value) and (kind := mapping_in(field.type)) is not None:
            expanded[field.name] = read_mapping(field.name, value, kind)
    return msgspec.structs.replace(settings, **expanded)


def _with_fields(source: Source, fields: dict[str, str | None]) -> Source:
    unnamed = {name: value for name, value in fields.items() if getattr(source, name) is None}
    return msgspec.structs.replace(source, **unnamed)


def _is_corpus(kind: Any) -> bool:
    return Corpus in (kind, getattr(kind, "__origin__", None))
