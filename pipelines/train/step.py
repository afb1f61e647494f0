"""Word tables to a tokenizer: words, counted as languages are weighed; rounds of merges on shards of them; files."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from operators.shard import LARGEST_TOTAL, CountOverflow
from operators.tokenizer import Merges, Tokenizer
from operators.training.extension import check_extendable, extend
from operators.training.reducer import Reducer
from pipelines.engines.engine import Engine
from pipelines.engines.run_stats import run_of
from pipelines.memory import shards_within
from pipelines.outputs import Manifest, Output, fingerprint
from pipelines.progress import Progress
from pipelines.tokenizers import TOKENIZER_FILES, Saved, save_tokenizer, tokenizer_fingerprint
from pipelines.train.checkpoint import CHECKPOINT, Checkpoint
from pipelines.train.rounds import AnotherRun, Goal, ShardSource, run_rounds
from pipelines.words.counting import word_files
from pipelines.words.weighting import Weighting


def train(
    words: Manifest,
    words_directory: Path,
    output: Output,
    engine: Engine,
    progress: Progress,
    *,
    vocabulary_size: int,
    special_tokens: Sequence[str] = (),
    min_pair_count: int = 1,
    max_token_length: int | None = None,
    shares: Mapping[str, float] | None = None,
    weights: Mapping[str, float] | None = None,
    temperature: float | None = None,
    extended: Tokenizer | None = None,
    resume: bool = True,
    memory_bytes: int | None = None,
) -> Manifest:
    """A tokenizer in `output`, from word tables. Skipped when it is there already.

    `shares`, `weights` and `temperature` are those of `pipelines.words.weighting.Weighting`. With `extended`, its
    merges and ids stay, its special tokens count, and `vocabulary_size` is the new total; the words must be cut by its
    pre-tokenizer. A run that was cut off is gone on with, from what its checkpoint holds, unless `resume` is false.
    `memory_bytes` is what the words and pairs of one worker may take.

    Raises NotExtendable, MaxTokenLengthTooSmall, UnknownLanguage, WeightOutOfRange, CountOverflow, TooLittleMemory,
    WriteFailed.
    """
    start = extended or Tokenizer(words.settings["pretokenizer"], tuple(special_tokens), Merges.from_rows([]))
    if extended is not None:
        check_extendable(extended, max_token_length)
    multipliers, mixture = _weigh(words, weighting := Weighting(shares, weights, temperature))
    settings = {
        "vocabulary_size": vocabulary_size,
        "special_tokens": list(start.special_tokens),
        "min_pair_count": min_pair_count,
        "max_token_length": max_token_length,
        **weighting.settings,
        "extended": tokenizer_fingerprint(extended) if extended is not None else None,
    }
    name = fingerprint("tokenizer", settings, inputs := [{"words": words.fingerprint}])
    checkpoint = Checkpoint(output.directory / CHECKPOINT, name)
    if (done := output.current(name)) is not None:
        checkpoint.remove()
        progress.note(f"tokenizer: unchanged, kept ({output.directory})")
        return done
    began = time.monotonic()
    output.begin(list(TOKENIZER_FILES))
    paths = word_files(words, words_directory)
    shards = _shards(engine, paths, _symbols(words, multipliers), memory_bytes)
    source = ShardSource(paths, shards, multipliers, start.byte_ids, max_token_length)
    goal = Goal(start, vocabulary_size, min_pair_count)
    reducer = _learn(goal, source, engine, progress, checkpoint, resume)
    made, repeated = extend(start, reducer.merges)
    saved = save_tokenizer(made, output.directory)
    of_extension = {} if extended is None else {"extended_merges": len(start.merges), "repeated_merges": repeated}
    facts = _facts(made, reducer, saved) | {"mixture": mixture} | of_extension
    manifest = output.finish(name, settings, inputs, saved.files, facts, run_of(engine, began))
    checkpoint.remove()
    return manifest


def _facts(made: Tokenizer, reducer: Reducer, saved: Saved) -> dict[str, Any]:
    counts = {"vocabulary": reducer.vocabulary, "merges": len(made.merges), "rounds": len(reducer.rounds)}
    without = {} if saved.without_ranks is None else {"without_ranks": saved.without_ranks}
    return {"pretokenizer": made.pretokenizer, **counts, **without}


def _shards(engine: Engine, paths: Sequence[Path], symbols: int, memory_bytes: int | None) -> int:
    most = min(engine.workers, len(paths))
    worth = engine.shards(sum(path.stat().st_size for path in paths))
    return shards_within(symbols, memory_bytes, min(worth, most), most)


def _symbols(words: Manifest, multipliers: Mapping[str, int] | None) -> int:
    """Bytes of the distinct words that are trained on, and one for each word; equal words of languages as if not."""
    used = (facts for language, facts in words.facts["languages"].items() if not multipliers or language in multipliers)
    return sum(int(facts["word_bytes"]) + int(facts["words"]) for facts in used)


def _weigh(words: Manifest, weighting: Weighting) -> tuple[dict[str, int] | None, dict[str, float]]:
    """What each language's counts are multiplied with, and the shares of bytes that come of it."""
    sizes = {language: figures["bytes"] for language, figures in words.facts["languages"].items()}
    multipliers = weighting.multipliers(sizes)
    if multipliers is None:
        weighed = dict(sorted(sizes.items()))
    else:
        weighed = {language: sizes[language] * factor for language, factor in sorted(multipliers.items())}
    symbols = sum(weighed.values())
    if symbols >= LARGEST_TOTAL:  # over all shards: their totals are added up too
        raise CountOverflow(float(symbols))
    return multipliers, {language: size / symbols for language, size in weighed.items()}


def _learn(
    goal: Goal, source: ShardSource, engine: Engine, progress: Progress, checkpoint: Checkpoint, resume: bool
) -> Reducer:
    """The reducer at its end."""
    before = checkpoint.read() if resume else []
    if before:
        progress.note(f"train: going on after {sum(map(len, before)):,} merges of a run that was cut off")
    try:
        return run_rounds(source, goal, engine, progress, checkpoint, before)
    except AnotherRun:
        progress.note(f"train: the merges in {checkpoint.path} are not of these words; starting over without them")
    checkpoint.remove()
    return run_rounds(source, goal, engine, progress, checkpoint)
