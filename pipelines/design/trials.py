"""Trials of a search: a tokenizer trained from the word table in memory, with one set of weights, and measured."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from operators.arrays import F64, I64
from operators.fairness.merge_pool import MergePool, merge_pool
from operators.fairness.shared_words import SharedWords
from operators.fairness.solve import Market, Prediction, solve
from operators.tokenizer import Merges, Tokenizer
from operators.training.in_memory import train_by_parity, train_words
from operators.training.parity import LanguageWords, ParityRule
from pipelines.outputs import replacing
from pipelines.words.weighting import whole_ratios

FARTHER: Final = 1.3
"""Vocabulary that a trial trains to, beside the one asked for: the merges that other weights would take."""
WIDEST: Final = 1e5
"""Greatest ratio of two weights."""


@dataclass(frozen=True)
class TrialTask:
    """One set of weights to train with, or a prediction from which to find them."""

    words: Path
    """Folder of the saved word tables."""
    method: str
    """Name of what the weights come from."""
    start: Tokenizer
    vocabulary: int
    weights: F64 | None = None
    """float64[N]; None: solve `prediction`."""
    market: Market | None = None
    """Market that predicts trials; with one, the trial keeps what predictions need."""
    prediction: Prediction | None = None
    prices: F64 | None = None
    most_tokens: float = 0.0
    """Bound for the solution."""
    loss: float | None = None
    """The same bound, as a loss."""
    parity_after: int | None = None
    """Number of merges that the weights choose, before parity on the searched half does; None: all."""


@dataclass(frozen=True)
class Trial:
    """Result of a trial."""

    method: str
    loss: float | None
    """Bound on the loss that its weights were found for; None: found in another way."""
    weights: F64
    """float64[N], as trained with: see `rounded`."""
    merges: Merges
    tokens: F64
    """float64[N]: tokens of each language's text of the searched half."""
    training: F64
    """float64[N]: tokens of each language's training text."""
    prices: F64 | None = None
    pool: MergePool | None = None
    parity_after: int | None = None

    def prediction(self, market: Market, expected: F64) -> Prediction:
        """Return the prediction around this trial. expected: float64[n], its tokens of the measured languages."""
        assert self.pool is not None
        return Prediction(market, self.pool, expected / self.pool.predict(self.weights)[market.measured])


def run_trial(task: TrialTask) -> Trial:
    """Worker task: solve, train, measure."""
    training, searched = (load_words(task.words / name) for name in ("training", "searched"))
    weights, prices = task.weights, task.prices
    if task.prediction is not None and prices is not None:
        prices = solve(task.prediction, task.most_tokens, prices)
        weights = task.prediction.market.weights(prices)
    assert weights is not None
    weights = rounded(weights)
    multipliers = np.array(whole_ratios(weights.tolist()), np.int64)
    asked = task.vocabulary - len(task.start.tokens)
    farther = task.vocabulary if task.market is None else int(task.vocabulary * FARTHER)
    if task.parity_after is None:
        merges = train_words(training.words, training.weighted(multipliers), farther, start=task.start)
    else:
        merges = _by_parity(task, training.apart(multipliers), searched)
    taken = _merges_of(merges, len(task.start.tokens), asked)
    whole, tokenizer = tokenizer_of(task.start, merges), tokenizer_of(task.start, merges[:taken])
    pool = None if task.market is None else merge_pool(training, searched, whole, taken)
    return Trial(
        task.method, task.loss, weights, tokenizer.merges, searched.tokens(tokenizer), training.tokens(tokenizer),
        prices, pool, task.parity_after,
    )  # fmt: skip


def tokenizer_of(start: Tokenizer, merges: Merges) -> Tokenizer:
    """Return the tokenizer of a trial."""
    return Tokenizer(start.pretokenizer, start.special_tokens, merges)


def _by_parity(task: TrialTask, training: LanguageWords, searched: SharedWords) -> Merges:
    """Train as `train --parity-after` does with the searched half as its parallel text."""
    judged = searched.apart(np.ones(len(searched.languages), np.int64))
    rule = ParityRule(judged.lengths(len(searched.languages)), judged, after=task.parity_after or 0)
    found = train_by_parity(training, task.vocabulary, rule, start=task.start)
    return Merges(found.left, found.right, found.token, found.count)


def _merges_of(merges: Merges, first: int, asked: int) -> int:
    """Return the number of merges that make `asked` new tokens, whose ids begin at `first`."""
    enough = np.flatnonzero(merges.token >= first + asked)
    return int(enough[0]) if len(enough) else len(merges)


def rounded(weights: F64) -> F64:
    """Return weights in thousandths of the smallest, which is 1: training multiplies counts by whole numbers."""
    held = np.maximum(weights, weights.max() / WIDEST)
    thousandths: F64 = np.round(held / held.min(), 3)
    return thousandths


def save_words(words: SharedWords, path: Path) -> None:
    """Write a word table for trials, two Arrow files: words with their ends, and rows."""
    tables = {
        ".words": pa.table({"word": words.words, "end": words.ends[1:]}),
        ".rows": pa.table({"label": words.labels, "count": words.counts}),
    }
    for ending, table in tables.items():
        table = table.combine_chunks().replace_schema_metadata({"languages": "\n".join(words.languages)})
        with (
            replacing(path.with_suffix(ending), durable=False) as temporary,
            pa.OSFile(str(temporary), "wb") as sink,
            pa.ipc.new_file(sink, table.schema) as writer,
        ):
            writer.write_table(table)


@lru_cache(maxsize=2)
def load_words(path: Path) -> SharedWords:
    """Read what `save_words` wrote; a process keeps both tables of a search."""
    tables = []
    for ending in (".words", ".rows"):
        with pa.OSFile(str(path.with_suffix(ending))) as source:
            tables.append(pa.ipc.open_file(source).read_all().combine_chunks())
    words, rows = tables
    languages = tuple(words.schema.metadata[b"languages"].decode().split("\n"))
    word = pa.concat_arrays(words["word"].chunks or [pa.array([], pa.large_binary())])
    return SharedWords(languages, word, np.append(0, _ints(words["end"])), _ints(rows["label"]), _ints(rows["count"]))


def _ints(column: pa.ChunkedArray) -> I64:
    numbers: I64 = np.ascontiguousarray(column.to_numpy(), np.int64)
    return numbers
