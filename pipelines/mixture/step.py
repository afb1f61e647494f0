"""The step `mixture`: infer the mixture that a tokenizer was trained on, from samples of categories."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from operators.arrays import I64
from operators.encoding.parts import joins_words
from operators.errors import DataError, UsageError
from operators.mixture import program
from operators.mixture.estimate import RankMixture, estimate
from operators.mixture.evidence import Evidence
from operators.mixture.merge_lists import MergeList, NotExtended, read_merge_list
from operators.mixture.program import CannotInfer
from operators.redaction import shown
from operators.tokenizer import Tokenizer, require_replayable
from operators.unicode.language_names import named
from pipelines.context import Context, out_directory
from pipelines.mixture.linear_program import ProgramTask, keep_records, solve_program
from pipelines.mixture.rank_evidence import keep_evidence
from pipelines.mixture.settings import Mixture
from pipelines.mixture.tables import merges_table, program_table, rank_table, sensitivity_table
from pipelines.mixture.trust import Trust, judge
from pipelines.named_tables import with_names
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
"""Largest number of tokens that a message names."""
TABLES: Final = (MIXTURE, MERGES, SENSITIVITY)
SHARES_SHOWN: Final = 12
"""Largest number of shares that the command prints; the table holds all."""


class UnknownCategory(DataError):
    """A requested category without text. `present`: the categories that have text."""

    category: str
    present: list[str]
    message = (
        "mixture: category {category!r} has no text; leave it out, or add text of it (categories with text: {present})"
    )


class NotOfWords(UsageError):
    """A tokenizer with superwords, whose merges are no evidence of word counts."""

    tokenizer: str
    message = (
        "--tokenizer {tokenizer}: it has superwords, tokens that span words, which counts of words do not explain; "
        "name the tokenizer of its first stage, which train writes to superwords/first"
    )


class NoExtension(UsageError):
    """A tokenizer that does not extend the tokenizer of --beyond."""

    beyond: str
    message = (
        "--beyond {beyond}: --tokenizer lacks more than a tenth of its tokens, so it is no extension; name another"
    )


def mixture(settings: Mixture, context: Context) -> MixtureResult:
    """Infer the mixture that a tokenizer was trained on.

    Raises BadSettings, and what `count_words`, `infer_categories` and loading the tokenizers raise.
    """
    if settings.method == "lp" and (settings.beyond is not None or settings.unknown):
        raise BadSettings("method", "lp supports neither --beyond nor --unknown; leave them out, or use rank")
    tokenizer = load_tokenizer(settings.tokenizer)
    require_replayable(tokenizer, settings.tokenizer)
    if joins_words(tokenizer):
        raise NotOfWords(settings.tokenizer)
    beyond = None if settings.beyond is None else load_tokenizer(settings.beyond)
    output = Output(out := out_directory(settings.out), "mixture")
    files = context.input_files(settings.categories, output)
    for file in files:
        if file.size == 0:
            raise BadSettings("categories", f"{file.path} is empty; leave it out")
    with output:
        partitions, pretokenizer = settings.partitions, tokenizer.pretokenizer
        words = count_words(files, pretokenizer, out / "words", context, partitions=partitions, blocks=BLOCKS).manifest
        made = infer_categories(words, out / "words", tokenizer, beyond, output, settings, context)
    categories, used = len(made.manifest.settings["categories"]), made.manifest.facts["merges_used"]
    what = f"the shares of {categories} categories from {used:,} merges"
    last = summarized(made.kept, what, words.facts, settings.out)
    verdict = judge_output(out, made.manifest).verdict or "The shares are firm: they move little and fit the merges."
    lines = [made.manifest.facts.get("warning") or "", *share_lines(out / MIXTURE), verdict, last]
    return MixtureResult(out, made.manifest, made.kept, "\n".join(line for line in lines if line))


def judge_output(directory: Path, manifest: Manifest) -> Trust:
    """Judge a finished mixture by its tables."""
    import polars as pl

    tables = {name: pl.read_parquet(directory / name, glob=False) for name in manifest.files if name in TABLES}
    return judge(manifest.settings["method"], manifest.facts, tables[MIXTURE], tables.get(SENSITIVITY))


def share_lines(path: Path) -> list[str]:
    """Return one line for each of the largest shares: share of bytes, its 95 % interval if it has one, category."""
    import polars as pl

    table = pl.read_parquet(path, glob=False).sort("share", "category", descending=[True, False])
    lines = []
    for category, share, low, high in table.select("category", "share", "low", "high").head(SHARES_SHOWN).iter_rows():
        interval = "" if low is None or high is None else f"  ({100 * low:.2f} to {100 * high:.2f})"
        lines.append(f"- {100 * share:5.2f} %{interval}  {shown(named(category))}")
    more = len(table) - SHARES_SHOWN
    return [*lines, *([f"- and {more} more, each with less"] if more > 0 else [])]


def infer_categories(
    words: Manifest, words_directory: Path, tokenizer: Tokenizer, beyond: Tokenizer | None, output: Output,
    settings: Mixture, context: Context,
) -> Made:  # fmt: skip
    """Write mixture.parquet and its companions (docs/reference/outputs.md) to `output`, from word tables of each
    category by bootstrap block. Kept if up to date.

    beyond: tokenizer that `tokenizer` extends. Shares are of bytes. Raises UnknownCategory, NoExtension, CannotInfer,
    and what the linear program raises.
    """
    sizes, progress = words.facts["languages"], context.progress
    categories = _categories(sizes, words.facts["without_text"], settings.only)
    hashed = settings.hashed(
        tokenizer=tokenizer_fingerprint(tokenizer),
        categories=categories,
        only=None,  # `categories` holds them
        beyond=None if beyond is None else tokenizer_fingerprint(beyond),
    )

    def work(_: Path) -> Written:
        merge_list = _merge_list(tokenizer, beyond, settings)
        for line in _odd(merge_list):
            progress.note(line)
        paths, facts = word_files(words, words_directory), _list_facts(merge_list)
        if settings.method == "lp":
            solved = _by_program(words, tuple(paths), categories, merge_list, output, settings, context)
            table = program_table(solved, _figures(sizes, categories))
            write_table(with_names(table), output.directory / MIXTURE)
            facts |= {"merges_used": solved.merges_used, "objective": solved.objective, "rows": solved.rows}
            return Written([MIXTURE], facts | {"rounds": solved.rounds})
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
        return Written(TABLES, facts)

    return make(Stage("mixture", hashed, [{"words": words.fingerprint}], TABLES), output, context, work)


def _categories(sizes: dict[str, dict[str, int]], without_text: Sequence[str], only: Sequence[str] | None) -> list[str]:
    present = sorted({category_of(label) for label, figures in sizes.items() if figures["bytes"]})
    categories = sorted(set(only)) if only is not None else sorted({*map(category_of, sizes), *without_text})
    for category in categories:
        if category not in present:
            raise UnknownCategory(category, present)
    if len(categories) < 2:
        raise CannotInfer(f"only one category ({categories[0]})", "name text of at least two")
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
        [(_, solved)] = context.engine.run(solve_program, [ProgramTask(records, merge_list.tokenizer, merges)])
        advance(1)
    return solved


def _write_ranked(
    found: RankMixture, evidence: Evidence, merge_list: MergeList, scored: I64, directory: Path
) -> dict[str, Any]:
    """Write the tables of the estimate by ranks; return the figures for the manifest."""
    write_table(with_names(rank_table(found, evidence)), directory / MIXTURE)
    table = merges_table(found, evidence, merge_list.tokenizer, scored)
    write_table(with_names(table), directory / MERGES)
    write_table(with_names(sensitivity_table(found)), directory / SENSITIVITY)
    check = found.check
    absent = (evidence.counts.sum(axis=(0, 2)) == 0)[check.unexplained]
    places = [*check.unexplained[absent], *check.unexplained[~absent]][:SHOWN]
    merges = merge_list.tokenizer.merges
    tokens = [merge_list.tokenizer.tokens[int(merges.token[scored[place]])] for place in places]
    warning = ""
    if check.warns:
        where = "occur in none of" if check.absent >= len(places) else "are far too rare in"
        warning = (
            f"mixture: the categories do not explain the list: {len(check.unexplained):,} of {check.tested:,} merges"
            f" are far too rare in them, {check.absent:,} occur in none. Something is missing: these merges {where}"
            " your categories:"
            f" {_texts(tokens)}"
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
    """Return one line for each kind of merges that are left out or unusual."""
    lines = []
    if merge_list.redundant:
        lines.append(f"merge list: {merge_list.redundant:,} merges make a token that an earlier merge makes; left out")
    if merge_list.by_hand:
        some = _texts(merge_list.by_hand[:SHOWN])
        number = len(merge_list.by_hand)
        lines.append(f"merge list: begins with {number} merges of white space, written by hand; left out: {some}")
    if merge_list.beyond:
        lines.append(f"merge list: {merge_list.beyond:,} merges are those of the other tokenizer; left out")
    if merge_list.forbidden:
        some = _texts(merge_list.forbidden[:SHOWN])
        number = len(merge_list.forbidden)
        lines.append(
            f"merge list: its own pre-tokenizer cuts {number:,} tokens, such as {some}; "
            "it may have been trained with another pre-tokenizer"
        )
    return lines


def _texts(tokens: Sequence[bytes]) -> str:
    """`_texts([b" a", b"\\xe0"])` is "' a', b'\\xe0'": part of a character is shown as bytes."""
    return ", ".join(map(_text, tokens))


def _text(token: bytes) -> str:
    try:
        return repr(token.decode())
    except UnicodeDecodeError:
        return repr(token)
