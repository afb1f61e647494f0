"""Training rounds on a fleet of shards: the reducer chooses merges, the shards apply them and report changed counts.

The merges of a tokenizer to extend, or of an interrupted run, are replayed first, many at a time. A single shard has
the reducer beside it, in the same worker.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from operators.arrays import I32, I64
from operators.event_shard import EventShard
from operators.id_lists import tokens_of
from operators.shard import PairChanges, Shard
from operators.superwords.sequences import ids_of
from operators.tokenizer import Merges, Tokenizer, same_merges
from operators.training.morphemes import cut_words
from operators.training.picky import PickyReducer
from operators.training.reducer import Judge, Reducer, learn_rounds
from operators.training.selection import Selection
from operators.training.sources import Answer, Kind, PairSources, SourceSelection
from operators.training.text_order import TextOrderSelection
from pipelines.context import Context
from pipelines.engines.engine import Engine
from pipelines.engines.fleet import Call, Fleet
from pipelines.memory_pool import return_freed_memory
from pipelines.train.checkpoint import Checkpoint
from pipelines.words.sources import read_sources
from pipelines.words.word_tables import read_language_words, read_words

ANSWER_EVERY_S = 0.5
"""Seconds between two answers of a single-shard trainer. It bounds the work that the loss of a driver costs, and sets
the time between two updates of the progress."""


class TrainingShard:
    """Training state of a worker: some partitions of the word tables, and the number of batches applied to them."""

    def __init__(
        self, paths: Sequence[Path], multipliers: Mapping[str, int] | None, bytes_to_ids: I32, longest: int | None,
        languages: Sequence[str] = (), symbols: int = 0, characters: I32 | None = None, sourced: bool = False,
        undoes: bool = False, borders: Mapping[bytes, Sequence[int]] | None = None,
    ) -> None:  # fmt: skip
        """Read the partitions. `multipliers`: factors of the languages to read; None: all languages, by 1.

        `languages`: the languages to tell apart; none: words are summed over languages. `symbols`: number of tokens
        that the words are sequences of; 0: they are bytes. `characters`: ids by code point, if the words are characters
        that stand for ids (`operators.id_lists`). `sourced`: read the words' sources too, for `sources`.
        `undoes`: batches may undo merges. `borders`: where words are cut (`operators.training.morphemes`).
        """
        self._sets: dict[Kind, PairSources] = {}
        if symbols:
            rows, counts = read_words(paths, multipliers)
            ids, offsets = ids_of(rows) if characters is None else tokens_of(rows, characters)
            self._shard = Shard.of_sequences(ids, offsets, counts, symbols, longest)
        elif languages:
            words = read_language_words(paths, multipliers, languages)
            self._shard = Shard(words.words, words.counts, np.array(bytes_to_ids), longest, words.languages)
        elif sourced:
            rows, counts = read_words(paths, multipliers)
            self._shard = Shard(rows, counts, np.array(bytes_to_ids), longest)
            sources, spoken = read_sources(paths, multipliers)
            self._sets["sources"] = PairSources(self._shard, rows, counts, sources)
            self._sets["languages"] = PairSources(self._shard, rows, counts, spoken)
        else:
            kind = EventShard if undoes else Shard
            words_read = read_words(paths, multipliers)
            rows, counts = cut_words(*words_read, borders) if borders else words_read
            self._shard = kind(rows, counts, np.array(bytes_to_ids), longest)
        return_freed_memory()
        self._batch = 0
        self._report = self._shard.initial_counts()

    def initial(self) -> PairChanges:
        """Return the pair counts before any merge."""
        return self._shard.initial_counts()

    def apply(self, number: int, merges: Merges) -> PairChanges:
        """Apply batch `number` (1, 2, ...); return changed counts. A repeated last number returns the same."""
        if number == self._batch + 1:
            self._report = self._shard.apply(_writable(merges))
            self._batch = number
        elif number != self._batch:
            raise RuntimeError(f"batch {number} was asked of a shard that is at batch {self._batch}")
        return self._report

    def members(self, kind: Kind, pairs: I64) -> Answer:
        """Return the sources, or languages, of the words in which pairs stand now."""
        return self._sets[kind].of(pairs)

    def doubled(self, tokens: I64) -> I64:
        """Return how often each token follows itself now (see `Shard.doubled`)."""
        return np.array([self._shard.doubled(token) for token in tokens.tolist()], np.int64)

    def replay(self, batches: Sequence[Merges]) -> None:
        """Apply batches 1 to len(batches) to a new shard."""
        for number, merges in enumerate(batches, 1):
            self.apply(number, merges)


def _writable(merges: Merges) -> Merges:
    """Copy the read-only arrays that Ray delivers: a kernel compiled for writable arrays does not take them."""
    if merges.left.flags.writeable:
        return merges
    return Merges(np.array(merges.left), np.array(merges.right), np.array(merges.token), np.array(merges.count))


@dataclass(frozen=True)
class ShardSource:
    """Inputs of the shards: word tables, and the way to read them."""

    paths: Sequence[Path]
    """Files of the word tables, one for each partition."""
    shards: int
    """Number of shards, at most one for each partition."""
    multipliers: Mapping[str, int] | None
    """Factor of each language's counts; None: all languages, by 1."""
    byte_ids: I32
    max_token_length: int | None = None
    languages: Sequence[str] = ()
    """Languages to tell apart; none: words are summed over languages."""
    symbols: int = 0
    """Number of tokens that the words are sequences of; 0: words are bytes."""
    characters: I32 | None = None
    """Ids by code point, if words are characters that stand for ids."""
    sourced: bool = False
    """True if the words' sources are read too."""
    undoes: bool = False
    """True if batches may undo merges."""
    borders: Mapping[bytes, Sequence[int]] | None = None
    """Words that are cut, and the places, in bytes; None or empty: none is."""

    @property
    def arguments(self) -> list[tuple[Any, ...]]:
        """Arguments of each TrainingShard."""
        own = [self.paths[i :: self.shards] for i in range(self.shards)]
        how = self.multipliers, self.byte_ids, self.max_token_length, self.languages
        return [(paths, *how, self.symbols, self.characters, self.sourced, self.undoes, self.borders) for paths in own]


@dataclass(frozen=True)
class TrainingTarget:
    """Target of training: the tokenizer to start from, and where to end."""

    start: Tokenizer
    """Tokenizer to start from: special tokens, bytes, and, if it is extended, its merges."""
    vocabulary_size: int
    min_pair_count: int
    selection: Callable[[], Selection] | None = None
    """Maker of a selection; None: by frequency."""
    restriction: Judge | None = None
    """Judge of the pairs that may be merged; None: all may."""
    applied: bool = False
    """True if the words are tokens that the start's merges have made already."""
    picky: float | None = None
    """Threshold of Picky BPE, whose batches undo merges; None: merges stay."""

    @property
    def replayed(self) -> Merges:
        """The merges of the start that are still to be applied."""
        return Merges.from_rows([]) if self.applied else self.start.merges

    def reducer(self, rounds: Sequence[Merges] = (), *, records: bool = False) -> Reducer:
        """Return a reducer that has these rounds and no counts yet. `records`: it keeps rounds that others choose.

        Raises CheckpointMismatch if no reducer can choose these rounds.
        """
        selection = None if records or self.selection is None else self.selection()
        goal = self.start, self.vocabulary_size, self.min_pair_count
        if self.picky is not None:
            reducer: Reducer = PickyReducer(*goal, self.picky, selection, self.restriction)
        else:
            reducer = Reducer(*goal, selection, self.restriction)
        if not all(reducer.restore_round(batch) for batch in rounds):
            raise CheckpointMismatch
        return reducer


class CheckpointMismatch(Exception):
    """A checkpoint with rounds that this run does not choose. Internal: training then starts without it."""


class SingleShardTrainer:
    """Training state of a single worker: the only shard and its reducer, so that rounds need no round trips."""

    def __init__(self, target: TrainingTarget, shard: tuple[Any, ...]) -> None:
        """shard: arguments of the TrainingShard."""
        self._target, self._shard, self._batch = target, TrainingShard(*shard), 0

    def begin(self, rounds: Sequence[Merges], number: int) -> None:
        """Resume after these rounds. `number`: number of the last answer that the driver received."""
        replayed = self._target.replayed, Merges.joined(rounds)
        reducer = self._target.reducer(rounds)
        _let_ask(reducer, lambda question, *arguments: [getattr(self._shard, question)(*arguments)])
        self._rounds = learn_rounds(reducer, [self._shard.initial()], self._apply, *replayed)
        self._number, self._answer = number, list[Merges]()

    def learn(self, number: int, seconds: float) -> list[Merges]:
        """Return the rounds of about `seconds` of work, at least one, none at the end. A repeated number: the same."""
        if number == self._number + 1:
            began, self._answer = time.monotonic(), []
            for batch in self._rounds:
                self._answer.append(batch)
                if time.monotonic() - began > seconds:
                    break
            self._number = number
        return self._answer

    def _apply(self, batch: Merges) -> list[PairChanges]:
        self._batch += 1
        return [self._shard.apply(self._batch, batch)]


def learn(
    target: TrainingTarget, source: ShardSource, checkpoint: Checkpoint, resume: bool, context: Context
) -> Reducer:
    """Run all rounds, after those of the checkpoint if it is of this run; return the reducer."""
    before = checkpoint.read() if resume else []
    if before:
        context.progress.note(f"train: resuming after {sum(map(len, before)):,} merges of an interrupted run")
    try:
        return run_rounds(source, target, context, checkpoint, before)
    except CheckpointMismatch:
        context.progress.note(f"train: the merges in {checkpoint.path} are of other word tables; starting without them")
    checkpoint.remove()
    return run_rounds(source, target, context, checkpoint)


def run_rounds(
    source: ShardSource,
    target: TrainingTarget,
    context: Context,
    checkpoint: Checkpoint,
    before: Sequence[Merges] = (),
) -> Reducer:
    """Run rounds until the target is reached; return the reducer with all of them.

    `before`: rounds of an interrupted run, which the checkpoint holds already. They are replayed, except the last. This
    run must choose the last one itself, which shows that all are of the same words. Raises CheckpointMismatch if not.
    """
    reducer, expected = target.reducer(before[:-1], records=source.shards == 1), list(before[-1:])
    learn = _single_shard if source.shards == 1 else _sharded
    with checkpoint, context.progress.stage("train", reducer.missing, "tokens") as advance:
        for batch in learn(source, target, reducer, context.engine):
            if expected and not same_merges(batch, expected.pop()):
                raise CheckpointMismatch
            if len(reducer.rounds) > len(before):
                checkpoint.add(batch)
            advance(len(batch))
        if expected:
            raise CheckpointMismatch
        return reducer


def _sharded(source: ShardSource, target: TrainingTarget, reducer: Reducer, engine: Engine) -> Iterator[Merges]:
    """Yield rounds: the reducer here chooses them, shards on workers apply them."""
    answered: list[Merges] = []

    def recover() -> list[Call]:
        return [("replay", (answered,))]

    with Fleet(engine, TrainingShard, source.arguments, recover) as fleet:

        def applied(batch: Merges) -> list[PairChanges]:
            answer: list[PairChanges] = fleet.ask("apply", len(answered) + 1, batch)
            answered.append(batch)
            return answer

        _let_ask(reducer, fleet.ask)
        replayed = target.replayed, reducer.merges
        yield from learn_rounds(reducer, fleet.ask("initial"), applied, *replayed)


def _let_ask(reducer: Reducer, ask: Callable[..., Any]) -> None:
    """Let a selection that asks the shards do so: `ask` calls a method of each."""
    if isinstance(reducer.selection, SourceSelection):
        reducer.selection.ask = partial(ask, "members")
    if isinstance(reducer.selection, TextOrderSelection):
        reducer.selection.ask = partial(ask, "doubled")


def _single_shard(source: ShardSource, target: TrainingTarget, reducer: Reducer, engine: Engine) -> Iterator[Merges]:
    """Yield rounds that one worker chooses and applies; the reducer here records them."""
    number = 0

    def recover() -> list[Call]:
        return [("begin", (list(reducer.rounds), number))]

    with Fleet(engine, SingleShardTrainer, [(target, source.arguments[0])], recover) as fleet:
        fleet.ask("begin", list(reducer.rounds), number)
        while batches := fleet.ask("learn", number + 1, ANSWER_EVERY_S)[0]:
            number += 1
            for batch in batches:
                reducer.record_round(batch)
                yield batch
