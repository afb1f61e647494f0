"""The steps `curves` and `sweep`."""

from jobs.configuration import read_sources
from pipelines.context import Job, corpus_files, out_directory, summary
from pipelines.curves.settings import Curves
from pipelines.outputs import Output
from pipelines.settings import BadSettings
from pipelines.sweep.settings import Sweep


def run_curves(settings: Curves, job: Job) -> str:
    """Measure one tokenizer at every size."""
    from operators.tokenizer import require_replayable
    from pipelines.curves.step import measure_curves
    from pipelines.tokenizers import load_tokenizer

    tokenizer = load_tokenizer(settings.tokenizer)
    require_replayable(tokenizer, settings.tokenizer)
    output = Output(out_directory(settings), "curves")
    files = corpus_files(read_sources(settings.parallel), output)
    with output:
        job.look(files, output)
        made = measure_curves(
            files, tokenizer, output, job.engine, job.progress, baseline=settings.baseline,
            languages=tuple(settings.languages) if settings.languages is not None else None, target=settings.target,
            on_bad_record=job.on_bad_record,
        )  # fmt: skip
    facts = made.facts
    what = f"curves of {facts['languages']:,} languages up to {facts['vocabulary']:,} tokens, "
    what += f"{facts['reached']:,} of which reach {facts['target']:,}"
    return summary(output, what, facts, settings.out)


def run_sweep(settings: Sweep, job: Job) -> str:
    """Train and compare a tokenizer for each language."""
    from pipelines.sweep.step import sweep
    from pipelines.sweep.swept import Sweeping

    if settings.smallest_size > settings.vocab_size:
        raise BadSettings("smallest_size", f"{settings.smallest_size} is more than vocab_size, {settings.vocab_size}")
    how = Sweeping(
        baseline=settings.baseline, vocab_size=settings.vocab_size, smallest_size=settings.smallest_size,
        pretokenizer=settings.pretokenizer, train_on=settings.train_on, resamples=settings.resamples,
        languages=tuple(settings.languages) if settings.languages is not None else None,
        on_bad_record=job.on_bad_record,
    )  # fmt: skip
    output = Output(out_directory(settings), "sweep")
    files = corpus_files(read_sources(settings.parallel), output)
    with output:
        job.look(files, output)
        made = sweep(files, output, job.engine, job.progress, how)
    facts = made.facts
    before, after = facts["variance_before"] ** 0.5, facts["variance_after"] ** 0.5
    what = f"tokenizers of {facts['languages']:,} languages; the standard deviation of their tokens goes from "
    what += f"{before:,.0f} at {facts['vocabulary']:,} to {after:,.0f} at the sizes that aim at {facts['target']:,}"
    return summary(output, what, facts, settings.out)
