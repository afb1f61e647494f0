"""The mixture: shares of categories."""

from typing import Final

import altair as alt
import polars as pl

from jobs.report.charts.look import (
    DASHES,
    GROUND,
    HUES,
    INK,
    PLOT_WIDTH,
    Drawing,
    cycled,
    data,
    from_zero,
    intervals,
    legend,
    rows,
    sized,
    top_axis,
)
from jobs.report.inputs import ReportInputs
from jobs.report.tables import mixture_table
from jobs.report.wording import named

LINES: Final = 6
"""Categories with a line of their own colour; the others are faint."""
HEIGHT: Final = 260


def mixture(inputs: ReportInputs) -> Drawing | None:
    """True and inferred share of each category on one row, joined: the line's length is the error."""
    table = mixture_table(inputs)
    if table.is_empty():
        return None
    order = table["name"].to_list()
    kinds = [("share", "inferred")] + ([] if table["truth"].null_count() else [("truth", "true")])
    long = [
        {"name": row["name"], "kind": kind, "value": row[column]}
        for row in table.iter_rows(named=True)
        for column, kind in kinds
    ]
    x = alt.X("value:Q", title="share of the training text's bytes", axis=top_axis(".0%"), scale=from_zero())
    points = alt.Chart(alt.InlineData(values=long)).encode(y=rows(order))
    names = [kind for _, kind in kinds]
    colours = alt.Scale(domain=names, range=["#0072b2", "#d55e00"][: len(names)])
    shapes = alt.Scale(domain=names, range=["circle", "diamond"][: len(names)])
    key = legend(None)
    marks = points.mark_point(size=85, filled=True, opacity=1, stroke=GROUND, strokeWidth=0.8).encode(
        x=x,
        color=alt.Color("kind:N", scale=colours, legend=key),
        shape=alt.Shape("kind:N", scale=shapes, legend=key),
    )
    y = rows(order)
    known = table.filter(pl.col("low").is_not_null() & pl.col("high").is_not_null())
    ticks = intervals(known, y)
    both = table.filter(pl.col("truth").is_not_null())
    joined = alt.Chart(data(both)).mark_rule(color="#9aa3ad", strokeWidth=3).encode(y=y, x="truth:Q", x2="share:Q")
    layers = [joined, *ticks, marks]
    against = " beside the true one" if len(kinds) == 2 else ""
    bars = ", with its 95 % interval" if len(known) else ""
    caption = f"Inferred share{bars}{against}, of {len(table)} categories in the training text."
    return Drawing("mixture", caption, sized(alt.layer(*layers)))


def mixture_by_merges(inputs: ReportInputs) -> Drawing | None:
    """The shares that the first merges alone would give: flat lines do not hang on how many are taken."""
    found = None if inputs.mixture_about is None else inputs.mixture_about.sensitivity
    if found is None or found["merges"].n_unique() < 2:
        return None
    last = found.filter(pl.col("merges") == found["merges"].max()).sort("share", "category", descending=[True, False])
    leading = last["category"].to_list()[:LINES]
    table = found.with_columns(name=pl.Series([named(one, inputs.names) for one in found["category"]], dtype=pl.String))
    names = [named(one, inputs.names) for one in leading]
    ticks = alt.Axis(format="~s", values=sorted(set(found["merges"])))
    x = alt.X("merges:Q", title="first merges that are taken", axis=ticks, scale=alt.Scale(type="log", nice=False))
    percents = alt.Axis(format=".0%", grid=True, tickCount=5)
    y = alt.Y("share:Q", title="share of the training text's bytes", axis=percents)
    others = alt.Chart(data(table.filter(~pl.col("category").is_in(leading))))
    faint = others.mark_line(color=INK, opacity=0.25, strokeWidth=1).encode(x=x, y=y, detail="category:N")
    colours = alt.Scale(domain=names, range=cycled(HUES, len(names)))
    dashes = alt.Scale(domain=names, range=cycled(DASHES, len(names)))
    key = legend(None)
    key["symbolType"], key["symbolStrokeWidth"] = "stroke", 2
    lines = (
        alt.Chart(data(table.filter(pl.col("category").is_in(leading))))
        .mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=30))
        .encode(
            x=x, y=y, color=alt.Color("name:N", scale=colours, legend=key),
            strokeDash=alt.StrokeDash("name:N", scale=dashes, legend=key),
        )
    )  # fmt: skip
    rest = "; the others are faint" if len(last) > len(leading) else ""
    caption = f"Shares that fewer merges would give, for the {len(leading)} largest categories{rest}."
    return Drawing("mixture-merges", caption, sized(alt.layer(faint, lines), HEIGHT).properties(width=PLOT_WIDTH))
