"""The step `premiums`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jobs.configuration import read_sources
from pipelines.context import Job, corpus_files, out_directory, summary
from pipelines.outputs import Output
from pipelines.premiums.settings import Premiums
from pipelines.settings import BadSettings


def run_premiums(settings: Premiums, job: Job) -> str:
    """Compare languages."""
    from pipelines.premiums.comparison import Comparison
    from pipelines.premiums.step import compare_languages
    from pipelines.tokenizers import load_tokenizer

    if not settings.tokenizer:
        raise BadSettings("tokenizer", "names none; give at least one --tokenizer")
    for reference in settings.tokenizer:
        if settings.tokenizer.count(reference) > 1:
            raise BadSettings("tokenizer", f"names {reference} twice; leave one out")
    named = [(short_name(reference, settings.tokenizer), load_tokenizer(reference)) for reference in settings.tokenizer]
    output = Output(out_directory(settings), "premiums")
    files = corpus_files(read_sources(settings.parallel), output)
    how = Comparison(
        baseline=settings.baseline,
        languages=tuple(settings.languages) if settings.languages is not None else None,
        documents=settings.documents,
        aggregation=settings.aggregation,
        reference=_reference(settings),
        resamples=settings.resamples,
        on_bad_record=job.on_bad_record,
    )
    against = None if settings.against is None else Path(settings.against).expanduser().resolve()
    with output:
        job.look(files, output)
        made = compare_languages(files, named, output, job.engine, job.progress, how, against)
    return summary(output, told(made.facts), made.facts, settings.out)


def told(facts: Mapping[str, Any]) -> str:
    """What the tables hold, and what does not count in them."""
    line = f"premiums of {facts['languages']:,} languages over {facts['documents']:,} documents"
    if "better" in facts:
        line += f" ({facts['better']:,} got better, {facts['worse']:,} worse)"
    if empty := facts["empty_documents"]:
        line += f"; {empty:,} documents without text left out"
    if without := facts["without_interval"]:
        line += f"; {without:,} premiums have no interval, for want of documents"
    if marked := facts["marked"]:
        line += f"; {marked:,} marked: over 10 % of their characters are unknown tokens"
    return line


def _reference(settings: Premiums) -> str | None:
    """The name of the tokenizer that `reference` means."""
    if settings.reference is None:
        return None
    names = {one: short_name(one, settings.tokenizer) for one in settings.tokenizer}
    if settings.reference in names.values():
        return settings.reference
    if settings.reference not in names:
        raise BadSettings("reference", f"{settings.reference!r} is none of the tokenizers {', '.join(names.values())}")
    return names[settings.reference]


def short_name(reference: str, among: list[str]) -> str:
    """The last part of a reference, unless another has the same."""
    names = [_stem(one) for one in among]
    name = _stem(reference)
    return name if names.count(name) == 1 else reference


def _stem(reference: str) -> str:
    name = Path(reference.split(",pretokenizer=")[0]).resolve().name
    return name.removesuffix(".json").removesuffix(".tiktoken")
