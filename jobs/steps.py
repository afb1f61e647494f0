"""What each kind of step does: settings in, a line about what was written out.

Each step imports its own pipeline: Polars and Altair cost 0.2 s and a second, and a step that does not use them should
not wait for them.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from jobs.configuration import read_sources
from jobs.settings import (
    BadSettings,
    Catalogs,
    Execution,
    Mixture,
    Plan,
    Premiums,
    Report,
    Retokenize,
    Settings,
    Train,
    size_in_bytes,
)
from jobs.training_plan import plan_training
from pipelines.corpus.sources import InputFile, Source, find_files
from pipelines.engine import Engine
from pipelines.outputs import Manifest, Output, Run, fingerprint
from pipelines.progress import Progress


@dataclass(frozen=True)
class Job:
    """What steps share."""

    engine: Engine
    progress: Progress
    execution: Execution

    @property
    def on_bad_record(self) -> Literal["fail", "skip"]:
        """What becomes of records that cannot be read."""
        return self.execution.on_bad_record

    @property
    def memory_bytes(self) -> int | None:
        """What the words and pairs of one worker may take."""
        limit = self.execution.memory_limit
        return None if limit is None else size_in_bytes("memory_limit", limit)


def run_train(settings: Train, job: Job) -> str:
    """Count words, or take those counted elsewhere; train; cut the smaller vocabularies."""
    from pipelines.training import train
    from pipelines.vocabulary_sizes import size_directories, write_sizes

    plan = plan_training(settings)
    out = _out(settings)
    output = Output(out, "tokenizer")
    size_directories(plan.sizes, out)  # someone else's are refused before the work
    listed = [Source(path=path) for path in settings.word_table]
    files = find_files(listed or read_sources(settings.corpus))
    if plan.extended is not None and not plan.extended.special_tokens:
        first = len(plan.extended.tokens)
        job.progress.note(f"extend: no special tokens are in it; new ids begin at {first:,}, where its own may be")
    with output:
        words = _words(settings, files, plan.pretokenizer, out / "words", job)
        made = train(
            words,
            out / "words",
            output,
            job.engine,
            job.progress,
            vocabulary_size=plan.vocabulary_size,
            special_tokens=settings.special_tokens,
            min_pair_count=settings.min_pair_count,
            max_token_length=settings.max_token_length,
            shares=settings.shares,
            weights=settings.weights,
            temperature=settings.temperature,
            extended=plan.extended,
            resume=settings.resume,
            memory_bytes=job.memory_bytes,
        )
        write_sizes(plan.sizes, output.directory, made, job.progress)
    facts = made.facts
    short = "" if facts["vocabulary"] == plan.vocabulary_size else " (no pair was left that is frequent enough)"
    tokens, merges, rounds = (f"{facts[name]:,} {name}" for name in ("vocabulary", "merges", "rounds"))
    tokens = tokens.replace("vocabulary", "tokens")
    sizes = f", and {', '.join(f'size-{size}' for size in plan.sizes)}" if plan.sizes else ""
    return _line(output, f"a tokenizer of {tokens}{short}, {merges} in {rounds}{sizes}", words.facts, settings.out)


def _words(settings: Train, files: list[InputFile], pretokenizer: str, directory: Path, job: Job) -> Manifest:
    """The word tables to train on."""
    if settings.word_table:
        from pipelines.imported_words import import_words

        return import_words(
            files,
            pretokenizer,
            directory,
            job.engine,
            job.progress,
            partitions=settings.partitions,
            memory_bytes=job.memory_bytes,
        )
    from pipelines.counting import count_words

    return count_words(
        files,
        pretokenizer,
        directory,
        job.engine,
        job.progress,
        on_bad_record=job.on_bad_record,
        partitions=settings.partitions,
        memory_bytes=job.memory_bytes,
    )


def run_retokenize(settings: Retokenize, job: Job) -> str:
    """Encode a corpus."""
    from pipelines.retokenizing import retokenize
    from pipelines.tokenizers import load_tokenizer

    tokenizer = load_tokenizer(settings.tokenizer)
    output = Output(_out(settings), "tokens")
    files = find_files(read_sources(settings.corpus))
    with output:
        made = retokenize(files, tokenizer, output, job.engine, job.progress, on_bad_record=job.on_bad_record)
    languages = made.facts["languages"].values()
    tokens, documents = (sum(one[figure] for one in languages) for figure in ("tokens", "documents"))
    return _line(output, f"{tokens:,} tokens of {documents:,} documents", made.facts, settings.out)


def run_premiums(settings: Premiums, job: Job) -> str:
    """Compare languages."""
    from pipelines.comparing import compare_languages
    from pipelines.tokenizers import load_tokenizer

    if not settings.tokenizer:
        raise BadSettings("tokenizer", "names none; give at least one --tokenizer")
    named = [
        (_short_name(reference, settings.tokenizer), load_tokenizer(reference)) for reference in settings.tokenizer
    ]
    output = Output(_out(settings), "premiums")
    files = find_files(read_sources(settings.parallel))
    with output:
        made = compare_languages(
            files,
            named,
            output,
            job.engine,
            job.progress,
            baseline=settings.baseline,
            languages=settings.languages,
            documents=settings.documents,
            resamples=settings.resamples,
            on_bad_record=job.on_bad_record,
        )
    languages, documents = made.facts["languages"], made.facts["documents"]
    return _line(output, f"premiums of {languages:,} languages over {documents:,} documents", made.facts, settings.out)


def run_mixture(settings: Mixture, job: Job) -> str:
    """Infer a mixture."""
    from pipelines.counting import count_words
    from pipelines.inferring import infer_categories
    from pipelines.tokenizers import load_tokenizer

    tokenizer = load_tokenizer(settings.tokenizer)
    out = _out(settings)
    output = Output(out, "mixture")
    files = find_files(read_sources(settings.categories))
    with output:
        words = count_words(
            files,
            tokenizer.pretokenizer,
            out / "words",
            job.engine,
            job.progress,
            on_bad_record=job.on_bad_record,
            partitions=settings.partitions,
            memory_bytes=job.memory_bytes,
        )
        made = infer_categories(
            words,
            out / "words",
            tokenizer,
            output,
            job.engine,
            job.progress,
            merges=settings.merges,
            only=settings.only,
        )
    categories = len(made.settings["categories"])
    used = made.facts["merges_used"]
    return _line(output, f"the shares of {categories} categories from {used:,} merges", words.facts, settings.out)


def run_plan(settings: Plan, job: Job) -> str:
    """Predict what training will need. Starts no engine: a sample is small."""
    from jobs.plan_table import plan_table
    from operators.kernels import are_compiled
    from pipelines.local_engine import processors
    from pipelines.planning import COSTS, LOCAL_COSTS, plan_corpus, write_plan

    output = None if settings.out is None else Output(_out(settings), "plan")
    files = find_files(read_sources(settings.corpus))
    if not are_compiled():
        job.progress.note("compiling kernels: some seconds, once on this machine")
    plan = plan_corpus(
        files,
        settings.pretokenizer,
        settings.vocab_sizes or [32768, 65536, 131072],
        job.progress,
        sample_bytes=settings.sample_mb * 1_000_000,
        workers=job.execution.workers,
        costs=LOCAL_COSTS if job.execution.engine == "local" else COSTS,
        memory_per_worker_bytes=size_in_bytes("memory_per_worker", settings.memory_per_worker),
        cores_per_node=settings.cores_per_node or processors(),
    )
    table = plan_table(plan)
    if output is None:
        return table
    with output:
        write_plan(plan, files, output)
    return f"{table}\n\n{_line(output, 'a plan', {}, str(output.directory / 'plan.json'))}"


def run_catalogs(settings: Catalogs, job: Job) -> str:
    """Make the demo's corpus."""
    from jobs.demo_corpus import extract_catalogs

    with Output(_out(settings), "catalogs") as output:
        facts = extract_catalogs(settings.packages, output, job.progress, minimum_strings=settings.minimum_strings)
    return _line(output, f"{facts['strings']:,} strings in {facts['languages']} languages", {}, settings.out)


def run_report(settings: Report, job: Job) -> str:
    """Draw what the other steps found."""
    from jobs.report.findings import findings
    from jobs.report.inputs import gather
    from jobs.report.page import PLANNED, draw_report

    inputs, made_by = gather(settings)
    with Output(_out(settings), "report") as output:
        about = {"title": settings.title}
        name = fingerprint("report", about, [{"made_by": made_by}])
        if output.current(name) is not None:
            job.progress.note(f"report: unchanged, kept ({output.directory})")
        else:
            began = time.monotonic()
            output.begin(PLANNED)
            with job.progress.stage("draw", 1, "reports") as advance:
                files = draw_report(inputs, output.directory)
                advance(1)
            run = Run(engine="none", workers=1, seconds=round(time.monotonic() - began, 3))
            output.finish(name, about, [{"made_by": made_by}], files, {}, run)
    told = "".join(f"- {finding}\n" for finding in findings(inputs))
    return told + _line(output, "a report", {}, str(Path(settings.out) / "report.html"))


def _short_name(reference: str, among: list[str]) -> str:
    """The last part of a reference, unless another has the same."""
    names = [_stem(one) for one in among]
    name = _stem(reference)
    return name if names.count(name) == 1 else reference


def _stem(reference: str) -> str:
    name = Path(reference.split(",pretokenizer=")[0]).resolve().name
    return name.removesuffix(".json").removesuffix(".tiktoken")


def _out(settings: Any) -> Path:
    """Where a step writes."""
    if not settings.out.strip() or "\0" in settings.out:
        raise BadSettings("out", f"{settings.out!r} names no directory")
    return Path(settings.out).expanduser().resolve()


def _line(output: Output, what: str, facts: dict[str, Any], where: str) -> str:
    """What the command says at its end."""
    bad = facts.get("bad_records", 0)
    left_out = f" ({bad:,} bad records left out, listed in bad_records.parquet)" if bad else ""
    return f"{'kept' if output.kept else 'wrote'} {what}{left_out}: {where}"


RUNNERS: dict[type[Settings], Callable[[Any, Job], str]] = {
    Catalogs: run_catalogs,
    Train: run_train,
    Retokenize: run_retokenize,
    Premiums: run_premiums,
    Mixture: run_mixture,
    Plan: run_plan,
    Report: run_report,
}


def run_steps(steps: list[Settings], execution: Execution, engine: Engine, progress: Progress) -> list[str]:
    """Run steps in order; a line about each."""
    job = Job(engine, progress, execution)
    return [RUNNERS[type(step)](step, job) for step in steps]
