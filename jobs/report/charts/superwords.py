"""Chart of the tokens that superwords save in each language."""

import altair as alt
import polars as pl

from jobs.report.charts.look import (
    HUES,
    INK,
    PAGE,
    PHONE,
    SLIDE,
    Chart,
    Layout,
    bare,
    data,
    layered,
    numbered,
    own_band,
    sized,
    x_axis,
)
from jobs.report.charts.specification import Drawing, Hover
from jobs.report.inputs import ReportInputs
from jobs.report.superwords import saved_table
from jobs.report.tables import described
from jobs.report.wording import percent

TITLE = "tokens saved by superwords"


def saved(inputs: ReportInputs) -> Drawing | None:
    """Draw a bar for each language, from no tokens saved; the most saved first."""
    table = saved_table(inputs.superwords, inputs.premiums, inputs.names)
    if table.is_empty():
        return None
    table = described(inputs, table, "language")
    texts = pl.Series([percent(one) for one in table["saved"]], dtype=pl.String)
    table = table.with_columns(zero=pl.lit(0.0), text=texts)
    caption = "Tokens that superwords save, of those that the same text takes without them, the most saved first."
    page, phone, slide = (_bars(table, layout) for layout in (PAGE, PHONE, SLIDE))
    hover = (Hover("saved", "saved", ".1%"), Hover("before", "tokens without", ",d"), Hover("tokens", "with", ",d"))
    return Drawing("superwords", caption, page, phone, slide, hover)


def _bars(table: pl.DataFrame, layout: Layout) -> Chart:
    table, rows = numbered(table, "language", table["language"].to_list(), layout)
    low, high = min(0.0, *table["saved"]), max(0.0, *table["saved"])
    room = 0.16 * (high - low) or 0.01
    scale = alt.Scale(domain=[low - (room if low < 0 else 0), high + room], nice=False)
    base = alt.Chart(data(table, "row", "place", "zero", "saved", "before", "tokens", "text")).encode(y=rows.y())
    x = alt.X("saved:Q", title=TITLE, axis=x_axis(form=".0%"), scale=scale)
    bars = base.mark_bar(height={"band": 0.74}, color=HUES[0]).encode(x=x, x2="zero:Q")
    texts = base.mark_text(align="left", dx=5, fontSize=layout.font - 1, color=INK)
    layers = [own_band(table, rows.y()), bars, texts.encode(x=bare("saved", scale), text="text:N")]
    bottom = alt.X("at:Q", title=TITLE, axis=x_axis("bottom", ".0%"), scale=scale) if rows.tall else None
    return sized(layered(layers, bottom), layout, title="Tokens saved by superwords")
