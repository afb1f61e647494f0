"""The step `plan`: predict the needs of a training run from a sample: words, memory, time, workers, core-hours.

docs/explanation/planning.md explains the model, its sources and its errors. COSTS holds all its constants.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from operators.errors import DataError
from operators.kernels import are_compiled
from operators.statistics.heaps_law import LEAST_BLOCKS, Growth, Interval, fit
from pipelines.context import Context, out_directory
from pipelines.corpus.sources import InputFile, as_source, find_files
from pipelines.engines.local_engine import processors
from pipelines.outputs import Manifest, Output, describe_inputs, replacing
from pipelines.plan.needs import Costs, Estimate, Needs, VocabularyPlan, estimate, predicted, scaled
from pipelines.plan.sample_words import SampleWords, Speed, measure_speed
from pipelines.plan.sampling import Sample
from pipelines.plan.settings import Plan
from pipelines.progress import Progress
from pipelines.results import PlanResult, summarized
from pipelines.settings import size_in_bytes
from pipelines.stage import Made, Stage, Written, make
from pipelines.words.marks import marks_warning

PLAN: Final = "plan.json"
SAMPLED_PART: Final = 8
"""Divisor of the corpus that gives the size of the sample, by default, within SAMPLE_BYTES."""
SAMPLE_BYTES: Final = (8_000_000, 64_000_000)
"""Least and largest sample by default, in bytes."""
DEFAULT_SIZES: Final = (32768, 65536, 131072)

COSTS: Final = Costs(
    worker_bytes=2.66e8,
    counting_bytes_per_word=69.0,
    counting_copies=2.2,
    counting_buffer_bytes=5.0e7,
    counting_flush_bytes=256 << 20,
    counting_task_bytes=256 << 20,
    tables_seconds_per_word=1.53e-6,
    shard_bytes_per_symbol=5.1,
    shard_bytes_per_visit=7.0,
    shard_bytes_per_token=90.0,
    wide_cell_bytes=4.0,
    loading_bytes_per_word=24.0,
    loading_bytes_per_symbol=1.0,
    loading_seconds_per_symbol=1.46e-8,
    merged_share=0.906,
    merged_share_per_efold=0.0642,
    least_merged_share=0.45,
    shard_seconds_per_visit=3.27e-8,
    shard_seconds_per_merge=8.97e-6,
    pairs_log_scale=-3.84,
    pairs_by_symbols=0.799,
    pairs_by_vocabulary=0.440,
    changes_per_pair=1.99,
    changes_by_shards=0.387,
    reducer_bytes_per_pair=78.2,
    reducer_seconds_per_change=1.16e-7,
    reducer_seconds_per_merge=5.09e-6,
    rounds_log_scale=0.864,
    rounds_by_vocabulary=0.614,
    round_seconds=2e-3,
    start_seconds=5.0,
)
"""Costs as `python -m benchmarks.measure_costs` printed them for 1.68 GB of software help, strings and source code and
its first eighth. The runs had 8,192 to 131,072 tokens, on a virtual machine of 2 cores, one of them in use. Other
sources: counting_copies and counting_buffer_bytes are from the peak memory of processes that counted 30 MB, 113 MB and
1.68 GB. The sizes of a flush and of a task are those of counting. Tokens, wide cells and loading follow from the
arrays' types. The last two are of Ray.
"""
LOCAL_COSTS: Final = msgspec.structs.replace(COSTS, round_seconds=1e-4, start_seconds=0.7)
"""Costs of threads in one process: a round is a call, and nothing is started."""


class TooLittleText(DataError):
    """A sample with too few blocks to fit a growth curve."""

    blocks: int
    message = (
        f"the sample has {{blocks}} blocks of text, at least {LEAST_BLOCKS} are needed; name more text, or text in "
        "shorter documents"
    )


class CorpusSize(msgspec.Struct, frozen=True, kw_only=True):
    """Size of the corpus, from its files and the sample."""

    files: int
    stored_bytes: int
    text_bytes: Estimate
    words: Estimate
    """Occurrences of words, which are pre-tokens."""
    languages: int
    """Number of languages in the sample."""


class SampleFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Size of the sample, and the speeds measured on it."""

    text_bytes: int
    words: int
    blocks: int
    files: int
    files_by_head: int
    """Number of files, compressed or columnar, of which only the start was read."""
    complete: bool
    """True if the whole corpus was read, so that nothing is extrapolated."""
    bad_records: int
    reading_mb_per_second: float
    counting_mb_per_second: float
    """Speed of pre-tokenizing and counting on one core of this machine, in 10^6 bytes a second."""


class GrowthFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Growth of a number of distinct words: V = k * n^beta where the sample ends."""

    found_in_sample: int
    beta: float
    beta_error: float
    """Standard error of beta."""
    k_words: float
    """K if n counts words."""
    k_bytes: float
    """K if n counts bytes of text."""
    k_relative_error: float
    """Standard error of log K, for either."""
    missed_by_half_percent: float
    """Relative error of predicting the whole sample from half of it."""
    missed_by_quarter_percent: float
    """Relative error of predicting the whole sample from a quarter of it."""
    distinct: Estimate
    """Distinct words of the whole corpus."""
    distinct_bytes: Estimate
    """Bytes of all distinct words together."""


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """Predicted needs of a training run; the content of plan.json."""

    pretokenizer: str
    memory_per_worker_bytes: float
    cores_per_node: int
    corpus: CorpusSize
    sample: SampleFacts
    pairs: GrowthFacts
    """Growth of (language, word) pairs: rows of the word tables, which counting holds in memory."""
    words: GrowthFacts
    """Growth of words over all languages, which training holds in memory."""
    vocabularies: list[VocabularyPlan]
    costs: Costs


def plan(settings: Plan, context: Context) -> PlanResult:
    """Predict the needs of training from a sample. No engine is started: a sample is small.

    The summary is empty if nothing is written. Raises what `predict` raises.
    """
    files = find_files([as_source(source) for source in settings.corpus])
    if not are_compiled(*settings.kernels()):
        context.progress.note("compiling kernels: some seconds, once on this machine")
    local = context.execution.engine == "local"
    prediction = predict(
        files,
        settings.pretokenizer,
        settings.vocab_sizes or DEFAULT_SIZES,
        context.progress,
        sample_bytes=_sample_bytes(settings.sample_mb, files),
        workers=context.execution.workers,
        memory_per_worker_bytes=size_in_bytes("memory_per_worker", settings.memory_per_worker),
        cores_per_node=settings.cores_per_node or processors(),
        costs=LOCAL_COSTS if local else COSTS,
    )
    manifest = Manifest(stage="plan", fingerprint="", settings={}, inputs=[], files={}, facts={})
    if settings.out is None:
        return PlanResult(Path.cwd(), manifest, False, "", prediction)
    with Output(out_directory(settings.out), "plan") as output:
        made = write_prediction(prediction, files, output, settings, context)
    summary = summarized(False, "a plan", {}, str(output.directory / PLAN))
    return PlanResult(output.directory, made.manifest, False, summary, prediction)


def _sample_bytes(sample_mb: int | None, files: Sequence[InputFile]) -> int:
    """Return the size of the sample: as given, else a part of the corpus, so that planning takes a part of the time."""
    if sample_mb is not None:
        return sample_mb * 1_000_000
    stored = sum(file.size or 0 for file in files)
    return min(max(stored // SAMPLED_PART, SAMPLE_BYTES[0]), SAMPLE_BYTES[1])


def predict(
    files: Sequence[InputFile],
    pretokenizer: str,
    vocabulary_sizes: Sequence[int],
    progress: Progress,
    *,
    sample_bytes: int = 64_000_000,
    workers: int | None = None,
    memory_per_worker_bytes: float = 4e9,
    cores_per_node: int = 1,
    costs: Costs = COSTS,
) -> Prediction:
    """Read a sample of the files, and predict the needs of training on all of them, at each vocabulary size.

    Without `workers`: the fewest that fit the memory, at least one full node. Raises TooLittleText, WorkersTooSmall,
    UnknownSize, BadPattern, and what reading raises; bad records are left out of the sample.
    """
    sample, counted = Sample(files, sample_bytes), SampleWords(pretokenizer)
    with progress.stage("sample", None, "B") as advance:
        for block in sample.blocks():
            advance(counted.add(block))
        counted.finish()
    if warning := marks_warning(pretokenizer, counted.figures()):
        progress.note(f"plan: in the sample {warning}")
    if counted.blocks < LEAST_BLOCKS:
        raise TooLittleText(counted.blocks)
    with progress.stage("fit", None, "curves") as advance:
        text, block_size = sample.text_bytes(), counted.text_bytes / counted.blocks
        if sample.complete:  # the sample is the whole text
            text = Interval(*3 * (float(counted.text_bytes),))
        (pairs, pair_bytes), (words, word_bytes) = (
            (fit(number, block_size), fit(size, block_size)) for number, size in counted.incidences()
        )
        advance(4)
    speed = measure_speed(sample, counted)
    needs = Needs(text, pairs, words, word_bytes, speed.seconds_per_byte, sample.largest_uncut_bytes(), costs)
    word_size = counted.text_bytes / max(counted.words_read, 1)
    return Prediction(
        pretokenizer=pretokenizer,
        memory_per_worker_bytes=memory_per_worker_bytes,
        cores_per_node=cores_per_node,
        corpus=CorpusSize(
            files=len(files),
            stored_bytes=sum(file.size or 0 for file in files),
            text_bytes=estimate(text),
            words=estimate(scaled(text, 1 / word_size)),
            languages=counted.languages,
        ),
        sample=_sample_facts(sample, counted, speed),
        pairs=_growth_facts(pairs, pair_bytes, text, word_size),
        words=_growth_facts(words, word_bytes, text, word_size),
        vocabularies=[
            needs.plan(size, workers, memory_per_worker_bytes, cores_per_node) for size in sorted(set(vocabulary_sizes))
        ],
        costs=costs,
    )


def _sample_facts(sample: Sample, counted: SampleWords, speed: Speed) -> SampleFacts:
    return SampleFacts(
        text_bytes=counted.text_bytes,
        words=counted.words_read,
        blocks=counted.blocks,
        files=sum(one.fraction > 0 for one in sample.files),
        files_by_head=sample.heads,
        complete=sample.complete,
        bad_records=len(sample.bad),
        reading_mb_per_second=1e-6 / speed.reading_seconds_per_byte,
        counting_mb_per_second=1e-6 / speed.counting_seconds_per_byte,
    )


def write_prediction(
    prediction: Prediction, files: Sequence[InputFile], output: Output, settings: Plan, context: Context
) -> Made:
    """Write plan.json, on every run: it holds the speed of this machine."""

    def work(_: Path) -> Written:
        with replacing(output.directory / PLAN) as temporary:
            temporary.write_bytes(msgspec.json.format(msgspec.json.encode(prediction), indent=2) + b"\n")
        return Written([PLAN])

    inputs = describe_inputs(list(files))
    stage = Stage("plan", settings.hashed(), inputs, [PLAN], uses_engine=False, always=True)
    return make(stage, output, context, work)


def _growth_facts(number: Growth, size: Growth, text: Interval, word_size: float) -> GrowthFacts:
    return GrowthFacts(
        found_in_sample=round(number.found[-1]),
        beta=number.beta,
        beta_error=number.beta_error,
        k_words=math.exp(number.log_scale + number.beta * math.log(word_size)),
        k_bytes=math.exp(number.log_scale),
        k_relative_error=number.log_scale_error,
        missed_by_half_percent=100 * number.missed_by_half,
        missed_by_quarter_percent=100 * number.missed_by_quarter,
        distinct=estimate(predicted(number, text)),
        distinct_bytes=estimate(predicted(size, text)),
    )
