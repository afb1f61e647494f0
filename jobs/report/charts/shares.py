"""The mixture: shares of categories."""

import altair as alt
import polars as pl

from jobs.report.charts.look import GROUND, Drawing, data, from_zero, intervals, legend, rows, sized, top_axis
from jobs.report.inputs import ReportInputs
from jobs.report.tables import mixture_table


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
    caption = f"Inferred share{against}, of {len(table)} categories in the training text."
    return Drawing("mixture", caption, sized(alt.layer(*layers)))
