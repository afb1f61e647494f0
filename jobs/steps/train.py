"""The step `train`."""

from pathlib import Path

from jobs.configuration import read_sources
from jobs.training_plan import plan_training
from pipelines.context import Job, corpus_files, out_directory, summary
from pipelines.corpus.sources import InputFile, Source
from pipelines.outputs import Manifest, Output
from pipelines.train.settings import Train


def run_train(settings: Train, job: Job) -> str:
    """Count words, or take those counted elsewhere; train; cut the smaller vocabularies."""
    from pipelines.train.step import train
    from pipelines.train.vocabulary_sizes import size_directories, write_sizes

    plan = plan_training(settings)
    out = out_directory(settings)
    output = Output(out, "tokenizer")
    size_directories(plan.sizes, out)  # someone else's are refused before the work
    listed = [Source(path=path) for path in settings.word_table]
    files = corpus_files(listed or read_sources(settings.corpus), output)
    if plan.extended is not None and not plan.extended.special_tokens:
        first = len(plan.extended.tokens)
        job.progress.note(f"extend: no special tokens are in it; new ids begin at {first:,}, where its own may be")
    with output:
        job.look(files, output)
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
    return summary(output, f"a tokenizer of {tokens}{short}, {merges} in {rounds}{sizes}", words.facts, settings.out)


def _words(settings: Train, files: list[InputFile], pretokenizer: str, directory: Path, job: Job) -> Manifest:
    """The word tables to train on."""
    if settings.word_table:
        from pipelines.words.imported_words import import_words

        return import_words(
            files,
            pretokenizer,
            directory,
            job.engine,
            job.progress,
            partitions=settings.partitions,
            memory_bytes=job.memory_bytes,
        )
    from pipelines.words.counting import count_words

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
