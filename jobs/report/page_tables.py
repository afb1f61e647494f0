"""Tables of the page: their columns, headings and formats."""

from typing import Any, Final, NamedTuple

import msgspec
import polars as pl
from markupsafe import Markup

from jobs.report.design import language_rows
from jobs.report.inputs import ReportInputs
from jobs.report.packing import packed
from jobs.report.superwords import saved_table, superword_table
from jobs.report.tables import (
    betraying,
    change_table,
    compression_table,
    counted,
    described,
    mixture_table,
    premium_table,
    telling,
    tokenizer_table,
)
from jobs.report.wording import UNKNOWN_FIGURE, named

LONG: Final = 500
"""Rows above which a table is packed, and filled in when the reader opens it: the page opens sooner."""


class Cell(NamedTuple):
    """Cell of a table: the text that it shows, and the key that it is sorted by."""

    text: str
    order: str
    number: bool


class Row(NamedTuple):
    """Row of a table, with the numbers of its language and of its tokenizer on the page, where it has any."""

    cells: list[Cell]
    place: int | None
    tokenizer_place: int | None


class Table(NamedTuple):
    """Table of the page."""

    name: str
    caption: str
    heads: list[tuple[str, bool]]
    """Heading of each column; True where it holds numbers."""
    rows: list[Row]
    packed: Markup | None = None
    """Rows of a long table, [place, tokenizer_place, cells] with [text, order] for a cell; none is then on the page."""


def page_tables(inputs: ReportInputs) -> list[Table]:
    """Return all tables in the order of the page; those whose results are missing have no rows."""
    parts = (
        _tokenizers, _premiums, _changes, _sizes, _sweep, _frontier, _languages, _mixture, _by_merges, _betraying,
        _telling,
        _saved,
        _superwords,
        _compression,
    )  # fmt: skip
    return [part(inputs) for part in parts]


def _table(name: str, caption: str, table: pl.DataFrame, columns: list[tuple[str, str, str]]) -> Table:
    """`columns`: column, heading, format ("" for text); a column without any value is left out."""
    kept = [column for column in columns if len(table) and table[column[0]].null_count() < len(table)]
    rows = [
        Row([_cell(row[column], form) for column, _, form in kept], row.get("place"), row.get("tokenizer_place"))
        for row in table.iter_rows(named=True)
    ]
    return Table(name, caption, [(head, form != "") for _, head, form in kept], rows, _packed(rows))


def _packed(rows: list[Row]) -> Markup | None:
    if len(rows) <= LONG:
        return None
    found = [
        (row.place, row.tokenizer_place, [(cell.text, cell.order if cell.number else None) for cell in row.cells])
        for row in rows
    ]
    return Markup(packed(msgspec.json.encode(found)))


def _cell(value: Any, form: str) -> Cell:
    if value is None:
        return Cell(UNKNOWN_FIGURE, "", form != "")
    return Cell(f"{value:{form}}".replace("%", " %") if form else str(value), str(value), form != "")


def _tokenizers(inputs: ReportInputs) -> Table:
    columns = [
        ("tokenizer", "Tokenizer", ""), ("mean_premium", "Mean premium", ".3f"), ("median_premium", "Median", ".3f"),
        ("gini_lines", "Gini", ".3f"), ("worst", "Dearest language", ""), ("best", "Cheapest language", ""),
        ("worst_to_best_lines", "Dearest / cheapest", ".2f"), ("bytes_per_token", "Bytes per token", ".2f"),
        ("vocabulary", "Vocabulary", ",d"), ("unused_tokens", "Not used here", ",d"), ("languages", "Languages", ",d"),
    ]  # fmt: skip
    return _table("tokenizers", "Tokenizers over all languages", tokenizer_table(inputs), columns)


def _changes(inputs: ReportInputs) -> Table:
    columns = [
        ("tokenizer", "Tokenizer", ""), ("name", "Language", ""), ("verdict", "Verdict", ""), ("old", "Before", ".3f"),
        ("new", "Now", ".3f"), ("change", "Now / before", ".3f"), ("low", "95 % from", ".3f"), ("high", "to", ".3f"),
        ("documents", "Documents", ",d"),
    ]  # fmt: skip
    table = change_table(inputs)
    several = table["tokenizer"].n_unique() > 1
    return _table("changes", "Premiums now and in the earlier run", table, columns if several else columns[1:])


def _sizes(inputs: ReportInputs) -> Table:
    columns = [
        ("name", "Language", ""), ("tokens", "Tokens", ",d"), ("target", "Target", ",d"),
        ("vocabulary", "Vocabulary that reaches it", ",.0f"), ("low", "95 % from", ",.0f"), ("high", "to", ",.0f"),
        ("extrapolated", "Extrapolated", ""),
        ("fit_error", "Error of the fit", ".1%"), ("owned_merges", "Merges owned", ",d"),
        ("owned_share", "Share", ".1%"), ("reason", "Why no number", ""),
    ]  # fmt: skip
    found = inputs.curves
    table = pl.DataFrame() if found is None else described(inputs, found.sizes.sort("tokens", "language"), "language")
    if len(table):
        table = table.with_columns(pl.col("extrapolated").replace_strict({True: "yes", False: "no"}, default=None))
    return _table("curves", "The size at which each language reaches the target", table, columns)


def _sweep(inputs: ReportInputs) -> Table:
    columns = [
        ("name", "Language", ""), ("premium", "Premium at equal size", ".3f"), ("low", "95 % from", ".3f"),
        ("high", "to", ".3f"), ("tokens", "Tokens", ",d"), ("vocabulary", "Vocabulary", ",d"),
        ("chosen_vocabulary", "Chosen vocabulary", ",d"), ("chosen_tokens", "Tokens then", ",d"),
        ("chosen_premium", "Premium then", ".3f"), ("documents", "Documents", ",d"),
    ]  # fmt: skip
    found = inputs.sweep
    table = pl.DataFrame() if found is None else described(inputs, found.sizes, "language")
    table = table.sort("premium", "language", descending=True) if len(table) else table
    return _table("sweep", "A tokenizer for each language", table, columns)


def _frontier(inputs: ReportInputs) -> Table:
    columns = [
        ("method", "Method", ""), ("tokens", "Tokens", ",d"), ("loss", "Against unweighted", "+.2%"),
        ("loss_low", "95 % from", "+.2%"), ("loss_high", "to", "+.2%"), ("gini", "Gini", ".4f"),
        ("gini_low", "95 % from", ".4f"), ("gini_high", "to", ".4f"), ("worst", "Worst premium", ".3f"),
        ("worst_low", "95 % from", ".3f"), ("worst_high", "to", ".3f"), ("worst_language", "Of", ""),
    ]  # fmt: skip
    table = pl.DataFrame() if inputs.design is None else inputs.design.frontier
    return _table("frontier", "Methods on the judged documents, fewest tokens first", table, columns)


def _languages(inputs: ReportInputs) -> Table:
    columns = [
        ("name", "Language", ""), ("weight", "Weight", ",.3f"), ("premium_before", "Premium before", ".3f"),
        ("premium_after", "After", ".3f"), ("premium_after_low", "95 % from", ".3f"),
        ("premium_after_high", "to", ".3f"), ("change", "Tokens, change", "+.1%"), ("change_low", "95 % from", "+.1%"),
        ("change_high", "to", "+.1%"),
    ]  # fmt: skip
    table = (
        pl.DataFrame()
        if inputs.design is None
        else described(inputs, language_rows(inputs.design, inputs.names), "language")
    )
    return _table("designed", "Languages before and after", table, columns)


def _premiums(inputs: ReportInputs) -> Table:
    baseline = named(inputs.baseline or "the baseline", inputs.names)
    columns = [
        ("tokenizer", "Tokenizer", ""), ("name", "Language", ""), ("script", "Script", ""),
        ("premium", "Premium", ".3f"), ("low", "95 % from", ".3f"), ("high", "to", ".3f"), ("tokens", "Tokens", ",d"),
        ("bytes", "Bytes", ",d"), ("characters", "Characters", ",d"),
        ("characters_per_token", "Characters per token", ".2f"), ("bytes_per_token", "Bytes per token", ".2f"),
        ("documents", "Documents", ",d"),
    ]  # fmt: skip
    table = premium_table(inputs)
    several = table["tokenizer"].n_unique() > 1
    caption = (
        f"Token premiums against {baseline}" if table.is_empty() else f"Token premiums of {counted(table, inputs)}"
    )
    return _table("premiums", caption, table, columns if several else columns[1:])


def _mixture(inputs: ReportInputs) -> Table:
    columns = [
        ("name", "Category", ""), ("share", "Inferred share of bytes", ".2%"), ("low", "95 % from", ".2%"),
        ("high", "to", ".2%"), ("truth", "True share", ".2%"), ("error", "Difference", "+.2%"),
        ("share_pairs", "Inferred share of pairs", ".2%"), ("kin", "Group", ",d"),
        ("kin_share", "Share of the group", ".2%"),
    ]  # fmt: skip
    return _table("mixture", "Inferred mixture of the training text", mixture_table(inputs), columns)


def _by_merges(inputs: ReportInputs) -> Table:
    columns = [("merges", "First merges", ",d"), ("name", "Category", ""), ("share", "Share", ".2%")]
    table = None if inputs.mixture_about is None else inputs.mixture_about.sensitivity
    if table is None or table["merges"].n_unique() < 2:
        return _table("by-merges", "", pl.DataFrame(), columns)
    table = described(inputs, table, "category").sort("merges", "share", "name", descending=[True, True, False])
    return _table("by-merges", "Shares that fewer merges would give", table, columns)


def _betraying(inputs: ReportInputs) -> Table:
    columns = [
        ("rank", "Rank", ",d"), ("text", "Token", ""), ("expected", "Expected in a million bytes", ",.2f"),
        ("occurs", "Occurs in the categories", ",.2f"),
    ]  # fmt: skip
    return _table("unexplained", "Merges that the categories do not explain", betraying(inputs), columns)


def _telling(inputs: ReportInputs) -> Table:
    columns = [("name", "Category", ""), ("share", "Inferred share", ".2%"), ("merges", "Merges that say most", "")]
    return _table("evidence", "Merges that the smallest shares rest on", telling(inputs), columns)


def _saved(inputs: ReportInputs) -> Table:
    columns = [
        ("name", "Language", ""), ("before", "Tokens without superwords", ",d"), ("tokens", "With", ",d"),
        ("saved", "Saved", ".1%"),
    ]  # fmt: skip
    table = saved_table(inputs.superwords, inputs.premiums, inputs.names)
    table = described(inputs, table, "language") if len(table) else table
    return _table("saved", "Tokens that superwords save", table, columns)


def _superwords(inputs: ReportInputs) -> Table:
    columns = [
        ("kind", "Among the", ""), ("text", "Superword", ""), ("words", "Words", ",d"), ("bytes", "Bytes", ",d"),
        ("count", "Counted when chosen", ",d"),
    ]  # fmt: skip
    return _table("superwords", "The longest and the most used superwords", superword_table(inputs.superwords), columns)


def _compression(inputs: ReportInputs) -> Table:
    columns = [
        ("name", "Language", ""), ("script", "Script", ""), ("bytes_per_token", "Bytes per token", ".2f"),
        ("characters_per_token", "Characters per token", ".2f"), ("bytes", "Bytes", ",d"), ("tokens", "Tokens", ",d"),
        ("documents", "Documents", ",d"),
    ]  # fmt: skip
    return _table("compression", "Compression of each language", compression_table(inputs), columns)
