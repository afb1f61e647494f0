"""Rounds of merges on a fleet of shards: the reducer chooses, the shards apply and report, until it has enough.

The merges of a tokenizer to extend, or of an interrupted run, are replayed first, many at a time. Where one shard is
enough, the reducer works beside it, in the same worker.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from operators.arrays import I32
from operators.shard import PairChanges, Shard
from operators.tokenizer import Merges, Tokenizer, same_merges
from operators.training.reducer import Reducer, learn_rounds
from pipelines.context import Context
from pipelines.engines.engine import Engine
from pipelines.engines.fleet import Call, Fleet
from pipelines.train.checkpoint import Checkpoint
from pipelines.words.word_tables import read_words

ANSWER_EVERY_S = 0.5
"""Seconds between two answers of a single-shard trainer: what the loss of the driver costs at most, and how smooth
progress is."""


class TrainingShard:
    """Training state of a worker: some partitions of the word tables, and the number of batches applied to them."""

    def __init__(
        self, paths: Sequence[Path], multipliers: Mapping[str, int] | None, bytes_to_ids: I32, longest: int | None
    ) -> None:
        """Read the partitions; `multipliers` of None takes every language as it is, else those it names."""
        words, counts = read_words(paths, multipliers)
        self._shard = Shard(words, counts, np.array(bytes_to_ids), longest)
        self._batch = 0
        self._report = self._shard.initial_counts()

    def initial(self) -> PairChanges:
        """The pair counts before any merge."""
        return self._shard.initial_counts()

    def apply(self, number: int, merges: Merges) -> PairChanges:
        """Apply batch `number` (1, 2, ...); asked again for the batch it has just done, it gives the same report."""
        if number == self._batch + 1:
            self._report = self._shard.apply(_writable(merges))
            self._batch = number
        elif number != self._batch:
            raise RuntimeError(f"batch {number} was asked of a shard that is at batch {self._batch}")
        return self._report

    def replay(self, batches: Sequence[Merges]) -> None:
        """Catch up: apply batches 1 to len(batches) to a shard that has seen none."""
        for number, merges in enumerate(batches, 1):
            self.apply(number, merges)


def _writable(merges: Merges) -> Merges:
    """Copy arrays that came through Ray, which are read-only, so that one compiled kernel serves all."""
    if merges.left.flags.writeable:
        return merges
    return Merges(np.array(merges.left), np.array(merges.right), np.array(merges.token), np.array(merges.count))


@dataclass(frozen=True)
class ShardSource:
    """Arguments that shards are made of."""

    paths: Sequence[Path]
    """Word tables, a file for each partition."""
    shards: int
    """How many to make, at most one for each partition."""
    multipliers: Mapping[str, int] | None
    """Factor of each language's counts; None: all languages, by 1."""
    byte_ids: I32
    max_token_length: int | None = None

    @property
    def arguments(self) -> list[tuple[Sequence[Path], Mapping[str, int] | None, I32, int | None]]:
        """Arguments of each TrainingShard."""
        own = [self.paths[i :: self.shards] for i in range(self.shards)]
        return [(paths, self.multipliers, self.byte_ids, self.max_token_length) for paths in own]


@dataclass(frozen=True)
class TrainingTarget:
    """Start and end of training."""

    start: Tokenizer
    """Special tokens, bytes, and the merges of a tokenizer that is extended."""
    vocabulary_size: int
    min_pair_count: int

    def reducer(self, rounds: Sequence[Merges] = ()) -> Reducer:
        """Return a reducer that has chosen these rounds and has seen no count yet.

        Raises CheckpointMismatch where it would never choose them.
        """
        reducer = Reducer(self.start, self.vocabulary_size, self.min_pair_count)
        if not all(reducer.restore_round(batch) for batch in rounds):
            raise CheckpointMismatch
        return reducer


class CheckpointMismatch(Exception):
    """Rounds of a checkpoint that are not the ones this run chooses."""


class SingleShardTrainer:
    """Training state of a lone worker: the only shard and its reducer, so that rounds need no round trips."""

    def __init__(self, target: TrainingTarget, shard: tuple[Any, ...]) -> None:
        """shard: arguments of the TrainingShard."""
        self._target, self._shard, self._batch = target, TrainingShard(*shard), 0

    def begin(self, rounds: Sequence[Merges], number: int) -> None:
        """Resume after these rounds; `number` is that of the last answer that was received."""
        replayed = Merges.joined([self._target.start.merges, *rounds])
        self._rounds = learn_rounds(self._target.reducer(rounds), [self._shard.initial()], self._apply, replayed)
        self._number, self._answer = number, list[Merges]()

    def learn(self, number: int, seconds: float) -> list[Merges]:
        """Return rounds of about so many seconds, at least one, or none at the end. Asked again: the same answer."""
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


def run_rounds(
    source: ShardSource,
    target: TrainingTarget,
    context: Context,
    checkpoint: Checkpoint,
    before: Sequence[Merges] = (),
) -> Reducer:
    """Run rounds until the target is reached; return the reducer with all of them.

    `before`: rounds of an interrupted run, which the checkpoint holds already. They are replayed except the last, which
    this run must choose itself: that shows that they are of these words. Raises CheckpointMismatch where it does not.
    """
    reducer, expected = target.reducer(before[:-1]), list(before[-1:])
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
    """Yield rounds chosen here and applied by shards on workers."""
    answered: list[Merges] = []

    def recover() -> list[Call]:
        return [("replay", (answered,))]

    with Fleet(engine, TrainingShard, source.arguments, recover) as fleet:

        def applied(batch: Merges) -> list[PairChanges]:
            answer: list[PairChanges] = fleet.ask("apply", len(answered) + 1, batch)
            answered.append(batch)
            return answer

        replayed = Merges.joined([target.start.merges, *reducer.rounds])
        yield from learn_rounds(reducer, fleet.ask("initial"), applied, replayed)


def _single_shard(source: ShardSource, target: TrainingTarget, reducer: Reducer, engine: Engine) -> Iterator[Merges]:
    """Yield rounds that one worker chose and applied; the reducer here adopts them."""
    number = 0

    def recover() -> list[Call]:
        return [("begin", (list(reducer.rounds), number))]

    with Fleet(engine, SingleShardTrainer, [(target, source.arguments[0])], recover) as fleet:
        fleet.ask("begin", list(reducer.rounds), number)
        while batches := fleet.ask("learn", number + 1, ANSWER_EVERY_S)[0]:
            number += 1
            for batch in batches:
                if not reducer.restore_round(batch):
                    raise CheckpointMismatch
                yield batch
