"""The step `mixture`."""

from jobs.configuration import read_sources
from jobs.settings.mixture import Mixture
from jobs.steps.job import Job, out_directory, summary
from pipelines.corpus.sources import find_files
from pipelines.outputs import Output


def run_mixture(settings: Mixture, job: Job) -> str:
    """Infer a mixture."""
    from pipelines.counting import count_words
    from pipelines.inferring import infer_categories
    from pipelines.tokenizers import load_tokenizer

    tokenizer = load_tokenizer(settings.tokenizer)
    out = out_directory(settings)
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
    return summary(output, f"the shares of {categories} categories from {used:,} merges", words.facts, settings.out)
