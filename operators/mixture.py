"""What mixture of categories was a tokenizer trained on? Data-mixture inference by linear program.

Hayase et al. 2024, "Data Mixture Inference: What do BPE Tokenizers Reveal about their Training Data?", section 3: at
every step the trainer merged the most frequent pair of its text, so in the right mixture of the categories' samples no
other pair should outweigh the merge that was chosen. docs/mixture.md has the program, its units and its limits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from operators.arrays import F64, I32, I64
from operators.errors import DataError, UsageError
from operators.kernels.violations import counts_before, violated_stretches, worst_pairs
from operators.linear_program import Optimum, SlackProgram
from operators.tokenizer import Merges

LEAST_MERGES = 30
"""Fewer merges that occur in the categories say too little: the smallest number of merges in the paper's figure 7."""
LEAST_SHARE_OF_MERGES = 0.1
"""If fewer of the list's merges occur in the categories, these are not what the tokenizer was trained on."""
TOLERANCE = 1e-9
"""A row counts as violated above this, in units of the median chosen merge's mixture count."""
ROWS_PER_STEP = 5
ROWS_PER_PAIR = 2
ROWS_PER_SWEEP = 200
"""A sweep adds a step's worst violations, and of these a pair's worst; more of a pair's only while they are few."""


@dataclass(frozen=True)
class PairRecord:
    """One category: how its pair counts change while the merge list is applied to its sample text.

    A row says that `change` is added to the count of the pair (left, right): step -1 holds the initial counts, step
    t >= 0 what applying merge t does. Several rows for one (step, pair) add up; the order of rows is free.
    """

    category: str
    text_bytes: int
    """Bytes of the sample text."""
    characters: int
    """Code points of the sample text."""
    pairs: int
    """Pairs in the sample before any merge: the sum of the initial counts."""
    step: I32
    left: I32
    right: I32
    change: I64


@dataclass(frozen=True)
class Mixture:
    """The inferred shares, in three units, and how the program ended."""

    categories: list[str]
    share: F64
    """float64[n], per byte, sums to 1."""
    share_pairs: F64
    """float64[n], per pair: the program's own variable."""
    share_characters: F64
    """float64[n], per code point."""
    objective: float
    """The sum of all slacks, as a fraction of the mixture's pairs; 0 when the samples explain the whole list."""
    rows: int
    """Rows of the program at the end."""
    rounds: int
    """How often it was solved."""
    merges_used: int


class CannotInfer(DataError):
    """Shares of these categories would mean nothing."""

    def __init__(self, found: str, remedy: str) -> None:
        super().__init__(found, remedy)
        self.found, self.remedy = found, remedy

    def __str__(self) -> str:
        return f"mixture: {self.found}; {self.remedy}"


class BadLimit(UsageError):
    """A number of merges to use that cannot be."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"mixture: asked to use {self.limit} merges; ask for {LEAST_MERGES} or more, or leave it out to use all"


@dataclass(frozen=True)
class Changes:
    """The records of all categories, sorted by pair, then by step; a row counts from step `start` on."""

    offsets: I64
    """int64[P + 1]: the rows of pair p are offsets[p]:offsets[p + 1]."""
    start: I32
    category: I32
    change: I64
    chosen: I64
    """int64[T]: the pair that each step merges; -1 where it occurs in no category."""
    chosen_counts: I64
    """int64[T, n]: its counts in the categories before the step."""
    pairs: F64
    """float64[n]: pairs in each category's sample before any merge."""


def infer_mixture(records: Sequence[PairRecord], merges: Merges, *, limit: int | None = None) -> Mixture:
    """The shares of the categories in the tokenizer's training text, from the first `limit` merges (None: all).

    Raises CannotInfer where the records or the merges can give no answer, BadLimit for a limit under 1, and
    `operators.linear_program.SolverFailed`.
    """
    if limit is not None and limit < 1:
        raise BadLimit(limit)
    merges = merges[: len(merges) if limit is None else limit]
    _check_records(records)
    changes = collect_changes(records, merges)
    _check_merges(changes)
    _check_distinct(records, len(merges))
    optimum, rows, rounds = solve_lazily(changes)

    text_bytes = np.array([record.text_bytes for record in records], np.float64)
    characters = np.array([record.characters for record in records], np.float64)
    per_pair = optimum.share / optimum.share.sum()
    per_byte, per_character = per_pair * text_bytes / changes.pairs, per_pair * characters / changes.pairs
    return Mixture(
        categories=[record.category for record in records],
        share=per_byte / per_byte.sum(),
        share_pairs=per_pair,
        share_characters=per_character / per_character.sum(),
        objective=optimum.objective,
        rows=rows,
        rounds=rounds,
        merges_used=len(merges),
    )


def collect_changes(records: Sequence[PairRecord], merges: Merges) -> Changes:
    """Bring the records together by pair. Changes that no step of `merges` sees any more are left out."""
    steps = len(merges)
    seen = [record.step < steps - 1 for record in records]
    key = np.concatenate([_pair_keys(r.left, r.right)[keep] for r, keep in zip(records, seen, strict=True)])
    start = np.concatenate([r.step[keep] + 1 for r, keep in zip(records, seen, strict=True)]).astype(np.int32)
    change = np.concatenate([r.change[keep] for r, keep in zip(records, seen, strict=True)]).astype(np.int64)
    category = np.repeat(np.arange(len(records), dtype=np.int32), [int(keep.sum()) for keep in seen])

    order = np.lexsort((category, start, key))
    key, start, category, change = key[order], start[order], category[order], change[order]
    first = np.flatnonzero(np.diff(key, prepend=-1))
    offsets = np.append(first, len(key)).astype(np.int64)
    distinct = key[first]

    wanted = _pair_keys(merges.left, merges.right)
    place = np.minimum(np.searchsorted(distinct, wanted), len(distinct) - 1)
    chosen = np.where(distinct[place] == wanted, place, -1).astype(np.int64)
    counts = counts_before(
        offsets, start, category, change, len(records), np.arange(steps, dtype=np.int32), chosen
    ).reshape(steps, len(records))
    pairs = np.array([record.pairs for record in records], np.float64)
    return Changes(offsets, start, category, change, chosen, counts, pairs)


def solve_lazily(changes: Changes) -> tuple[Optimum, int, int]:
    """The optimum of the whole program, rows and rounds: rows are added while any is violated (section 3.4).

    All counts are multiplied by one factor, so that the solver's absolute tolerance is small beside them; the slacks
    of the scaled program are those of the program times that factor, and are divided by it at the end.
    """
    steps, n = changes.chosen_counts.shape
    pairs = len(changes.offsets) - 1
    chosen_share = (changes.chosen_counts / changes.pairs).mean(axis=1)
    occurring = chosen_share[chosen_share > 0]
    scale = 1.0 / float(np.median(occurring)) if len(occurring) else 1.0
    per_occurrence = scale / changes.pairs
    chosen_height = changes.chosen_counts * per_occurrence

    program = SlackProgram(n, steps, pairs)
    optimum = Optimum(np.full(n, 1.0 / n), np.zeros(steps), np.zeros(pairs), 0.0)
    present = np.empty(0, np.int64)
    rounds = 0
    while True:
        bar = chosen_height @ optimum.share + optimum.step_slack
        step, pair = _violations(changes, per_occurrence * optimum.share, optimum.pair_slack, bar)
        # The solver may leave a row it has violated by its own tolerance: such a row is as satisfied as it will be.
        new = ~np.isin(pair * steps + step, present)
        step, pair = step[new], pair[new]
        if len(step) == 0:
            break
        present = np.concatenate([present, pair * steps + step])
        counts = counts_before(changes.offsets, changes.start, changes.category, changes.change, n, step, pair)
        difference = (changes.chosen_counts[step] - counts.reshape(-1, n)) * per_occurrence
        program.add(step, pair, difference.ravel())
        optimum = program.solve()
        rounds += 1
    slack = optimum.step_slack / scale, optimum.pair_slack / scale
    return Optimum(optimum.share, *slack, optimum.objective / scale), program.rows, rounds


def _violations(changes: Changes, weight: F64, pair_slack: F64, bar: F64) -> tuple[I32, I64]:
    """(steps, pairs) of the rows to add: every step's worst pairs.

    The chosen merge is never among them: its own row would read v_t + v_p >= 0, which holds.
    """
    room = len(changes.start)
    pair, first, end = np.empty(room, np.int64), np.empty(room, np.int32), np.empty(room, np.int32)
    height = np.empty(room)
    rows = changes.offsets, changes.start, changes.category, changes.change
    found = violated_stretches(*rows, weight, pair_slack, bar, TOLERANCE, pair, first, end, height)

    fall = np.lexsort((first[:found], pair[:found], -height[:found]))
    step, stretch = np.empty(ROWS_PER_STEP * len(bar), np.int32), np.empty(ROWS_PER_STEP * len(bar), np.int64)
    count = worst_pairs(first[fall], end[fall], height[fall], bar, TOLERANCE, ROWS_PER_STEP, step, stretch)
    step, pair, amount = step[:count], pair[fall][stretch[:count]], height[fall][stretch[:count]] - bar[step[:count]]
    worst = np.lexsort((step, -amount, pair))
    step, pair = step[worst], pair[worst]
    rank = np.arange(count) - np.searchsorted(pair, pair)
    enough = max(int((rank < ROWS_PER_PAIR).sum()), ROWS_PER_SWEEP)
    kept = np.sort(np.argsort(rank, kind="stable")[:enough])
    return step[kept], pair[kept]


def _pair_keys(left: I32, right: I32) -> I64:
    return left.astype(np.int64) << 32 | right.astype(np.int64)


def _check_records(records: Sequence[PairRecord]) -> None:
    if len(records) < 2:
        found = f"only one category ({records[0].category})" if records else "no categories"
        raise CannotInfer(found, "shares need at least two categories to be shared between")
    names = [record.category for record in records]
    for i, record in enumerate(records):
        if record.category in names[:i]:
            raise CannotInfer(f"category {record.category} is given twice", "rename one, or put their texts together")
        if record.pairs <= 0:
            raise CannotInfer(
                f"category {record.category} has no text that holds a pair of bytes", "give it text, or leave it out"
            )
        if int(record.change[record.step == -1].sum()) != record.pairs:
            raise CannotInfer(
                f"the record of category {record.category} does not add up to its {record.pairs} pairs",
                "delete it and run the same command again",
            )


def _check_merges(changes: Changes) -> None:
    steps, n = changes.chosen_counts.shape
    usable = int((changes.chosen_counts > 0).any(axis=1).sum())
    if usable < max(LEAST_MERGES, n):
        raise CannotInfer(
            f"{usable} of {steps} merges occur in the categories, at least {max(LEAST_MERGES, n)} are needed",
            "use more merges, or categories the tokenizer may have been trained on",
        )
    if usable < LEAST_SHARE_OF_MERGES * steps:
        raise CannotInfer(
            f"only {usable} of {steps} merges occur in the categories",
            "add the categories that are missing, and check that the tokenizer's own pre-tokenizer cut the samples",
        )


def _check_distinct(records: Sequence[PairRecord], steps: int) -> None:
    """Two categories whose counts are in proportion all along look the same to the program."""
    seen: dict[bytes, str] = {}
    for record in records:
        known = seen.setdefault(_fingerprint(record, steps), record.category)
        if known != record.category:
            raise CannotInfer(
                f"categories {known} and {record.category} have the same pair counts and cannot be told apart",
                "leave one out, or put their texts together",
            )


def _fingerprint(record: PairRecord, steps: int) -> bytes:
    """The record's counts in lowest terms, in one order, as bytes: equal for samples in proportion to each other."""
    keep = record.step < steps - 1
    key, step, change = _pair_keys(record.left, record.right)[keep], record.step[keep], record.change[keep]
    order = np.lexsort((step, key))
    key, step, change = key[order], step[order], change[order]
    first = np.flatnonzero((np.diff(key, prepend=-1) != 0) | (np.diff(step, prepend=-2) != 0))
    total = np.add.reduceat(change, first) if len(first) else change
    some = total != 0
    lowest = total[some] // np.gcd.reduce(total[some])
    table = np.stack([key[first][some], step[first][some].astype(np.int64), lowest])
    return table.tobytes()
