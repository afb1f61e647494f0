"""Word tables to a tokenizer: shards apply merges, the reducer chooses them, until the vocabulary is full."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from operators.alphabet import byte_ids
from operators.arrays import I32
from operators.merge_order import Reducer
from operators.shard import LARGEST_TOTAL, CountOverflow, PairChanges, Shard
from operators.tokenizer import Merges, Tokenizer
from pipelines.counting import word_files
from pipelines.engine import Engine
from pipelines.fleet import Call, Fleet
from pipelines.outputs import Manifest, Output, Run, fingerprint
from pipelines.progress import Progress
from pipelines.tokenizers import TOKENIZER_FILES, save_tokenizer
from pipelines.weighting import Weighting
from pipelines.word_tables import read_words

MAX_FAILURES = 20


class TrainingShard:
    """Some partitions of the word tables, and how many rounds of merges they have seen."""

    def __init__(
        self, paths: Sequence[Path], multipliers: Mapping[str, int] | None, bytes_to_ids: I32, longest: int | None
    ) -> None:
        """Read the partitions; `multipliers` of None takes every language as it is, else those it names."""
        words, counts = read_words(paths, multipliers)
        self._shard = Shard(words, counts, np.array(bytes_to_ids), longest)
        self._round = 0
        self._report = self._shard.initial_counts()

    def initial(self) -> PairChanges:
        """The pair counts before any merge."""
        return self._shard.initial_counts()

    def apply(self, number: int, merges: Merges) -> PairChanges:
        """Apply round `number` (1, 2, ...); asked again for the round it has just done, it gives the same report."""
        if number == self._round + 1:
            self._report = self._shard.apply(_writable(merges))
            self._round = number
        elif number != self._round:
            raise RuntimeError(f"round {number} was asked of a shard that is at round {self._round}")
        return self._report

    def replay(self, rounds: Sequence[Merges]) -> None:
        """Catch up: apply rounds 1 to len(rounds) to a shard that has seen none."""
        for number, merges in enumerate(rounds, 1):
            self.apply(number, merges)


def _writable(merges: Merges) -> Merges:
    """Arrays that came through Ray are read-only; one copy, so that one compiled kernel serves all."""
    return Merges(np.array(merges.left), np.array(merges.right), np.array(merges.token), np.array(merges.count))


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
) -> Manifest:
    """A tokenizer in `output`, from word tables. Skipped when it is there already.

    `shares` takes the languages it names, and scales their counts so that their bytes stand in these shares.
    """
    languages = words.facts["languages"]
    scale = Weighting(shares).multipliers({name: figures["bytes"] for name, figures in languages.items()})
    symbols = sum(languages[one]["bytes"] * (scale[one] if scale else 1) for one in scale or languages)
    if symbols >= LARGEST_TOTAL:  # over all shards: their totals are added up too
        raise CountOverflow(float(symbols))
    settings = {
        "vocabulary_size": vocabulary_size,
        "special_tokens": list(special_tokens),
        "min_pair_count": min_pair_count,
        "max_token_length": max_token_length,
        "shares": dict(shares) if shares is not None else None,
    }
    inputs = [{"words": words.fingerprint}]
    name = fingerprint("tokenizer", settings, inputs)
    if (done := output.current(name)) is not None:
        progress.note(f"tokenizer: unchanged, kept ({output.directory})")
        return done
    began = time.monotonic()
    output.begin(list(TOKENIZER_FILES))
    paths = word_files(words, words_directory)
    reducer = Reducer(special_tokens, vocabulary_size, min_pair_count)
    failures = run_rounds(paths, scale, reducer, engine, progress, special_tokens, vocabulary_size, max_token_length)
    pattern = words.settings["pretokenizer"]
    written = save_tokenizer(Tokenizer(pattern, tuple(special_tokens), reducer.merges), output.directory)
    weighted = {one: languages[one]["bytes"] * (scale[one] if scale else 1) for one in scale or languages}
    total = sum(weighted.values())
    facts = {
        "pretokenizer": pattern,
        "vocabulary": reducer.vocabulary,
        "merges": len(reducer.merges),
        "rounds": len(reducer.rounds),
        "mixture": {one: weight / total for one, weight in sorted(weighted.items())},
    }
    run = Run(engine=engine.name, workers=engine.workers, seconds=round(time.monotonic() - began, 3), failures=failures)
    return output.finish(name, settings, inputs, written, facts, run)


def run_rounds(
    paths: Sequence[Path],
    multipliers: Mapping[str, int] | None,
    reducer: Reducer,
    engine: Engine,
    progress: Progress,
    special_tokens: Sequence[str],
    vocabulary_size: int,
    max_token_length: int | None,
) -> int:
    """Rounds of merges on a fleet of shards until the reducer ends; returns how many workers were lost on the way."""
    workers = min(engine.workers, len(paths))
    ids = byte_ids(special_tokens)
    arguments = [(paths[i::workers], multipliers, ids, max_token_length) for i in range(workers)]
    answered: list[Merges] = []

    def recover() -> list[Call]:
        return [("replay", (answered,))]

    with (
        progress.stage("train", vocabulary_size - reducer.vocabulary, "tokens") as advance,
        Fleet(engine, TrainingShard, arguments, recover, MAX_FAILURES) as fleet,
    ):
        changes: list[PairChanges] = fleet.ask("initial")
        while len(batch := reducer.next_batch(changes)):
            changes = fleet.ask("apply", len(answered) + 1, batch)
            answered.append(batch)
            advance(len(batch))
        if fleet.failures:
            progress.note(f"train: {fleet.failures} lost workers were replaced")
        return fleet.failures
