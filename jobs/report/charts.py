"""The charts, as Vega-Lite through Altair: one for each table, nothing drawn for what is not known."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple, cast

import altair as alt
import polars as pl

from jobs.report.inputs import ReportInputs
from jobs.report.scripts import COLOURS
from jobs.report.tables import compression_table, mixture_table, premium_table
from jobs.report.wording import named, times
from pipelines.outputs import replacing

ROW_PIXELS: Final = 15
"""Height of a language's row."""
PLOT_WIDTH: Final = 520
"""In pixels, without labels."""
WIDE_SPREAD: Final = 5.0
"""Ratio of the highest to the lowest premium from which the scale is logarithmic."""
LOG_TICKS: Final = [0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 4, 6, 8, 10, 15, 20, 30, 50, 100, 200, 500, 1000]
PNG_SCALE: Final = 2.0
INK: Final = "#1d232b"
FAINT: Final = "#d9dde2"
GROUND: Final = "#ffffff"
FONT: Final = "Arial, Helvetica, 'Liberation Sans', sans-serif"
TOKENIZER_COLOURS: Final = ["#0072b2", "#d55e00", "#009e73", "#22325c", "#e69f00", "#9a5ea1"]
TOKENIZER_SHAPES: Final = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"]
LABEL: Final = 230
"""Most pixels that a language's name may take."""

Chart = alt.LayerChart | alt.FacetChart


CHARTS: Final = ("premiums", "mixture", "compression")
"""Names of the charts that there may be."""


class Drawing(NamedTuple):
    """A chart of the page, and of a file."""

    name: str
    caption: str
    """What it shows, in words: for those who do not see it."""
    chart: Chart


def drawings(inputs: ReportInputs) -> list[Drawing]:
    """The charts that there is something for, in the order of the page."""
    makers: tuple[Callable[[ReportInputs], Drawing | None], ...] = (_premiums, _mixture, _compression)
    return [drawing for maker in makers if (drawing := maker(inputs)) is not None]


def save(drawing: Drawing, directory: Path) -> tuple[list[str], str]:
    """Write <name>.png and <name>.svg; returns their names, and the SVG's text."""
    chart, text = _themed(drawing.chart), io.StringIO()
    names = [f"{drawing.name}.png", f"{drawing.name}.svg"]
    with alt.data_transformers.enable("default", max_rows=None):
        with replacing(directory / names[0]) as part:
            chart.save(str(part), format="png", scale_factor=PNG_SCALE)
        chart.save(text, format="svg")
    with replacing(directory / names[1]) as part:
        part.write_text(text.getvalue(), "utf-8")
    return names, text.getvalue()


def _premiums(inputs: ReportInputs) -> Drawing | None:
    """Dearest first, with intervals: bars; for several tokenizers points, sorted by the mean.

    A wide spread is drawn on a log scale, where a bar begins at 1: it shows how far a language is from parity.
    """
    table = premium_table(inputs).filter(pl.col("premium") > 0)
    if table.is_empty():
        return None
    wide = table["premium"].max() / table["premium"].min() > WIDE_SPREAD  # type: ignore[operator]
    order = table.group_by("name").agg(pl.col("premium").mean()).sort("premium", "name", descending=[True, False])
    names = order["name"].to_list()
    tokenizers = table["tokenizer"].unique().sort().to_list()
    baseline = named(inputs.baseline or "the baseline", inputs.names)
    scale = _log_scale(table) if wide else _from_zero()
    axis = _top_axis(values=[at for at in LOG_TICKS if scale.domain[0] <= at <= scale.domain[1]] if wide else None)
    x = alt.X("premium:Q", title=f"tokens for the same text, {baseline} = 1", axis=axis, scale=scale)
    y = _rows(names)
    parity = alt.Chart(alt.InlineData(values=[{"at": 1}])).mark_rule(color=INK, strokeDash=[4, 3]).encode(x="at:Q")
    table = table.with_columns(
        start=pl.lit(1.0 if wide else 0.0),
        end=pl.max_horizontal(pl.lit(1.0), "premium", "high"),
        text=pl.Series([times(value) for value in table["premium"].to_list()], dtype=pl.String),
    )
    base = alt.Chart(_data(table)).encode(y=y)
    known = table.filter(pl.col("low").is_not_null() & pl.col("high").is_not_null() & (pl.col("low") > 0))
    ticks = _intervals(known, y)
    if len(tokenizers) > 1:
        layers = [parity, *ticks, _by_tokenizer(base, x, tokenizers)]
        sorting = "dearest on average first; each tokenizer has its own symbol"
    else:
        bars = base.mark_bar(height={"band": 0.74}).encode(x=x, x2="start:Q", color=_by_group(table))
        figures = base.mark_text(align="left", dx=5, fontSize=10, color=INK).encode(x="end:Q", text="text:N")
        layers = [bars, *ticks, parity, figures]
        sorting = "dearest first"
    caption = f"Token premiums of {len(names)} languages, {sorting}. The dashed line at 1 is parity with {baseline}"
    caption += "; thin lines are 95 % intervals" if len(known) else ""
    return Drawing("premiums", caption + (". The scale is logarithmic." if wide else "."), alt.layer(*layers))


def _by_tokenizer(base: alt.Chart, x: alt.X, tokenizers: list[str]) -> alt.Chart:
    domain = alt.Scale(domain=tokenizers, range=_cycled(TOKENIZER_COLOURS, len(tokenizers)))
    shapes = alt.Scale(domain=tokenizers, range=_cycled(TOKENIZER_SHAPES, len(tokenizers)))
    legend = _legend("tokenizer")
    points: alt.Chart = base.mark_point(size=48, filled=True, opacity=0.9).encode(
        x=x,
        color=alt.Color("tokenizer:N", scale=domain, legend=legend),
        shape=alt.Shape("tokenizer:N", scale=shapes, legend=legend),
    )
    return points


def _mixture(inputs: ReportInputs) -> Drawing | None:
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
    x = alt.X("value:Q", title="share of the training text's bytes", axis=_top_axis(".0%"), scale=_from_zero())
    points = alt.Chart(alt.InlineData(values=long)).encode(y=_rows(order))
    names = [kind for _, kind in kinds]
    colours = alt.Scale(domain=names, range=["#0072b2", "#d55e00"][: len(names)])
    shapes = alt.Scale(domain=names, range=["circle", "diamond"][: len(names)])
    legend = _legend(None)
    marks = points.mark_point(size=85, filled=True, opacity=1, stroke=GROUND, strokeWidth=0.8).encode(
        x=x,
        color=alt.Color("kind:N", scale=colours, legend=legend),
        shape=alt.Shape("kind:N", scale=shapes, legend=legend),
    )
    y = _rows(order)
    known = table.filter(pl.col("low").is_not_null() & pl.col("high").is_not_null())
    ticks = _intervals(known, y)
    both = table.filter(pl.col("truth").is_not_null())
    joined = alt.Chart(_data(both)).mark_rule(color="#9aa3ad", strokeWidth=3).encode(y=y, x="truth:Q", x2="share:Q")
    layers = [joined, *ticks, marks]
    against = " beside the true one" if len(kinds) == 2 else ""
    caption = f"Inferred share{against}, of {len(table)} categories in the training text."
    return Drawing("mixture", caption, alt.layer(*layers))


def _compression(inputs: ReportInputs) -> Drawing | None:
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
    both = alt.Chart(_data(table.filter(pl.col("characters_per_token").is_not_null())))
    joined = both.mark_rule(color="#b9c0c8", strokeWidth=2).encode(
        y=_rows(order), x="characters_per_token:Q", x2="bytes_per_token:Q"
    )
    legend = _legend("in a token")
    marks = (
        alt.Chart(alt.InlineData(values=long))
        .mark_point(size=48, filled=True, opacity=1)
        .encode(
            y=_rows(order),
            x=alt.X("value:Q", title="bytes, characters in a token", axis=_top_axis(), scale=_from_zero()),
            color=alt.Color("kind:N", scale=alt.Scale(domain=kinds, range=["#0072b2", "#d55e00"]), legend=legend),
            shape=alt.Shape("kind:N", scale=alt.Scale(domain=kinds, range=["circle", "diamond"]), legend=legend),
        )
    )
    caption = f"Bytes and characters that a token stands for, in {len(table)} languages, most bytes first."
    return Drawing("compression", caption, alt.layer(joined, marks))


def _intervals(table: pl.DataFrame, y: alt.Y) -> list[alt.Chart]:
    """From low to high, dark on a light edge: seen on a bar of any colour."""
    base = alt.Chart(_data(table)).encode(y=y, x="low:Q", x2="high:Q")
    return [base.mark_rule(color=colour, strokeWidth=width) for colour, width in ((GROUND, 4), (INK, 1.5))]


def _data(table: pl.DataFrame) -> alt.InlineData:
    return alt.InlineData(values=table.to_dicts())


def _rows(order: Sequence[str]) -> alt.Y:
    """A row for each language, in this order, every name shown."""
    return alt.Y("name:N", sort=list(order), title=None, axis=alt.Axis(labelOverlap=False, labelLimit=LABEL))


def _top_axis(form: str | None = None, values: list[float] | None = None) -> alt.Axis:
    """Charts are taller than a screen, so the scale is where reading begins."""
    axis = alt.Axis(orient="top", tickCount=6)
    if form is not None:
        axis["format"] = form
    if values is not None:
        axis["values"] = values
    return axis


def _log_scale(table: pl.DataFrame) -> alt.Scale:
    """With room for what is drawn, 1 included."""
    amounts = [*table["premium"], *table["low"].drop_nulls(), *table["high"].drop_nulls(), 1.0]
    positive = [amount for amount in amounts if amount > 0]
    return alt.Scale(type="log", domain=[min(positive) / 1.05, max(positive) * 1.05], nice=False)


def _from_zero() -> alt.Scale:
    return alt.Scale(zero=True, nice=True)


def _legend(title: str | None) -> alt.Legend:
    """Above the chart, two columns at most: it covers nothing, and fits a phone."""
    return alt.Legend(orient="top", title=title, columns=2, symbolSize=90, labelLimit=300)


def _by_group(table: pl.DataFrame) -> alt.Color:
    present = [group for group in COLOURS if group in set(table["group"].to_list())]
    scale = alt.Scale(domain=present, range=[COLOURS[group] for group in present])
    return alt.Color("group:N", scale=scale, legend=_legend("script"))


def _cycled(values: Sequence[str], length: int) -> list[str]:
    return [values[i % len(values)] for i in range(length)]


def _themed(chart: Chart) -> Chart:
    """Width, height by rows, and one look. Marks have no text for screen readers: the caption and the table do that."""
    made = (
        chart.properties(width=PLOT_WIDTH, height=alt.Step(ROW_PIXELS), background=GROUND, padding=8)
        .configure(font=FONT, aria=False)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=INK, titleColor=INK, gridColor=FAINT, domain=False, ticks=False, labelFontSize=11,
            titleFontSize=12, titleFontWeight="normal", labelPadding=5,
        )
        .configure_axisY(grid=False)
        .configure_legend(labelColor=INK, titleColor=INK, titleFontWeight="normal", labelFontSize=11, titleFontSize=12)
    )  # fmt: skip
    return cast("Chart", made)
