"""The step `retokenize`."""

from jobs.configuration import read_sources
from jobs.settings.retokenize import Retokenize
from jobs.steps.job import Job, out_directory, summary
from pipelines.corpus.sources import find_files
from pipelines.outputs import Output


def run_retokenize(settings: Retokenize, job: Job) -> str:
    """Encode a corpus."""
    from pipelines.retokenizing import retokenize
    from pipelines.tokenizers import load_tokenizer

    tokenizer = load_tokenizer(settings.tokenizer)
    output = Output(out_directory(settings), "tokens")
    files = find_files(read_sources(settings.corpus))
    with output:
        made = retokenize(files, tokenizer, output, job.engine, job.progress, on_bad_record=job.on_bad_record)
    languages = made.facts["languages"].values()
    tokens, documents = (sum(one[figure] for one in languages) for figure in ("tokens", "documents"))
    return summary(output, f"{tokens:,} tokens of {documents:,} documents", made.facts, settings.out)
