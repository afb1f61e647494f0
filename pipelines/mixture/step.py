"""A corpus for each category, and a tokenizer, to the mixture that the tokenizer was trained on."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from operators.arrays import I64
from operators.errors import DataError, UsageError
from operators.mixture.estimate import RankMixture, estimate
from operators.mixture.evidence import Evidence
from operators.mixture.merge_lists import MergeList, NotExtended, read_merge_list
from operators.mixture.program import CannotInfer, Mixture
from operators.tokenizer import Tokenizer
from pipelines.engines.engine import Engine
from pipelines.engines.run_stats import run_of
from pipelines.mixture.linear_program import ProgramTask, keep_records, solve_program
from pipelines.mixture.rank_evidence import keep_evidence
from pipelines.mixture.tables import merges_table, program_table, rank_table, sensitivity_table
from pipelines.outputs import Manifest, Output, fingerprint, write_table
from pipelines.progress import Progress
from pipelines.tokenizers import tokenizer_fingerprint
from pipelines.words.blocks import category_of
from pipelines.words.counting import word_files

MIXTURE: Final = "mixture.parquet"
MERGES: Final = "merges.parquet"
SENSITIVITY: Final = "sensitivity.parquet"
RANK_MERGES: Final = 30_000
PROGRAM_MERGES: Final = 3_000
SHOWN: Final = 8
"""Tokens that a message names."""
Method = Literal["rank", "lp"]


class UnknownCategory(DataError):
    """A category that was asked for and has no text."""

    def __init__(self, category: str, present: list[str]) -> None:
        super().__init__(category, present)
        self.category, self.present = category, present

    def __str__(self) -> str:
        return (
            f"mixture: category {self.category!r} has no text; leave it out, or give it some (there is text of "
            f"{', '.join(self.present)})"
        )


class NoExtension(UsageError):
    """A list that does not hold the other's tokens."""

    def __init__(self, beyond: str) -> None:
        super().__init__(beyond)
        self.beyond = beyond

    def __str__(self) -> str:
        return f"--beyond {self.beyond}: the tokenizer lacks more than a tenth of its tokens; it does not extend it"


@dataclass(frozen=True)
class Inference:
    """Fields as the settings of `mixture` (pipelines.mixture.settings)."""

    method: Method = "rank"
    merges: int | None = None
    only: tuple[str, ...] | None = None
    unknown: bool = False
    beyond: tuple[str, Tokenizer] | None = None
    """Its name, and it."""


def infer_categories(
    words: Manifest,
    words_directory: Path,
    tokenizer: Tokenizer,
    output: Output,
    engine: Engine,
    progress: Progress,
    how: Inference,
) -> Manifest:
    """mixture.parquet and its companions (docs/reference/outputs.md) in `output`, from word tables of each category.

    Shares are per byte. Skipped when they are there already. Raises UnknownCategory, NoExtension, CannotInfer, and what
    the program raises.
    """
    sizes = words.facts["languages"]
    categories = _categories(sizes, words.facts["without_text"], how.only)
    settings = {
        "tokenizer": tokenizer_fingerprint(tokenizer), "method": how.method, "merges": how.merges,
        "categories": categories, "unknown": how.unknown,
        "beyond": None if how.beyond is None else tokenizer_fingerprint(how.beyond[1]),
    }  # fmt: skip
    inputs = [{"words": words.fingerprint}]
    name = fingerprint("mixture", settings, inputs)
    if (done := output.current(name)) is not None:
        progress.note(f"mixture: unchanged, kept ({output.directory})")
        return done
    began = time.monotonic()
    merge_list = _merge_list(tokenizer, how)
    for line in _told(merge_list):
        progress.note(line)
    output.begin([MIXTURE, MERGES, SENSITIVITY])
    paths, facts = word_files(words, words_directory), _list_facts(merge_list)
    if how.method == "lp":
        figures = _figures(sizes, categories)
        found = _by_program(words, tuple(paths), categories, merge_list, output, engine, progress, how)
        write_table(program_table(found, figures), output.directory / MIXTURE)
        written = [MIXTURE]
        facts |= {"merges_used": found.merges_used, "objective": found.objective, "rows": found.rows,
                  "rounds": found.rounds}  # fmt: skip
    else:
        last = int(merge_list.scored[: how.merges or RANK_MERGES].max(initial=0))
        whole = keep_evidence(
            words, paths, categories, merge_list.tokenizer, most := last + 1, output.directory / "evidence", engine,
            progress,
        )  # fmt: skip
        scored = merge_list.scored[merge_list.scored < most]
        taken = whole.taken(scored)
        with progress.stage("estimate", 1, "mixtures") as advance:
            ranked = estimate(taken, unknown=how.unknown)
            advance(1)
        facts |= _write_ranked(ranked, taken, merge_list, scored, output.directory)
        written = [MIXTURE, MERGES, SENSITIVITY]
        if facts["warning"]:
            progress.note(facts["warning"])
    return output.finish(name, settings, inputs, written, facts, run_of(engine, began))


def _categories(sizes: dict[str, dict[str, int]], without_text: Sequence[str], only: Sequence[str] | None) -> list[str]:
    present = sorted({category_of(label) for label, figures in sizes.items() if figures["bytes"]})
    categories = sorted(set(only)) if only is not None else sorted({*map(category_of, sizes), *without_text})
    for category in categories:
        if category not in present:
            raise UnknownCategory(category, present)
    if len(categories) < 2:
        raise CannotInfer(
            f"only one category ({categories[0]})", "shares need at least two categories to be shared between"
        )
    return categories


def _figures(sizes: dict[str, dict[str, int]], categories: list[str]) -> dict[str, dict[str, int]]:
    sums = {category: {"bytes": 0, "characters": 0} for category in categories}
    for label, figures in sizes.items():
        if (own := sums.get(category_of(label))) is not None:
            for unit in own:
                own[unit] += figures[unit]
    return sums


def _merge_list(tokenizer: Tokenizer, how: Inference) -> MergeList:
    try:
        return read_merge_list(tokenizer, None if how.beyond is None else how.beyond[1])
    except NotExtended:
        assert how.beyond is not None
        raise NoExtension(how.beyond[0]) from None


def _by_program(
    words: Manifest, paths: tuple[Path, ...], categories: list[str], merge_list: MergeList, output: Output,
    engine: Engine, progress: Progress, how: Inference,
) -> Mixture:  # fmt: skip
    merges = how.merges or PROGRAM_MERGES
    tokenizer, into = merge_list.tokenizer, output.directory / "records"
    records = keep_records(words.fingerprint, paths, categories, tokenizer, merges, into, engine, progress)
    with progress.stage("solve", 1, "programs") as advance:
        [(_, found)] = engine.run(solve_program, [ProgramTask(records, merge_list.tokenizer, merges)])
        advance(1)
    return found


def _write_ranked(
    found: RankMixture, evidence: Evidence, merge_list: MergeList, scored: I64, directory: Path
) -> dict[str, Any]:
    write_table(rank_table(found, evidence), directory / MIXTURE)
    table = merges_table(found, evidence, merge_list.tokenizer, scored)
    write_table(table, directory / MERGES)
    write_table(sensitivity_table(found), directory / SENSITIVITY)
    check = found.check
    absent = (evidence.counts.sum(axis=(0, 2)) == 0)[check.unexplained]
    places = [*check.unexplained[absent], *check.unexplained[~absent]][:SHOWN]
    merges = merge_list.tokenizer.merges
    shown = [merge_list.tokenizer.tokens[int(merges.token[scored[place]])] for place in places]
    warning = ""
    if check.warns:
        where = "occur in none of" if check.absent >= len(places) else "are far too rare in"
        warning = (
            f"mixture: the categories do not explain the list: {len(check.unexplained):,} of {check.tested:,} merges"
            f" are far too rare in them, {check.absent:,} occur in none. Something is missing: these merges {where}"
            " your categories:"
            f" {_texts(shown)}"
        )
    return {
        "merges_used": found.merges_used,
        "merges_tested": check.tested,
        "unexplained_merges": len(check.unexplained),
        "absent_merges": check.absent,
        "warning": warning,
        "intervals": bool(np.isfinite(found.low).all()),
        "groups": [[found.categories[i] for i in members] for members in found.groups],
        "noise": {name: getattr(found.fit.noise, name) for name in ("sample", "list_scaled", "list_flat", "relative")},
        "converged": found.fit.converged,
    }


def _list_facts(merge_list: MergeList) -> dict[str, Any]:
    return {
        "merges": len(merge_list.tokenizer.merges),
        "merges_scored": len(merge_list.scored),
        "redundant_merges": merge_list.redundant,
        "merges_by_hand": [token.decode("utf-8", "replace") for token in merge_list.by_hand],
        "merges_of_another": merge_list.beyond,
        "forbidden_merges": len(merge_list.forbidden),
    }


def _told(merge_list: MergeList) -> list[str]:
    """What was done to the list, and what is odd about it."""
    lines = []
    if merge_list.redundant:
        lines.append(f"merge list: {merge_list.redundant:,} merges make a token that an earlier one makes; taken out")
    if merge_list.by_hand:
        shown = _texts(merge_list.by_hand[:SHOWN])
        lines.append(
            f"merge list: begins with {len(merge_list.by_hand)} merges of white space, by hand; left out: {shown}"
        )
    if merge_list.beyond:
        lines.append(f"merge list: {merge_list.beyond:,} merges are those of the other tokenizer; left out")
    if merge_list.forbidden:
        shown = _texts(merge_list.forbidden[:SHOWN])
        number = len(merge_list.forbidden)
        lines.append(f"merge list: its own pre-tokenizer cuts {number:,} tokens, such as {shown}: was it another?")
    return lines


def _texts(tokens: Sequence[bytes]) -> str:
    return ", ".join(repr(token.decode("utf-8", "replace")) for token in tokens)
