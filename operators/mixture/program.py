"""Data-mixture inference by linear program: the mixture of categories that a tokenizer was trained on.

After Hayase et al. 2024, "Data Mixture Inference: What do BPE Tokenizers Reveal about their Training Data?", section 3.
At every step the trainer merged the most frequent pair of its text. So in the right mixture of the categories' samples,
no other pair should be more frequent than the one that was merged. docs/explanation/mixture-program.md has the program,
its units and its limits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from operators.arrays import F64, I32, I64
from operators.errors import DataError, UsageError
from operators.kernels.violations import counts_before
from operators.mixture.linear_program import Changes, solve_lazily
from operators.tokenizer import Merges

LEAST_MERGES = 30
"""Fewer merges that occur in the categories say too little: the smallest number of merges in the paper's figure 7."""
LEAST_SHARE_OF_MERGES = 0.25
"""Least share of the list's merges that must occur in the categories; below it, the training text was another."""


@dataclass(frozen=True)
class PairRecord:
    """One category's changes of pair counts while the merge list is applied to its sample text.

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
    """Inferred shares, in three units, and figures of the solved program."""

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
    """Number of times that it was solved."""
    merges_used: int


class CannotInfer(DataError):
    """Categories or merges whose shares would mean nothing."""

    found: str
    remedy: str
    message = "mixture: {found}; {remedy}"


class BadLimit(UsageError):
    """A number of merges to use under 1."""

    limit: int
    least: int = LEAST_MERGES
    message = "mixture: asked to use {limit} merges; ask for {least} or more, or leave it out to use all"


def infer_mixture(records: Sequence[PairRecord], merges: Merges, *, limit: int | None = None) -> Mixture:
    """Infer the categories' shares of the tokenizer's training text from the first `limit` merges (None: all).

    Raises CannotInfer where the records or the merges can give no answer, BadLimit for a limit under 1, and
    `operators.mixture.linear_program.SolverFailed`.
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
    """Join the records by pair, without changes after the last step of `merges`."""
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
    return Changes(offsets, start, category, change, counts, pairs)


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
                f"category {record.category} has no text that holds a pair of symbols", "give it text, or leave it out"
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
    """Raise CannotInfer where two categories have counts in one proportion throughout: they cannot be told apart."""
    seen: dict[bytes, str] = {}
    for record in records:
        known = seen.setdefault(_fingerprint(record, steps), record.category)
        if known != record.category:
            raise CannotInfer(
                f"categories {known} and {record.category} have the same pair counts and cannot be told apart",
                "leave one out, or put their texts together",
            )


def _fingerprint(record: PairRecord, steps: int) -> bytes:
    """Return the record's counts in lowest terms, sorted, as bytes: equal for samples in proportion to each other."""
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
