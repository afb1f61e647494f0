"""How far a token goes in each language."""

import altair as alt
import polars as pl

from jobs.report.charts.look import Drawing, data, from_zero, legend, rows, sized, top_axis
from jobs.report.inputs import ReportInputs
from jobs.report.tables import compression_table


def compression(inputs: ReportInputs) -> Drawing | None:
    """Bytes and characters in a token on one row: how far apart they are is the bytes that a character takes."""
    table = compression_table(inputs)
    if table.is_empty():
        return None
    order = table["name"].to_list()
    measures = [("bytes_per_token", "bytes"), ("characters_per_token", "characters")]
    long = [
        {"name": row["name"], "script": row["script"], "kind": kind, "value": row[column]}
        for row in table.iter_rows(named=True)
        for column, kind in measures
        if row[column] is not None
    ]
    kinds = [kind for _, kind in measures if any(row["kind"] == kind for row in long)]
    both = alt.Chart(data(table.filter(pl.col("characters_per_token").is_not_null())))
    joined = both.mark_rule(color="#b9c0c8", strokeWidth=2).encode(
        y=rows(order), x="characters_per_token:Q", x2="bytes_per_token:Q"
    )
    key = legend("in a token")
    marks = (
        alt.Chart(alt.InlineData(values=long))
        .mark_point(size=48, filled=True, opacity=1)
        .encode(
            y=rows(order),
            x=alt.X("value:Q", title="bytes, characters in a token", axis=top_axis(), scale=from_zero()),
            color=alt.Color("kind:N", scale=alt.Scale(domain=kinds, range=["#0072b2", "#d55e00"]), legend=key),
            shape=alt.Shape("kind:N", scale=alt.Scale(domain=kinds, range=["circle", "diamond"]), legend=key),
        )
    )
    caption = f"Bytes and characters that a token stands for, in {len(table)} languages, most bytes first."
    return Drawing("compression", caption, sized(alt.layer(joined, marks)))
