"""How every chart looks, as Vega-Lite through Altair, and how it becomes files."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeVar, cast

import altair as alt
import polars as pl

from operators.unicode.script_names import UNKNOWN
from pipelines.outputs import replacing

ROW_PIXELS: Final = 15
"""Height of a language's row."""
PLOT_WIDTH: Final = 520
"""In pixels, without labels."""
PNG_SCALE: Final = 2.0
LOG_TICKS: Final = [0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 4, 6, 8, 10, 15, 20, 30, 50, 100, 200, 500, 1000]
INK: Final = "#1d232b"
FAINT: Final = "#d9dde2"
GROUND: Final = "#ffffff"
FONT: Final = "Arial, Helvetica, 'Liberation Sans', sans-serif"
HUES: Final = ["#0072b2", "#d55e00", "#009e73", "#22325c", "#e69f00", "#9a5ea1"]
SHAPES: Final = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"]
DASHES: Final = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [10, 4], [4, 2, 1, 2, 1, 2]]
COLOURS: Final[dict[str, str]] = {
    "Latin": "#0072b2",
    "Cyrillic, Greek, Armenian, Georgian": "#d55e00",
    "Arabic, Hebrew": "#22325c",
    "of India and Southeast Asia": "#e69f00",
    "Chinese, Japanese, Korean": "#009e73",
    "another": "#9a5ea1",
    UNKNOWN: "#8a8a8a",
}
"""Group of scripts to its colour: after Okabe and Ito, told apart by colour-blind eyes."""
LABEL: Final = 230
"""Most pixels that a language's name may take."""

Chart = alt.LayerChart | alt.VConcatChart | alt.FacetChart
Value = TypeVar("Value")


class Drawing(NamedTuple):
    """A chart of the page, and of a file."""

    name: str
    caption: str
    """What it shows, in words: for those who do not see it."""
    chart: Chart


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


def intervals(table: pl.DataFrame, y: alt.Y) -> list[alt.Chart]:
    """From low to high, dark on a light edge: seen on a bar of any colour."""
    base = alt.Chart(data(table)).encode(y=y, x="low:Q", x2="high:Q")
    return [base.mark_rule(color=colour, strokeWidth=width) for colour, width in ((GROUND, 4), (INK, 1.5))]


def data(table: pl.DataFrame) -> alt.InlineData:
    """Rows for a chart."""
    return alt.InlineData(values=table.to_dicts())


def rows(order: Sequence[str], width: int | None = None) -> alt.Y:
    """A row for each language, in this order, every name shown; `width` pixels for names, where charts must align."""
    axis = alt.Axis(labelOverlap=False, labelLimit=LABEL)
    if width is not None:
        axis = alt.Axis(labelOverlap=False, labelLimit=LABEL, minExtent=width, maxExtent=width)
    return alt.Y("name:N", sort=list(order), title=None, axis=axis)


def label_width(names: Sequence[str]) -> int:
    """Pixels that the longest of these names may take; scripts differ, so this is a guess on the safe side."""
    return min(LABEL, 12 + 7 * max(map(len, names), default=0))


def top_axis(form: str | None = None, values: list[float] | None = None) -> alt.Axis:
    """Charts are taller than a screen, so the scale is where reading begins."""
    axis = alt.Axis(orient="top", tickCount=6)
    if form is not None:
        axis["format"] = form
    if values is not None:
        axis["values"] = values
    return axis


def log_scale(table: pl.DataFrame) -> alt.Scale:
    """With room for what is drawn, 1 included."""
    amounts = [*table["premium"], *table["low"].drop_nulls(), *table["high"].drop_nulls(), 1.0]
    positive = [amount for amount in amounts if amount > 0]
    return alt.Scale(type="log", domain=[min(positive) / 1.05, max(positive) * 1.05], nice=False)


def from_zero() -> alt.Scale:
    """For amounts: their lengths are compared."""
    return alt.Scale(zero=True, nice=True)


def legend(title: str | None) -> alt.Legend:
    """Above the chart, two columns at most: it covers nothing, and fits a phone."""
    return alt.Legend(orient="top", title=title, columns=2, symbolSize=90, labelLimit=300)


def cycled(values: Sequence[Value], length: int) -> list[Value]:
    """As many as asked for, from the first again where there are not enough."""
    return [values[i % len(values)] for i in range(length)]


def sized(chart: alt.LayerChart | alt.FacetChart, height: int | None = None) -> alt.LayerChart:
    """Of the common width; as high as its rows, or `height` pixels."""
    made = chart.properties(width=PLOT_WIDTH, height=alt.Step(ROW_PIXELS) if height is None else height)
    return cast("alt.LayerChart", made)


def _themed(chart: Chart) -> Chart:
    """One look. Marks have no text for screen readers: the caption and the table do that."""
    made = (
        chart.properties(background=GROUND, padding=8)
        .configure(font=FONT, aria=False)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=INK, titleColor=INK, gridColor=FAINT, domain=False, ticks=False, labelFontSize=11,
            titleFontSize=12, titleFontWeight="normal", labelPadding=5,
        )
        .configure_axisY(grid=False)
        .configure_legend(labelColor=INK, titleColor=INK, titleFontWeight="normal", labelFontSize=11, titleFontSize=12)
        .configure_title(color=INK, fontSize=12, fontWeight="bold", anchor="start", frame="group")
    )  # fmt: skip
    return cast("Chart", made)
