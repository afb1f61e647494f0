"""Charts of an inferred mixture: the share of each category, and how it depends on the number of merges."""

from typing import Final

import altair as alt
import polars as pl

from jobs.report.charts.look import (
    DASHES,
    DOUBTFUL,
    GROUND,
    HUES,
    INK,
    PAGE,
    PHONE,
    SLIDE,
    Layout,
    bare,
    data,
    intervals,
    layered,
    legend,
    linear_scale,
    numbered,
    numbers,
    own_band,
    own_line,
    sized,
    x_axis,
)
from jobs.report.charts.specification import Drawing, Hover
from jobs.report.inputs import ReportInputs
from jobs.report.tables import described, mixture_table
from jobs.report.trust import judge
from jobs.report.wording import named
from pipelines.mixture.trust import Trust

LINES: Final = 6
"""Categories with a line of their own colour; the others are faint."""
HEIGHT: Final = 260
INFERRED: Final = {"firm": "#0072b2", "rough": "#6f9fbc", "none": DOUBTFUL}
"""Colour of inferred shares, by how far they can be trusted: the less, the paler."""
REMARK: Final = {
    "firm": "",
    "rough": " The paler blue says that the shares are rough.",
    "none": " They are grey, as they cannot be relied on.",
}


def mixture(inputs: ReportInputs) -> Drawing | None:
    """Draw the true and the inferred share of each category on one row, joined: the line's length is the error."""
    table = mixture_table(inputs)
    if table.is_empty():
        return None
    trust = judge(inputs)
    against = "" if table["truth"].null_count() else ", beside the true one"
    bars = ", with its 95 % interval" if len(_with_interval(table)) else ""
    caption = f"Inferred share{bars}{against}, of {len(table)} categories in the training text."
    page, phone, slide = (_shares(table, trust, layout) for layout in (PAGE, PHONE, SLIDE))
    hover = (
        Hover("share", "inferred", ".2%"), Hover("truth", "true", ".2%"), Hover("low", "95 % from", ".2%"),
        Hover("high", "to", ".2%"),
    )  # fmt: skip
    return Drawing("mixture", caption + REMARK[trust.level], page, phone, slide, hover)


def _with_interval(table: pl.DataFrame) -> pl.DataFrame:
    return table.filter(pl.col("low").is_not_null() & pl.col("high").is_not_null())


def _shares(table: pl.DataFrame, trust: Trust, layout: Layout) -> alt.LayerChart:
    kinds = [("share", "inferred")] + ([] if table["truth"].null_count() else [("truth", "true")])
    table, rows = numbered(table, "category", table["category"].to_list(), layout)
    long = [
        {"row": row["row"], "place": row["place"], "kind": number, "value": row[column], column: row[column]}
        for row in table.iter_rows(named=True)
        for number, (column, _) in enumerate(kinds)
    ]
    known = _with_interval(table)
    scale = linear_scale([*(one["value"] for one in long), *known["high"]])
    names = [kind for _, kind in kinds]
    key = legend(None, layout, names)
    title = "share of the training text's bytes"
    marks = (
        alt.Chart(alt.InlineData(values=long))
        .mark_point(size=85, filled=True, opacity=1, stroke=GROUND, strokeWidth=0.8)
        .encode(
            y=rows.y(),
            x=alt.X("value:Q", title=title, axis=x_axis(form=".0%"), scale=scale),
            color=alt.Color("kind:N", scale=numbers(names, [INFERRED[trust.level], "#d55e00"]), legend=key),
            shape=alt.Shape("kind:N", scale=numbers(names, ["circle", "diamond"]), legend=key),
        )
    )
    y = rows.y()
    both = table.filter(pl.col("truth").is_not_null())
    joined = alt.Chart(data(both, "row", "place", "share", "truth")).mark_rule(color="#9aa3ad", strokeWidth=3)
    joined = joined.encode(y=y, x=bare("truth", scale), x2="share:Q")
    bottom = alt.X("at:Q", title=title, axis=x_axis("bottom", ".0%"), scale=scale) if rows.tall else None
    heading = {"firm": "Inferred mixture", "rough": "Inferred mixture (rough)"}.get(
        trust.level, "Inferred mixture (cannot be relied on)"
    )
    layers = [own_band(table, y), joined, *intervals(known, y, scale), marks]
    return sized(layered(layers, bottom), layout, title=heading)


def mixture_by_merges(inputs: ReportInputs) -> Drawing | None:
    """Draw the shares that the first merges alone would give: flat lines do not depend on how many are used."""
    table = None if inputs.mixture_about is None else inputs.mixture_about.sensitivity
    if table is None or table["merges"].n_unique() < 2:
        return None
    last = table.filter(pl.col("merges") == table["merges"].max()).sort("share", "category", descending=[True, False])
    ranked = last["category"].to_list()
    place = {category: number for number, category in enumerate(ranked)}
    lines = described(inputs, table, "category").with_columns(
        line=pl.col("category").replace_strict(place, return_dtype=pl.Int64)
    )
    names = [named(one, inputs.names) for one in ranked[:LINES]]
    rest = "; the others are faint" if len(ranked) > LINES else ""
    caption = f"Shares that fewer merges would give, for the {len(names)} largest categories{rest}."
    page, phone, slide = (_by_merges(lines, names, layout) for layout in (PAGE, PHONE, SLIDE))
    hover = (Hover("merges", "first merges", ",d"), Hover("share", "share", ".2%"))
    return Drawing("mixture-merges", caption, page, phone, slide, hover)


def _by_merges(lines: pl.DataFrame, names: list[str], layout: Layout) -> alt.LayerChart:
    ticks = alt.Axis(format="~s", values=sorted(set(lines["merges"])))
    x = alt.X("merges:Q", title="first merges that are used", axis=ticks, scale=alt.Scale(type="log", nice=False))
    percents = alt.Axis(format=".0%", grid=True, tickCount=5)
    y = alt.Y("share:Q", title="share of the training text's bytes", axis=percents)
    columns = ("merges", "share", "line", "place")
    others = alt.Chart(data(lines.filter(pl.col("line") >= len(names)), *columns))
    faint = others.mark_line(color=INK, opacity=0.25, strokeWidth=1).encode(x=x, y=y, detail="line:N")
    key = legend(None, layout, names)
    key["symbolType"], key["symbolStrokeWidth"] = "stroke", 2
    leading = (
        alt.Chart(data(lines.filter(pl.col("line") < len(names)), *columns))
        .mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=30))
        .encode(
            x=x, y=y, color=alt.Color("line:N", scale=numbers(names, HUES), legend=key),
            strokeDash=alt.StrokeDash("line:N", scale=numbers(names, DASHES), legend=key),
        )
    )  # fmt: skip
    own = own_line(lines, "merges", "share").encode(x=x, y=y)
    return sized(alt.layer(own, faint, leading), layout, HEIGHT, "Inferred mixture by the number of merges used")
