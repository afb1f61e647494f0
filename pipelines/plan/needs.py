"""The model behind `babelmerge plan`: from distinct words to memory, time, workers and core-hours.

All its constants are in `Costs`; docs/explanation/planning.md explains them.
"""

import math
from dataclasses import dataclass
from typing import Final

import msgspec

from operators.errors import UsageError
from operators.statistics.heaps_law import Growth, Interval

TABLE_SPREAD: Final = math.sqrt(2)
"""Factor, either way, between the memory of a hash table, which grows by doubling, and the average for its content."""
TIME_SPREAD: Final = 1.5
"""Factor by which times may be off, either way, if the words are as predicted: other caches, other loads."""
PAIRS_SPREAD: Final = 1.4
"""Factor by which the number of distinct pairs may be off, either way, if the words are as predicted."""
SHARD_SPREAD: Final = 1.2
"""Factor by which a shard's memory may be off, either way: words differ in length."""
WIDE: Final = 65_535
"""Vocabulary size from which a shard needs wide cells (operators.shard)."""
MOST_WORKERS: Final = 100_000
"""Largest number of workers that a plan may propose."""


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """Costs of a word, a symbol, a merge, in bytes and seconds. A symbol is a byte of a distinct word."""

    worker_bytes: float
    """Memory of a worker's process with kernels loaded and no data."""
    counting_bytes_per_word: float
    """Memory of a counting worker's table for each distinct (language, word)."""
    counting_copies: float
    """Peak memory divided by that of the table: a table that grows exists twice, and its words are sorted."""
    counting_buffer_bytes: float
    """Memory for text while counting."""
    counting_flush_bytes: float
    """Size at which a counting worker writes its tables to disk (a fraction of pipelines.memory.MEMORY_BYTES)."""
    counting_task_bytes: float
    """Largest text of one counting task (pipelines.words.spans.LARGEST_GROUP_BYTES)."""
    tables_seconds_per_word: float
    """Time to write, add up and read the word tables, for each distinct (language, word)."""
    shard_bytes_per_symbol: float
    shard_bytes_per_visit: float
    """Memory for the positions of the pairs that one merge in a distinct word creates."""
    shard_bytes_per_token: float
    """Memory of a shard's tables that are as long as the vocabulary, with room to grow."""
    wide_cell_bytes: float
    """Additional memory for each symbol and word from WIDE tokens on: wider cells, and the narrow ones until copied."""
    loading_bytes_per_word: float
    """Memory while a shard is built: the start, the count and the sorted position of each word."""
    loading_bytes_per_symbol: float
    """Memory while a shard is built: the words' bytes, beside the shard."""
    loading_seconds_per_symbol: float
    merged_share: float
    """Pairs merged in distinct words, for each symbol, if the vocabulary has as many tokens as there are words."""
    merged_share_per_efold: float
    """Decrease of that share for each factor e of words to tokens."""
    least_merged_share: float
    """Lower bound of that share."""
    shard_seconds_per_visit: float
    """Time to merge a pair in one distinct word."""
    shard_seconds_per_merge: float
    pairs_log_scale: float
    """Log scale of distinct pairs: exp(this) * symbols^pairs_by_symbols * vocabulary^pairs_by_vocabulary ever occur."""
    pairs_by_symbols: float
    pairs_by_vocabulary: float
    changes_per_pair: float
    """Changed counts that a single shard reports in total, for each distinct pair."""
    changes_by_shards: float
    """Exponent: the changed counts in total grow with shards^this."""
    reducer_bytes_per_pair: float
    reducer_seconds_per_change: float
    reducer_seconds_per_merge: float
    rounds_log_scale: float
    """Log scale of the number of training rounds: exp(this) * vocabulary^rounds_by_vocabulary."""
    rounds_by_vocabulary: float
    round_seconds: float
    """Time of a round trip to workers through Ray."""
    start_seconds: float
    """Time until the first task runs: imports, start of Ray."""


class WorkersTooSmall(UsageError):
    """Too little memory for a worker, whatever the number of workers. Both fields are in bytes."""

    given: float
    needed: float

    def __str__(self) -> str:
        return (
            f"{self.given / 1e9:.2f} GB for a worker is too little: with any number of workers, each needs "
            f"{self.needed / 1e9:.2f} GB; raise memory_per_worker"
        )


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A prediction and its 95 % bounds."""

    low: float
    value: float
    high: float


class VocabularyPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Needs of training to one vocabulary size."""

    vocabulary_size: int
    workers: int
    nodes: int
    partitions: int
    """Least value of --partitions."""
    counting_worker_bytes: Estimate
    """Peak memory of a worker that counts or adds up word tables."""
    training_worker_bytes: Estimate
    """Peak memory of a worker that trains."""
    driver_bytes: Estimate
    """Peak memory of the driver, which holds the counts of all pairs."""
    fits: bool
    """True if the upper bounds are within the memory for a worker."""
    counting_seconds: Estimate
    training_seconds: Estimate
    core_hours: Estimate
    """Number of workers times hours."""


@dataclass(frozen=True)
class Needs:
    """Prediction for a corpus: the growth of its words, and the needs of counting and training."""

    text: Interval
    """Bytes of text."""
    pairs: Growth
    """Distinct (language, word), by bytes of text."""
    words: Growth
    """Distinct words, by bytes of text."""
    symbols: Growth
    """Bytes of distinct words, by bytes of text."""
    seconds_per_byte: float
    """Time to read, pre-tokenize and count a byte of text, on one core."""
    largest_uncut_bytes: float
    """Bytes of text of the largest file that cannot be divided, so that one worker counts it alone."""
    costs: Costs

    def plan(
        self, vocabulary: int, workers: int | None, memory_bytes: float, cores_per_node: int, partitions: int = 16
    ) -> VocabularyPlan:
        """Return the needs for one vocabulary size. Without `workers`: the fewest that fit, at least one full node.

        Raises WorkersTooSmall.
        """
        chosen = workers or self.workers_needed(vocabulary, memory_bytes, cores_per_node, partitions)
        tables = max(partitions, chosen)
        counting, training = self.counting_bytes(chosen, tables), self.training_bytes(vocabulary, chosen)
        counted, trained = self.counting_seconds(chosen), self.training_seconds(vocabulary, chosen)
        start = self.costs.start_seconds
        hours = [(start + getattr(counted, way) + getattr(trained, way)) / 3600 for way in ("low", "value", "high")]
        return VocabularyPlan(
            vocabulary_size=vocabulary,
            workers=chosen,
            nodes=-(-chosen // cores_per_node),
            partitions=tables,
            counting_worker_bytes=counting,
            training_worker_bytes=training,
            driver_bytes=self.driver_bytes(vocabulary),
            fits=max(counting.high, training.high) <= memory_bytes,
            counting_seconds=counted,
            training_seconds=trained,
            core_hours=Estimate(low=chosen * hours[0], value=chosen * hours[1], high=chosen * hours[2]),
        )

    def workers_needed(self, vocabulary: int, memory_bytes: float, cores_per_node: int, partitions: int) -> int:
        """Return the smallest number of workers, at least one full node, whose upper bounds fit the memory."""

        def needed(workers: int) -> float:
            tables = max(partitions, workers)
            return max(self.counting_bytes(workers, tables).high, self.training_bytes(vocabulary, workers).high)

        if needed(MOST_WORKERS) > memory_bytes:
            raise WorkersTooSmall(memory_bytes, needed(MOST_WORKERS))
        low, high = 0, max(1, cores_per_node)  # `low` is too few
        while needed(high) > memory_bytes:
            low, high = high, 2 * high
        while low and high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if needed(middle) > memory_bytes else (low, middle)
        return high

    def counting_bytes(self, workers: int, partitions: int) -> Estimate:
        """Predict the peak memory of a worker that counts a task's text, or adds up a partition of the word tables."""
        cost, share = self.costs, min(self.text.high / workers, self.costs.counting_task_bytes)
        a_word = cost.counting_bytes_per_word
        task = scaled(self.pairs.predict(share), a_word, TABLE_SPREAD)
        counting = Interval(*(min(bound, cost.counting_flush_bytes) for bound in _bounds(task)))
        adding = scaled(predicted(self.pairs, self.text), a_word / partitions, TABLE_SPREAD)
        table = Interval(*(max(both) for both in zip(_bounds(counting), _bounds(adding), strict=True)))
        return estimate(scaled(table, cost.counting_copies), cost.worker_bytes + cost.counting_buffer_bytes)

    def training_bytes(self, vocabulary: int, workers: int) -> Estimate:
        """Predict the peak memory of a worker that trains."""
        cost = self.costs
        words, symbols = predicted(self.words, self.text), predicted(self.symbols, self.text)

        def held(word: float, symbol: float) -> float:
            visits = symbol * self.merged_share(vocabulary, word)
            shard = symbol * cost.shard_bytes_per_symbol + visits * cost.shard_bytes_per_visit
            wider = (word + symbol) * cost.wide_cell_bytes if vocabulary >= WIDE else 0.0
            loading = word * cost.loading_bytes_per_word + symbol * cost.loading_bytes_per_symbol
            return (shard + wider + loading) / workers

        low, value, high = map(held, _bounds(words), _bounds(symbols))
        fixed = cost.worker_bytes + vocabulary * cost.shard_bytes_per_token
        return estimate(scaled(Interval(low, value, high), 1, SHARD_SPREAD), fixed)

    def driver_bytes(self, vocabulary: int) -> Estimate:
        """Predict the peak memory of the driver."""
        cost = self.costs
        table = scaled(self.pairs_of_tokens(vocabulary), cost.reducer_bytes_per_pair, TABLE_SPREAD)
        return estimate(table, cost.worker_bytes)

    def counting_seconds(self, workers: int) -> Estimate:
        """Predict the time from the first task to complete word tables."""
        alone = self.largest_uncut_bytes
        text = Interval(*(max(size / workers, alone) for size in _bounds(self.text)))
        reading = scaled(text, self.seconds_per_byte, TIME_SPREAD)
        tables = scaled(predicted(self.pairs, self.text), self.costs.tables_seconds_per_word / workers, TIME_SPREAD)
        return estimate(Interval(*map(sum, zip(_bounds(reading), _bounds(tables), strict=True))))

    def training_seconds(self, vocabulary: int, workers: int) -> Estimate:
        """Predict the time from word tables to the last merge."""
        symbols, pairs = predicted(self.symbols, self.text), self.pairs_of_tokens(vocabulary)
        words = predicted(self.words, self.text)

        def seconds(symbol: float, word: float, pair: float) -> float:
            cost, merges = self.costs, max(0, vocabulary - 256)
            visits = symbol * self.merged_share(vocabulary, word)
            shard = symbol * cost.loading_seconds_per_symbol + visits * cost.shard_seconds_per_visit
            changes = pair * cost.changes_per_pair * math.pow(workers, cost.changes_by_shards)
            rounds = math.exp(cost.rounds_log_scale) * math.pow(vocabulary, cost.rounds_by_vocabulary)
            every = cost.shard_seconds_per_merge + cost.reducer_seconds_per_merge
            return (
                shard / workers
                + changes * cost.reducer_seconds_per_change
                + merges * every
                + rounds * cost.round_seconds
            )

        return estimate(
            Interval(
                seconds(symbols.low, words.low, pairs.low) / TIME_SPREAD,
                seconds(symbols.value, words.value, pairs.value),
                seconds(symbols.high, words.high, pairs.high) * TIME_SPREAD,
            )
        )

    def merged_share(self, vocabulary: int, words: float) -> float:
        """Predict the number of pairs merged in distinct words, for each symbol of these words."""
        cost = self.costs
        share = cost.merged_share + cost.merged_share_per_efold * math.log(vocabulary / max(words, 1.0))
        return min(max(share, cost.least_merged_share), 0.95)

    def pairs_of_tokens(self, vocabulary: int) -> Interval:
        """Predict the number of distinct pairs of tokens that ever occur in training."""
        cost, symbols = self.costs, predicted(self.symbols, self.text)

        def pairs(symbol: float) -> float:
            scale = math.exp(cost.pairs_log_scale) * math.pow(vocabulary, cost.pairs_by_vocabulary)
            return scale * math.pow(symbol, cost.pairs_by_symbols)

        return Interval(pairs(symbols.low) / PAIRS_SPREAD, pairs(symbols.value), pairs(symbols.high) * PAIRS_SPREAD)


def predicted(growth: Growth, text: Interval) -> Interval:
    """Predict the value of `growth` for the whole text, whose size is itself an interval."""
    return Interval(growth.predict(text.low).low, growth.predict(text.value).value, growth.predict(text.high).high)


def estimate(interval: Interval, more: float = 0.0) -> Estimate:
    """Return an interval as an Estimate, with `more` added to its value and both bounds."""
    return Estimate(low=interval.low + more, value=interval.value + more, high=interval.high + more)


def scaled(interval: Interval, factor: float, spread: float = 1.0) -> Interval:
    """Multiply an interval by a factor, which itself may be off by the factor `spread` either way."""
    return Interval(interval.low * factor / spread, interval.value * factor, interval.high * factor * spread)


def _bounds(interval: Interval) -> tuple[float, float, float]:
    return interval.low, interval.value, interval.high
