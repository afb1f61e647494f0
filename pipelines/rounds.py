"""Rounds of merges on a fleet of shards: the reducer chooses, the shards apply and report, until it has enough.

A list that is given, of a tokenizer to extend or of a run that was cut off, is replayed first, many merges at a time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from operators.arrays import I32
from operators.merge_order import Reducer
from operators.shard import PairChanges, Shard
from operators.tokenizer import Merges, same_merges
from pipelines.checkpoint import Checkpoint
from pipelines.engine import Engine
from pipelines.fleet import Call, Fleet
from pipelines.progress import Progress
from pipelines.word_tables import read_words

MAX_FAILURES = 20
REPLAYED_MERGES = 512
"""Merges replayed at a time: few enough for their reports to be small, many enough for round trips not to count."""


class TrainingShard:
    """Some partitions of the word tables, and how many batches of merges they have seen."""

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
    """Arrays that came through Ray are read-only; one copy, so that one compiled kernel serves all."""
    if merges.left.flags.writeable:
        return merges
    return Merges(np.array(merges.left), np.array(merges.right), np.array(merges.token), np.array(merges.count))


@dataclass(frozen=True)
class ShardSource:
    """What shards are made of."""

    paths: Sequence[Path]
    """Word tables, a file for each partition."""
    shards: int
    """How many to make, at most one for each partition."""
    multipliers: Mapping[str, int] | None
    """What each language's counts are multiplied with; None: all of them as they are."""
    byte_ids: I32
    max_token_length: int | None = None

    @property
    def arguments(self) -> list[tuple[Sequence[Path], Mapping[str, int] | None, I32, int | None]]:
        """What makes each TrainingShard."""
        own = [self.paths[i :: self.shards] for i in range(self.shards)]
        return [(paths, self.multipliers, self.byte_ids, self.max_token_length) for paths in own]


class AnotherRun(Exception):
    """The rounds of a checkpoint are not those that this run chooses."""


def run_rounds(
    source: ShardSource,
    reducer: Reducer,
    engine: Engine,
    progress: Progress,
    checkpoint: Checkpoint,
    given: Merges | None = None,
    before: Sequence[Merges] = (),
) -> int:
    """Rounds until the reducer ends; returns how many workers were lost on the way.

    `given` is the list of the tokenizer that is extended; `before` the rounds of a run that was cut off, which the
    checkpoint holds already. They are replayed but for the last, which this run must choose itself: that shows that
    they are of these words. Raises AnotherRun where it does not.
    """
    total, expected = reducer.missing, list(before[-1:])
    if not all(reducer.adopt(batch) for batch in before[:-1]):
        raise AnotherRun
    answered: list[Merges] = []

    def recover() -> list[Call]:
        return [("replay", (answered,))]

    with (
        checkpoint,
        progress.stage("train", total, "tokens") as advance,
        Fleet(engine, TrainingShard, source.arguments, recover, MAX_FAILURES) as fleet,
    ):

        def applied(batch: Merges) -> list[PairChanges]:
            answer: list[PairChanges] = fleet.ask("apply", len(answered) + 1, batch)
            answered.append(batch)
            return answer

        changes: list[PairChanges] = fleet.ask("initial")
        for replayed, amount in (*_chunks(given, 0), *_chunks(Merges.joined(before[:-1]), 1)):
            reducer.replay(replayed, changes)
            changes = applied(replayed)
            advance(amount * len(replayed))
        while len(batch := reducer.next_batch(changes)):
            if expected and not same_merges(batch, expected.pop()):
                raise AnotherRun
            if len(reducer.rounds) > len(before):
                checkpoint.add(batch)
            advance(len(batch))
            if not reducer.missing:
                break  # nothing is chosen any more, so nobody needs to know what these merges change
            changes = applied(batch)
        if expected:
            raise AnotherRun
        if fleet.failures:
            progress.note(f"train: {fleet.failures} lost workers were replaced")
        return fleet.failures


def _chunks(merges: Merges | None, amount: int) -> Iterator[tuple[Merges, int]]:
    """A list in parts to replay, each with what one of its merges counts in the progress that is shown."""
    for first in range(0, 0 if merges is None else len(merges), REPLAYED_MERGES):
        assert merges is not None
        yield merges[first : first + REPLAYED_MERGES], amount
