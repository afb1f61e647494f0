"""Findings that a report begins with, as sentences computed from its tables."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import polars as pl

from jobs.report.design import cost
from jobs.report.inputs import ReportInputs
from jobs.report.superwords import gain, saved_table
from jobs.report.tables import change_table, compression_table, mixture_table, premium_table, share_outside
from jobs.report.trust import judge
from jobs.report.wording import interval, listed, named, percent, points, times
from operators.unicode.script_names import UNKNOWN
from pipelines.mixture.trust import Trust
from pipelines.premiums.changes import BETTER, WORSE

FINDINGS = 3
"""Sentences at most, besides those about changes since an earlier run, a design and superwords."""
Row = Mapping[str, Any]


class _Finding(NamedTuple):
    sentence: str
    factor: float
    """Ratio of the two values that the sentence compares; ranks findings of a kind."""


def findings(inputs: ReportInputs) -> list[str]:
    """Return the sentences above the charts: changes, fair tokenizers and superwords, then up to three findings.

    Changes are those since an earlier run. The findings come in this order:

    1. The language that pays most, the number that pay more than twice, and those that pay less than the baseline.
    2. Of several tokenizers, the middle premium of the dearest and of the cheapest.
    3. The distance of the inferred mixture from the true one, or its largest share if the truth is unknown, with its
       reservations.
    4. Contrasts, the largest factor first: the widest spread of premiums within one script; the gap in bytes per token
       between languages; the cheapest language that was not trained on, against the dearest that was.

    A finding whose results are missing is left out.
    """
    leading = [one(inputs) for one in (_dearest, _tokenizers, _mixture)]
    contrasts = [found for one in _CONTRASTS if (found := one(inputs)) is not None]
    contrasts.sort(key=lambda finding: -finding.factor)
    chosen = [finding for finding in leading if finding is not None] + contrasts
    designed = [] if inputs.design is None else [cost(inputs.design, inputs.names)]
    spanning = []
    if inputs.superwords is not None:
        spanning = [gain(inputs.superwords, saved_table(inputs.superwords, inputs.premiums, inputs.names))]
    return [*_changes(inputs), *designed, *spanning, *(finding.sentence for finding in chosen[:FINDINGS])]


def _changes(inputs: ReportInputs) -> list[str]:
    """Say which languages got better and which worse since the earlier run, the largest changes first."""
    table = change_table(inputs)
    sentences = []
    for (tokenizer, old), rows in table.group_by(["tokenizer", "old_tokenizer"], maintain_order=True):
        parts = []
        for verdict, word, backwards in ((BETTER, "better", False), (WORSE, "worse", True)):
            own = rows.filter(pl.col("verdict") == verdict).sort("change", "language", descending=[backwards, False])
            if len(own):
                first = own.row(0, named=True)
                most = f"most of all {first['name']}, from {times(first['old'])} to {times(first['new'])}"
                others = listed(own["name"].to_list()[1:]) if len(own) > 1 else ""
                parts.append(f"{len(own):,} got {word}: {most}{f'; then {others}' if others else ''}")
        same = len(rows) - len(rows.filter(pl.col("verdict").is_in([BETTER, WORSE])))
        parts.append(f"{same:,} did not change as far as their intervals can tell")
        which = str(tokenizer) if tokenizer == old else f"{tokenizer} against {old}"
        sentences.append(f"Since the earlier run ({which}), of {len(rows):,} languages {'. '.join(parts)}.")
    return sentences


def _dearest(inputs: ReportInputs) -> _Finding | None:
    """Say who pays most, with the interval, how many pay more than twice, and who least, if less than the baseline.

    Languages for one tokenizer; for several, languages that pay more than twice with any. A language is called cheaper
    than the baseline when its whole interval is, or it has none; the baseline's regional kin do not count.
    """
    table = premium_table(inputs).filter(pl.col("language") != pl.lit(inputs.baseline))
    if table.is_empty():
        return None
    dearest = table.row(0, named=True)
    baseline = named(inputs.baseline or "the baseline", inputs.names)
    several = table["tokenizer"].n_unique() > 1
    amount = (
        f"{times(dearest['premium'])} times as many tokens as {baseline}{interval(dearest['low'], dearest['high'])}"
    )
    parts = [f"the same text costs {_who(dearest, several)} {amount}, the most of {_languages(table)}"]
    twice = table.filter(pl.col("premium") > 2)["language"].n_unique()
    if twice > 1:
        parts.append(f"{twice} languages pay more than twice{' with some tokenizer' if several else ''}")
    cheaper = [
        row
        for row in table.iter_rows(named=True)
        if not _kin(row["language"], inputs.baseline)
        and row["premium"] < 1
        and (row["high"] is None or row["high"] < 1)
    ]
    if cheaper and cheaper[-1]["language"] != dearest["language"]:
        row = cheaper[-1]
        parts.append(
            f"{_who(row, several)} pays less than {baseline}: {times(row['premium'])}"
            f"{interval(row['low'], row['high'])}"
        )
    sentence = "; ".join(parts) + "."
    return _Finding(sentence[0].upper() + sentence[1:], dearest["premium"])


def _languages(table: pl.DataFrame) -> str:
    count = table["language"].n_unique()
    return "one language compared" if count == 1 else f"{count} languages compared"


def _mixture(inputs: ReportInputs) -> _Finding | None:
    """Say the largest error and the mean one, or, without a truth, the largest share; and how far to trust either.

    A mixture that cannot be relied on has no headline figure: the reasons come first.
    """
    table = mixture_table(inputs)
    if table.is_empty():
        return None
    trust = judge(inputs)
    if table["error"].null_count():
        return _Finding(_largest_share(table, trust), 1.0)
    worst = table.sort(pl.col("error").abs(), "category", descending=[True, False]).row(0, named=True)
    mean = sum(abs(error) for error in table["error"].to_list()) / len(table)
    return _Finding(
        f"From the merge list alone, the shares of {len(table)} categories in the training text come out "
        f"{points(mean)} off on average; the largest error is {points(worst['error'])}, for {worst['name']} "
        f"({percent(worst['share'])} inferred, {percent(worst['truth'])} in truth){_outside(inputs)}."
        f"{_reservations(trust, known=True)}",
        1.0,
    )


def _largest_share(table: pl.DataFrame, trust: Trust) -> str:
    largest = table.sort("share", "category", descending=[True, False]).row(0, named=True)
    if trust.level == "none":
        return (
            f"The merge list does not tell the training mixture, as {'; '.join(trust.reasons)}. The best fit, which "
            f"cannot be relied on, is led by {largest['name']} with {percent(largest['share'])} of the bytes."
        )
    return (
        f"The merge list points to {largest['name']} as the largest part of the training text: "
        f"{percent(largest['share'])} of its bytes, of {len(table)} categories that were compared."
        f"{_reservations(trust)}"
    )


def _reservations(trust: Trust, known: bool = False) -> str:
    """Return the verdict; where the truth is `known`, as what one would have to say without it."""
    if trust.level == "firm":
        return ""
    if known:
        level = "rough" if trust.level == "rough" else "unreliable"
        return f" Without the truth one would have to call the shares {level}: {'; '.join(trust.reasons)}."
    return f" {trust.verdict}"


def _outside(inputs: ReportInputs) -> str:
    """Name the text that was trained on but not compared: inferred shares add up to 1, so it is part of the error."""
    rest = share_outside(inputs)
    return "" if rest is None or rest < 0.01 else f"; {percent(rest)} of that text is in none of these categories"


def _tokenizers(inputs: ReportInputs) -> _Finding | None:
    """Compare the middle premium of the dearest and the cheapest tokenizer."""
    table = premium_table(inputs).filter(pl.col("language") != pl.lit(inputs.baseline), pl.col("premium") > 0)
    middle = table.group_by("tokenizer").agg(pl.col("premium").median()).sort("premium", "tokenizer")
    if len(middle) < 2:
        return None
    low, high = middle.row(0, named=True), middle.row(-1, named=True)
    factor = high["premium"] / low["premium"]
    return _Finding(
        f"Half of the languages pay more than {times(high['premium'])} with {high['tokenizer']}, "
        f"half more than {times(low['premium'])} with {low['tokenizer']}.",
        factor,
    )


def _spread(inputs: ReportInputs) -> _Finding | None:
    """Find the widest spread within one script, for one tokenizer."""
    table = premium_table(inputs).filter(pl.col("script") != UNKNOWN)
    several = table["tokenizer"].n_unique() > 1
    best: _Finding | None = None
    for (_, script), group in table.group_by(["tokenizer", "script"], maintain_order=True):
        rows = [row for row in group.iter_rows(named=True) if not _kin(row["language"], inputs.baseline)]
        if len(rows) < 2 or rows[-1]["premium"] <= 0:
            continue
        high, low = rows[0], rows[-1]
        factor = high["premium"] / low["premium"]
        if best is None or factor > best.factor:
            best = _Finding(
                f"Languages of one script differ: among {len(rows)} languages in the {script} script, premiums go "
                f"from {times(low['premium'])} for {_who(low, several)} to {times(high['premium'])} for "
                f"{_who(high, several)}, a factor of {times(factor)}.",
                factor,
            )
    return best


def _compression(inputs: ReportInputs) -> _Finding | None:
    """Compare the most with the fewest bytes that a token stands for."""
    table = compression_table(inputs)
    if len(table) < 2:
        return None
    best, worst = table.row(0, named=True), table.row(-1, named=True)
    factor = best["bytes_per_token"] / worst["bytes_per_token"]
    return _Finding(
        f"A token holds {times(best['bytes_per_token'])} bytes of {best['name']}, but "
        f"{times(worst['bytes_per_token'])} of {worst['name']}, a factor of {times(factor)}.",
        factor,
    )


def _unseen(inputs: ReportInputs) -> _Finding | None:
    """Find the cheapest language that was not trained on, if some language that was trained on pays more."""
    trained = set((inputs.training or {}).get("mixture") or {})
    table = premium_table(inputs)
    if not trained or table["tokenizer"].n_unique() != 1:
        return None
    kin = {_primary(language) for language in trained}
    rows = list(table.iter_rows(named=True))
    seen = [row for row in rows if row["language"] in trained]
    unseen = [row for row in rows if _primary(row["language"]) not in kin]
    if not seen or not unseen or unseen[-1]["premium"] >= seen[0]["premium"]:
        return None
    cheap, dear = unseen[-1], seen[0]
    factor = dear["premium"] / cheap["premium"]
    return _Finding(
        f"{cheap['name']} was not in the training text and pays {times(cheap['premium'])}, less than {dear['name']}, "
        f"which was in it and pays {times(dear['premium'])}.",
        factor,
    )


_CONTRASTS: tuple[Callable[[ReportInputs], _Finding | None], ...] = (_spread, _compression, _unseen)


def _who(row: Row, several: bool) -> str:
    """Name a language, and the tokenizer if there are several."""
    return f"{row['name']} with {row['tokenizer']}" if several else str(row["name"])


def _primary(language: str) -> str:
    """`_primary("en_GB")` is "en"."""
    return language.replace("-", "_").split("_")[0].lower()


def _kin(language: str, baseline: str | None) -> bool:
    """Return True for the baseline and its regional forms: en_GB pays what en pays, which is no finding."""
    return baseline is not None and _primary(language) == _primary(baseline)
