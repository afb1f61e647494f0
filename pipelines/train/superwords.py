"""Second stage of training: words of first-stage tokens are counted, cut exactly, and merges learned from them.

The corpus is read twice more. The first time all pairs of neighbouring tokens are counted; then pieces are cut between
pairs that are rarer than a bound (`operators.superwords.bound`), and the sequences that are left are counted as words
are. Training on them is proved to be training on the uncut corpus; else the bound is lowered, and they are counted
anew.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from operators.arrays import I64
from operators.errors import DataError
from operators.superwords.bound import Classes, add_up
from operators.superwords.boundless import after_words, interleave
from operators.superwords.limits import SuperwordLimits
from operators.superwords.rules import SHOWN
from operators.superwords.sequences import ID_BYTES, PairSplitter, SecondStage, SequenceSplitter, pairs_of
from operators.tokenizer import Merges, Tokenizer
from operators.training.text_order import TextOrderSelection
from operators.training.whole_characters import judge
from pipelines.context import Context
from pipelines.corpus.sources import InputFile
from pipelines.outputs import Manifest, Output, describe_inputs
from pipelines.stage import Stage, make
from pipelines.tokenizers import tokenizer_fingerprint
from pipelines.train.checkpoint import Checkpoint
from pipelines.train.rounds import ShardSource, TrainingTarget, learn
from pipelines.train.settings import Train
from pipelines.train.shards import count_symbols, shard_number
from pipelines.words.counting import Counting, Splitter, count_rows, word_files
from pipelines.words.word_tables import read_words

PAIRS: Final = "pairs"
SEQUENCES: Final = "sequences"
"""Names of the directories of the two counts, in `superwords/` of the output."""
PAIRS_A_MERGE: Final = 3
"""Number of frequent pairs for each merge to learn, whose rarest is the first bound. Merges break pairs that wait, so
there are fewer merges over a count than pairs."""


LOWERED: Final = 8
"""Part to which the bound is lowered where all pairs are merged before the vocabulary is full."""


class NothingToJoin(DataError):
    """A second stage that leaves no two tokens together."""

    regex: str
    runs: bool = False
    """True if pieces are runs of words that are one token each."""

    def __str__(self) -> str:
        if self.runs:
            return (
                "transition auto: no two neighbouring words are one token each, as in text without spaces or with a "
                "small vocabulary; raise vocab_size, or name a transition"
            )
        regex = self.regex if len(self.regex) <= SHOWN else self.regex[:SHOWN] + "..."
        return (
            f"superword_pretokenizer: {regex} leaves no two tokens of the first stage together; name a rule that cuts "
            "less"
        )


@dataclass(frozen=True)
class Corpus:
    """Text of the second stage, and the way to weigh it."""

    files: list[InputFile]
    multipliers: Mapping[str, int] | None
    partitions: int


@dataclass(frozen=True)
class PairTask:
    """Partition of the counted pairs, and the question about it."""

    path: Path
    multipliers: Mapping[str, int] | None
    most: int = 0
    """Number of the most frequent pairs to return; 0: those that follow."""
    bound: int = 0
    classes: Classes | None = None
    """Classes, to return the totals of their pairs; None: the pairs with a count of `bound` and more."""
    of_classes: I64 | None = None
    """Pairs of classes (int64, sorted), to return all pairs of them."""


def read_pairs(task: PairTask) -> tuple[I64, I64]:
    """Worker task: return pairs of one partition, or of classes, and their counts."""
    rows, counts = read_words([task.path], task.multipliers)
    pairs = pairs_of(rows)
    if task.most:
        if len(pairs) > task.most:
            top = np.argpartition(-counts, task.most)[: task.most]
            return pairs[top], counts[top]
        return pairs, counts
    if task.classes is not None and task.of_classes is None:
        return task.classes.totals(pairs, counts)
    chosen = counts >= task.bound
    if task.classes is not None and task.of_classes is not None:
        chosen |= np.isin(task.classes.keys(pairs), task.of_classes)
    return pairs[chosen], counts[chosen]


class PairCounts:
    """Counts of all pairs of neighbouring tokens, on disk."""

    def __init__(self, paths: Sequence[Path], multipliers: Mapping[str, int] | None, tokens: int, context: Context):
        self._paths, self._multipliers, self._context = paths, multipliers, context
        self._tokens = tokens

    def _ask(self, **question: Any) -> list[tuple[I64, I64]]:
        tasks = [PairTask(path, self._multipliers, **question) for path in self._paths]
        return [answer for _, answer in self._context.engine.run(read_pairs, tasks)]

    def bound(self, merges: int) -> int:
        """Return the first bound for so many merges: a count that PAIRS_A_MERGE times as many pairs have; or 1."""
        most = PAIRS_A_MERGE * merges
        _, counts = add_up(self._ask(most=most))
        if len(counts) <= most:
            return 1
        return max(1, int(-np.partition(-counts, most)[most]))

    def joined(self, bound: int, classes: Classes) -> I64:
        """Return the pairs that are not cut, int64, ascending: those whose pair of classes has `bound` and more."""
        frequent, _ = add_up(self._ask(bound=bound))
        ends, begins = classes.shared
        if not (ends.any() or begins.any()):
            return frequent
        keys, totals = add_up(self._ask(classes=classes))
        joined, _ = add_up(self._ask(bound=bound, classes=classes, of_classes=keys[totals >= bound]))
        return joined


@dataclass(frozen=True)
class Learned:
    """Merges of the second stage, and how they were proved."""

    merges: Merges
    rounds: int
    vocabulary: int
    bound: int
    """Count under which pairs were cut."""
    counts: int
    """Number of times that sequences were counted."""


def learn_superwords(
    stage: SecondStage, corpus: Corpus, settings: Train, directory: Path, checkpoint_of: Callable[[str], Checkpoint],
    context: Context, size: int, least_count: int,
) -> Learned:  # fmt: skip
    """Learn the merges of the second stage, up to `size` tokens, none under `least_count`; `directory` gets the counts.

    checkpoint_of: checkpoint of training on the sequences with a fingerprint. Raises NothingToJoin, and what counting
    and training raise.
    """
    tokens = len(stage.first.tokens)
    counted = _count(stage, corpus, directory / PAIRS, partial(PairSplitter, stage), {}, "pairs of tokens", context)
    if not any(figures["words"] for figures in counted.facts["languages"].values()):
        raise NothingToJoin(stage.regex, stage.runs)
    pairs = PairCounts(word_files(counted, directory / PAIRS), corpus.multipliers, tokens, context)
    floor, classes, rounds = max(1, least_count), Classes(tokens), 0
    bound = floor if stage.runs else max(floor, pairs.bound(size - tokens))
    classes.join_repeated(pairs.joined(bound, classes), stage.first.text_tokens)
    whole = judge if settings.whole_characters else None
    limits = SuperwordLimits(settings.max_words or 0, settings.not_across or "", settings.max_token_length, whole)
    selection = partial(TextOrderSelection, stage.first) if stage.runs else None
    target = TrainingTarget(stage.first, size, floor, selection, limits, applied=True)
    while True:
        rounds += 1
        joined = pairs.joined(bound, classes)
        splitter = partial(SequenceSplitter, stage, joined)
        how = {"bound": bound, "joined": _digest(joined), "pairs": counted.fingerprint}
        table = _count(stage, corpus, directory / SEQUENCES, splitter, how, "sequences", context)
        paths = word_files(table, directory / SEQUENCES)
        symbols = count_symbols(table, corpus.multipliers, ID_BYTES)
        shards = shard_number(paths, symbols, context, 1)
        source = ShardSource(paths, shards, corpus.multipliers, stage.first.byte_ids, symbols=tokens)
        reducer = learn(target, source, checkpoint_of(table.fingerprint), settings.resume, context)
        merges = reducer.merges
        least = bound // LOWERED if reducer.missing else int(merges.count.min())
        found = Classes.of(tokens, merges)
        found.join(classes)
        if bound > floor and least < bound:
            bound = max(floor, least)
            context.progress.note(f"train: superwords need pairs that occur {bound:,} times; counting sequences again")
        elif bound > 1 and len(missing := np.setdiff1d(pairs.joined(bound, found), joined)):
            context.progress.note(f"train: {len(missing):,} more pairs may be joined; counting sequences again")
        else:
            return Learned(merges, len(reducer.rounds), reducer.vocabulary, bound, rounds)
        classes = found


def learn_beside_words(
    stage: SecondStage, corpus: Corpus, settings: Train, directory: Path, checkpoint_of: Callable[[str], Checkpoint],
    context: Context, known: int, present: int,
) -> tuple[Tokenizer, Learned]:  # fmt: skip
    """Learn superwords until words are more frequent; return the tokenizer of the words before that, and the merges.

    The first stage has as many tokens as are wanted. known, present: number of its merges and of its tokens that were
    not learned. Otherwise as `learn_superwords`.
    """
    first, size = stage.first, int(settings.vocab_size or 0)
    words = first.merges[known:]
    is_full = len(first.tokens) >= size and len(words) > 0
    least = max(settings.min_pair_count, int(words.count[-1]) + 1 if is_full else 1)
    most = len(first.tokens) + size - present
    learned = learn_superwords(stage, corpus, settings, directory, checkpoint_of, context, most, least)
    of_words, of_supers = interleave(words, learned.merges, present, size)
    cut, supers = after_words(first, present, known + of_words, learned.merges[:of_supers])
    return cut, replace(learned, merges=supers)


def _count(
    stage: SecondStage, corpus: Corpus, directory: Path, splitter: Callable[[], Splitter], how: Mapping[str, Any],
    rows: str, context: Context,
) -> Manifest:  # fmt: skip
    """Count rows of the corpus into `directory`. Kept where they are up to date."""
    settings = {
        "regex": "" if stage.runs else stage.regex,
        "tokenizer": tokenizer_fingerprint(stage.first),
        "partitions": corpus.partitions,
    }
    settings |= {"on_bad_record": context.on_bad_record, **how}
    files = [f"words-{i:04}.parquet" for i in range(corpus.partitions)]
    described = Stage(f"superword {rows}", settings, describe_inputs(corpus.files), files)
    counting = Counting(splitter, corpus.partitions, rows=rows, are_text=False)
    with Output(directory, f"superword {rows}") as output:
        return make(
            described, output, context, lambda scratch: count_rows(corpus.files, counting, scratch, directory, context)
        ).manifest


def _digest(pairs: I64) -> str:
    return hashlib.sha256(np.ascontiguousarray(pairs, "<i8").tobytes()).hexdigest()
