"""The step `retokenize`."""

from jobs.configuration import read_sources
from jobs.settings.retokenize import Retokenize
from jobs.steps.job import Job, out_directory, summary
from pipelines.corpus.sources import find_files
from pipelines.outputs import Output


def run_retokenize(settings: Retokenize, job: Job) -> str:
    """Encode what is new or changed of a corpus."""
    from operators.encoding.inference import parse
    from pipelines.retokenizing import Encoding, retokenize
    from pipelines.retokenizing.encoding import separator_id
    from pipelines.tokenizers import load_tokenizer

    inference = parse(settings.inference)
    tokenizer = load_tokenizer(settings.tokenizer)
    encoding = Encoding(
        format=settings.format,
        separator=None if settings.separator is None else separator_id(tokenizer, settings.separator),
        inference=str(inference),
        seed=settings.seed if inference.is_random else 0,  # another seed changes nothing else
        special_ids=settings.special_tokens_in_text == "ids",
        on_bad_record=job.on_bad_record,
    )
    output = Output(out_directory(settings), "tokens")
    files = find_files(read_sources(settings.corpus))
    with output:
        job.look(files, output)
        made = retokenize(
            files,
            tokenizer,
            output,
            job.engine,
            job.progress,
            encoding=encoding,
            memory_bytes=job.memory_bytes,
        )
    languages = made.facts["languages"].values()
    tokens, documents = (sum(one[figure] for one in languages) for figure in ("tokens", "documents"))
    return summary(output, f"{tokens:,} tokens of {documents:,} documents", made.facts, settings.out)
