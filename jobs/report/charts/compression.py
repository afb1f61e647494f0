"""Compression chart: bytes and characters per token of each language."""

import altair as alt
import polars as pl

from jobs.report.charts.look import (
    PAGE,
    PHONE,
    SLIDE,
    Layout,
    bare,
    data,
    layered,
    legend,
    linear_scale,
    numbered,
    numbers,
    own_band,
    sized,
    x_axis,
)
from jobs.report.charts.specification import Drawing, Hover
from jobs.report.inputs import ReportInputs
from jobs.report.tables import compression_table, counted

KINDS = ("bytes", "characters")


def compression(inputs: ReportInputs) -> Drawing | None:
    """Draw bytes and characters of a token on one row: the gap between them is the bytes that a character takes."""
    table = compression_table(inputs)
    if table.is_empty():
        return None
    caption = f"Bytes and characters that a token stands for, in {counted(table, inputs)}, most bytes first."
    page, phone, slide = (_chart(table, layout) for layout in (PAGE, PHONE, SLIDE))
    hover = (Hover("bytes_per_token", "bytes", ".2f"), Hover("characters_per_token", "characters", ".2f"))
    return Drawing("compression", caption, page, phone, slide, hover)


def _chart(table: pl.DataFrame, layout: Layout) -> alt.LayerChart:
    table, rows = numbered(table, "language", table["language"].to_list(), layout)
    long = [
        {"row": row["row"], "place": row["place"], "kind": number, "value": row[column], column: row[column]}
        for row in table.iter_rows(named=True)
        for number, column in enumerate(f"{kind}_per_token" for kind in KINDS)
        if row[column] is not None
    ]
    present = [kind for number, kind in enumerate(KINDS) if any(one["kind"] == number for one in long)]
    scale = linear_scale([one["value"] for one in long])
    both = table.filter(pl.col("characters_per_token").is_not_null())
    gaps = alt.Chart(data(both, "row", "place", "bytes_per_token", "characters_per_token"))
    joined = gaps.mark_rule(color="#b9c0c8", strokeWidth=2).encode(
        y=rows.y(), x=bare("characters_per_token", scale), x2="bytes_per_token:Q"
    )
    title = "bytes, characters in a token"
    key = legend("in a token", layout, present)
    marks = (
        alt.Chart(alt.InlineData(values=long))
        .mark_point(size=48, filled=True, opacity=1)
        .encode(
            y=rows.y(),
            x=alt.X("value:Q", title=title, axis=x_axis(), scale=scale),
            color=alt.Color("kind:N", scale=numbers(present, ["#0072b2", "#d55e00"]), legend=key),
            shape=alt.Shape("kind:N", scale=numbers(present, ["circle", "diamond"]), legend=key),
        )
    )
    bottom = alt.X("at:Q", title=title, axis=x_axis("bottom"), scale=scale) if rows.tall else None
    layers = [own_band(table, rows.y()), joined, marks]
    return sized(layered(layers, bottom), layout, title="Bytes and characters in a token")
