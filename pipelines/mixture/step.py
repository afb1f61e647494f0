"""The step `mixture`: samples of categories, and a tokenizer, to the mixture that the tokenizer was trained on."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from operators.arrays import I64
from operators.errors import DataError, UsageError
from operators.mixture import program
from operators.mixture.estimate import RankMixture, estimate
from operators.mixture.evidence import Evidence
from operators.mixture.merge_lists import MergeList, NotExtended, read_merge_list
from operators.mixture.program import CannotInfer
from operators.redaction import shown
from operators.tokenizer import Tokenizer, require_replayable
from pipelines.context import Context, out_directory
from pipelines.corpus.sources import as_source
from pipelines.mixture.linear_program import ProgramTask, keep_records, solve_program
from pipelines.mixture.rank_evidence import keep_evidence
from pipelines.mixture.settings import Mixture
from pipelines.mixture.tables import merges_table, program_table, rank_table, sensitivity_table
from pipelines.outputs import Manifest, Output, write_table
from pipelines.results import MixtureResult, summarized
from pipelines.settings import BadSettings
from pipelines.stage import Made, Stage, Written, make
from pipelines.tokenizers import load_tokenizer, tokenizer_fingerprint
from pipelines.words.blocks import BLOCKS, category_of
from pipelines.words.counting import count_words, word_files

MIXTURE: Final = "mixture.parquet"
MERGES: Final = "merges.parquet"
SENSITIVITY: Final = "sensitivity.parquet"
RANK_MERGES: Final = 30_000
PROGRAM_MERGES: Final = 3_000
SHOWN: Final = 8
"""Tokens that a message names."""
TABLES: Final = (MIXTURE, MERGES, SENSITIVITY)
SHARES_SHOWN: Final = 12
"""Shares that the command prints; all are in the table."""


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


def mixture(settings: Mixture, context: Context) -> MixtureResult:
    """Infer the mixture that a tokenizer was trained on.

    Raises BadSettings, and what `count_words`, `infer_categories` and loading the tokenizers raise.
    """
    if settings.method == "lp" and (settings.beyond is not None or settings.unknown):
        raise BadSettings("method", "lp knows neither --beyond nor --unknown; leave them out, or use rank")
    tokenizer = load_tokenizer(settings.tokenizer)
    require_replayable(tokenizer, settings.tokenizer)
    beyond = None if settings.beyond is None else load_tokenizer(settings.beyond)
    output = Output(out := out_directory(settings.out), "mixture")
    for path, number in Counter(as_source(source).path for source in settings.categories).items():
        if number > 1:
            raise BadSettings("categories", f"{path} is named {number} times; name each text once")
    files = context.input_files(settings.categories, output)
    for file in files:
        if file.size == 0:
            raise BadSettings("categories", f"{shown(file.path)} is empty; leave it out")
    with output:
        partitions, pretokenizer = settings.partitions, tokenizer.pretokenizer
        words = count_words(files, pretokenizer, out / "words", context, partitions=partitions, blocks=BLOCKS).manifest
        made = infer_categories(words, out / "words", tokenizer, beyond, output, settings, context)
    categories, used = len(made.manifest.settings["categories"]), made.manifest.facts["merges_used"]
    what = f"the shares of {categories} categories from {used:,} merges"
    last = summarized(made.kept, what, words.facts, settings.out)
    lines = [made.manifest.facts.get("warning") or "", *share_lines(out / MIXTURE), last]
    return MixtureResult(out, made.manifest, made.kept, "\n".join(line for line in lines if line))


def share_lines(path: Path) -> list[str]:
    """Return the largest shares, a line each: category, share of bytes and, where there is one, its 95 % interval."""
    import polars as pl

    table = pl.read_parquet(path, glob=False).sort("share", "category", descending=[True, False])
    lines = []
    for category, share, low, high in table.select("category", "share", "low", "high").head(SHARES_SHOWN).iter_rows():
        interval = "" if low is None or high is None else f"  ({100 * low:.2f} to {100 * high:.2f})"
        lines.append(f"- {100 * share:5.2f} %{interval}  {category}")
    more = len(table) - SHARES_SHOWN
    return [*lines, *([f"- and {more} more, each with less"] if more > 0 else [])]


def infer_categories(
    words: Manifest, words_directory: Path, tokenizer: Tokenizer, beyond: Tokenizer | None, output: Output,
    settings: Mixture, context: Context,
) -> Made:  # fmt: skip
    """Write mixture.parquet and its companions (docs/reference/outputs.md) to `output`, from word tables by blocks of
    each category. Kept where they are up to date.

    beyond: the tokenizer that this one extends. Shares are per byte. Raises UnknownCategory, NoExtension, CannotInfer,
    and what the linear program raises.
    """
    sizes, progress = words.facts["languages"], context.progress
    categories = _categories(sizes, words.facts["without_text"], settings.only)
    hashed = settings.hashed(
        tokenizer=tokenizer_fingerprint(tokenizer),
        categories=categories,
        only=None,  # they are the categories
        beyond=None if beyond is None else tokenizer_fingerprint(beyond),
    )

    def work(_: Path) -> Written:
        merge_list = _merge_list(tokenizer, beyond, settings)
        for line in _odd(merge_list):
            progress.note(line)
        paths, facts = word_files(words, words_directory), _list_facts(merge_list)
        if settings.method == "lp":
            found = _by_program(words, tuple(paths), categories, merge_list, output, settings, context)
            write_table(program_table(found, _figures(sizes, categories)), output.directory / MIXTURE)
            facts |= {"merges_used": found.merges_used, "objective": found.objective, "rows": found.rows}
            return Written([MIXTURE], facts | {"rounds": found.rounds})
        last = int(merge_list.scored[: settings.merges or RANK_MERGES].max(initial=0))
        whole = keep_evidence(
            words, paths, categories, merge_list.tokenizer, most := last + 1, output.directory / "evidence", context
        )
        scored = merge_list.scored[merge_list.scored < most]
        taken = whole.taken(scored)
        with progress.stage("estimate", 1, "mixtures") as advance:
            ranked = estimate(taken, unknown=settings.unknown)
            advance(1)
        facts |= _write_ranked(ranked, taken, merge_list, scored, output.directory)
        if facts["warning"]:
            progress.note(facts["warning"])
        return Written(TABLES, facts)

    return make(Stage("mixture", hashed, [{"words": words.fingerprint}], TABLES), output, context, work)


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


def _merge_list(tokenizer: Tokenizer, beyond: Tokenizer | None, settings: Mixture) -> MergeList:
    try:
        return read_merge_list(tokenizer, beyond)
    except NotExtended:
        raise NoExtension(str(settings.beyond)) from None


def _by_program(
    words: Manifest, paths: tuple[Path, ...], categories: list[str], merge_list: MergeList, output: Output,
    settings: Mixture, context: Context,
) -> program.Mixture:  # fmt: skip
    merges = settings.merges or PROGRAM_MERGES
    tokenizer, into = merge_list.tokenizer, output.directory / "records"
    records = keep_records(words.fingerprint, paths, categories, tokenizer, merges, into, context)
    with context.progress.stage("solve", 1, "programs") as advance:
        [(_, found)] = context.engine.run(solve_program, [ProgramTask(records, merge_list.tokenizer, merges)])
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


def _odd(merge_list: MergeList) -> list[str]:
    """Describe what was removed from the merge list and what is unusual about it, a line each."""
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
