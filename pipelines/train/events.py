"""Training of vocabularies that are cleaned on the way: Picky BPE, on a fleet of shards that undo merges."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from operators.encoding.differences import differing_bytes
from operators.encoding.word_encoder import WordEncoder
from operators.tokenizer import Merges, Tokenizer
from operators.tokenizer_files.hugging_face_output import to_json
from operators.tokenizer_files.transformers_files import Roles
from operators.training.event_list import event_tokenizer
from operators.training.nearest_plain import exact_plain, nearest_plain
from operators.training.whole_characters import judge
from pipelines.context import Context
from pipelines.event_files import EVENTS, write_events
from pipelines.outputs import Manifest, Output, replacing
from pipelines.stage import Made, Stage, Written, make
from pipelines.tokenizers import NEAREST, TOKENIZER_FILES, save_tokenizer
from pipelines.train.checkpoint import CHECKPOINT, Checkpoint
from pipelines.train.rounds import ShardSource, TrainingTarget, learn
from pipelines.train.settings import Train
from pipelines.train.shards import count_symbols, shard_number, shares_of, weigh
from pipelines.words.counting import word_files
from pipelines.words.word_tables import read_words

PICKY: Final = "Picky BPE"
MEMORY_FACTOR: Final = 2
"""Memory of a shard that undoes merges, as a multiple of one that does not."""


def train_events(words: Manifest, words_directory: Path, output: Output, settings: Train, context: Context) -> Made:
    """Train merges and removals on word tables into `output`. Kept if up to date.

    settings: as `resolve` returns them. An interrupted run is resumed from its checkpoint.

    Raises UnknownLanguage, WeightOutOfRange, CountOverflow, TooLittleMemory, WriteFailed.
    """
    special = tuple(settings.special_tokens)
    start = Tokenizer(words.settings["pretokenizer"], special, Merges.from_rows([]))
    multipliers, weighed = weigh(words, settings.weighting)
    hashed = settings.hashed(special_tokens=list(special), extend=None)
    stage = Stage("tokenizer", hashed, [{"words": words.fingerprint}], [*TOKENIZER_FILES, NEAREST])
    checkpoint = Checkpoint(output.directory / CHECKPOINT, stage.fingerprint)

    def work(_: Path) -> Written:
        paths, symbols = word_files(words, words_directory), count_symbols(words, multipliers)
        shards = shard_number(paths, MEMORY_FACTOR * symbols, context, 1)
        longest, restriction = settings.max_token_length, judge if settings.whole_characters else None
        source = ShardSource(paths, shards, multipliers, start.byte_ids, longest, undoes=True)
        target = TrainingTarget(
            start, int(settings.vocab_size or 0), settings.min_pair_count, None, restriction, picky=settings.picky
        )
        reducer = learn(target, source, checkpoint, settings.resume, context)
        tokenizer = event_tokenizer(start.pretokenizer, special, reducer.merges, PICKY)
        assert tokenizer.events is not None
        files, without = _write(tokenizer, output.directory, settings, paths, multipliers, context)
        removals = tokenizer.events.removals
        facts = {"pretokenizer": start.pretokenizer, "vocabulary": len(tokenizer.tokens), "model": PICKY}
        facts |= {"merges": len(tokenizer.events) - removals, "removals": removals, "rounds": len(reducer.rounds)}
        facts |= {"removed_tokens": len(tokenizer.events.removed)} | without
        return Written(files, facts | {"mixture": shares_of(weighed)})

    made = make(stage, output, context, work)
    checkpoint.remove()
    return made


def _write(
    tokenizer: Tokenizer, directory: Path, settings: Train, paths: Sequence[Path],
    multipliers: Mapping[str, int] | None, context: Context,
) -> tuple[list[str], dict[str, Any]]:  # fmt: skip
    """Write the files; return their names, and the figures of what they leave out."""
    exact = exact_plain(tokenizer)
    if exact is not None:
        saved = save_tokenizer(exact, directory, Roles.of(settings.hashed()))
        write_events(tokenizer, directory / EVENTS)
        return sorted([*saved.files, EVENTS]), {"without_ranks": saved.without_ranks} if saved.without_ranks else {}
    saved, nearest = save_tokenizer(tokenizer, directory), nearest_plain(tokenizer)
    with replacing(directory / NEAREST) as temporary:
        temporary.write_text(to_json(nearest), "utf-8", newline="\n")
    share = share_that_differs(tokenizer, nearest, paths, multipliers, context)
    return sorted([*saved.files, NEAREST]), {
        "without_tokenizer_json": saved.without_ranks, "nearest_plain_differs": share
    }  # fmt: skip


@dataclass(frozen=True)
class DifferenceTask:
    """Partitions of the word tables, which two tokenizers encode."""

    files: Sequence[Path]
    multipliers: Mapping[str, int] | None
    one: Tokenizer
    other: Tokenizer

    @property
    def path(self) -> str:
        """Path of the first partition, for messages."""
        return str(self.files[0])


def count_differences(task: DifferenceTask) -> tuple[int, int]:
    """Worker task: bytes of words that two tokenizers encode differently, and of all words."""
    encoders = WordEncoder(task.one), WordEncoder(task.other)
    differing = total = 0
    for file in task.files:
        own, every = differing_bytes(*read_words([file], task.multipliers), *encoders)
        differing, total = differing + own, total + every
    return differing, total


def share_that_differs(
    one: Tokenizer, other: Tokenizer, paths: Sequence[Path], multipliers: Mapping[str, int] | None, context: Context
) -> float:
    """Return the share of the training text, in bytes, in words that two tokenizers encode differently."""
    groups = min(context.engine.workers, len(paths))  # few: each makes the encoders
    tasks = [DifferenceTask(paths[i::groups], multipliers, one, other) for i in range(groups)]
    differing = total = 0
    with context.progress.stage("compare with a merge list", len(tasks), "groups of words") as advance:
        for _, (own, every) in context.engine.run(count_differences, tasks):
            differing, total = differing + own, total + every
            advance(1)
    return differing / max(1, total)
