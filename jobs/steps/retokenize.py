"""The step `retokenize`."""

from jobs.configuration import read_sources
from pipelines.context import Job, corpus_files, out_directory, summary
from pipelines.outputs import Output
from pipelines.retokenize.settings import Retokenize
from pipelines.settings import BadSettings


def run_retokenize(settings: Retokenize, job: Job) -> str:
    """Encode what is new or changed of a corpus."""
    from operators.encoding.segmentation import parse_segmentation
    from pipelines.retokenize.options import Encoding, separator_id
    from pipelines.retokenize.step import retokenize
    from pipelines.tokenizers import load_tokenizer

    inference = parse_segmentation(settings.inference)
    tokenizer = load_tokenizer(settings.tokenizer)
    named = bool(tokenizer.added_tokens)
    if settings.special_tokens_in_text == "ids" and not named:
        reason = f"{settings.tokenizer} names no special tokens to find; leave it out, or give a tokenizer.json"
        raise BadSettings("special_tokens_in_text", reason)
    ranks = not named and settings.tokenizer.partition(",pretokenizer=")[0].endswith((".tiktoken", ".model"))
    separator = None if settings.separator is None else separator_id(tokenizer, settings.separator, beyond=ranks)
    encoding = Encoding(
        format=settings.format,
        separator=separator,
        inference=str(inference),
        seed=settings.seed if inference.is_random else 0,  # another seed changes nothing else
        special_ids=settings.special_tokens_in_text == "ids",
        on_bad_record=job.on_bad_record,
    )
    output = Output(out_directory(settings), "tokens")
    files = corpus_files(read_sources(settings.corpus), output)
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
