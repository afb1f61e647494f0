"""The step `mixture`."""

from collections import Counter
from pathlib import Path

from jobs.configuration import read_sources
from operators.redaction import shown
from pipelines.context import Job, corpus_files, out_directory, summary
from pipelines.mixture.settings import Mixture
from pipelines.outputs import Output
from pipelines.settings import BadSettings

SHOWN = 12
"""Shares that the command prints; all are in the table."""


def run_mixture(settings: Mixture, job: Job) -> str:
    """Infer a mixture."""
    from operators.tokenizer import require_replayable
    from pipelines.mixture.step import MIXTURE, Inference, infer_categories
    from pipelines.tokenizers import load_tokenizer
    from pipelines.words.blocks import BLOCKS
    from pipelines.words.counting import count_words

    if settings.method == "lp" and (settings.beyond is not None or settings.unknown):
        raise BadSettings("method", "lp knows neither --beyond nor --unknown; leave them out, or use rank")
    tokenizer = load_tokenizer(settings.tokenizer)
    require_replayable(tokenizer, settings.tokenizer)
    beyond = None if settings.beyond is None else (settings.beyond, load_tokenizer(settings.beyond))
    out = out_directory(settings)
    output = Output(out, "mixture")
    sources = read_sources(settings.categories)
    for path, number in Counter(source.path for source in sources).items():
        if number > 1:
            raise BadSettings("categories", f"{path} is named {number} times; name each text once")
    files = corpus_files(sources, output)
    for file in files:
        if file.size == 0:
            raise BadSettings("categories", f"{shown(file.path)} is empty; leave it out")
    with output:
        job.look(files, output)
        words = count_words(
            files,
            tokenizer.pretokenizer,
            out / "words",
            job.engine,
            job.progress,
            on_bad_record=job.on_bad_record,
            partitions=settings.partitions,
            memory_bytes=job.memory_bytes,
            blocks=BLOCKS,
        )
        only = tuple(settings.only) if settings.only is not None else None
        how = Inference(settings.method, settings.merges, only, settings.unknown, beyond)
        made = infer_categories(words, out / "words", tokenizer, output, job.engine, job.progress, how)
    categories = len(made.settings["categories"])
    used = made.facts["merges_used"]
    told = summary(output, f"the shares of {categories} categories from {used:,} merges", words.facts, settings.out)
    lines = [made.facts.get("warning") or "", *shares_told(out / MIXTURE), told]
    return "\n".join(line for line in lines if line)


def shares_told(path: Path) -> list[str]:
    """The largest shares, a line each: category, share of bytes and, where there is one, its 95 % interval."""
    import polars as pl

    table = pl.read_parquet(path, glob=False).sort("share", "category", descending=[True, False])
    lines = []
    for category, share, low, high in table.select("category", "share", "low", "high").head(SHOWN).iter_rows():
        known = "" if low is None or high is None else f"  ({100 * low:.2f} to {100 * high:.2f})"
        lines.append(f"- {100 * share:5.2f} %{known}  {category}")
    return [*lines, *([f"- and {len(table) - SHOWN} more, each with less"] if len(table) > SHOWN else [])]
