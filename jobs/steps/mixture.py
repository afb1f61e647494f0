"""The step `mixture`."""

from collections import Counter

from jobs.configuration import read_sources
from jobs.settings.base import BadSettings
from jobs.settings.mixture import Mixture
from jobs.steps.job import Job, out_directory, summary
from pipelines.corpus.errors import shown
from pipelines.corpus.sources import find_files
from pipelines.outputs import Output


def run_mixture(settings: Mixture, job: Job) -> str:
    """Infer a mixture."""
    from operators.tokenizer import require_replayable
    from pipelines.mixture.inferring import Inference, infer_categories
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
    files = find_files(sources)
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
    return f"{made.facts['warning']}\n{told}" if made.facts.get("warning") else told
