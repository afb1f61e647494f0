"""Charts as they are written: files beside the page, and specifications inside it."""

import re
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import altair as alt
import vl_convert

from jobs.report.charts.look import FAINT, GROUND, INK, PAGE, SLIDE, Chart, Layout
from pipelines.outputs import replacing

PNG_SCALE: Final = 2.0
FONT: Final = "Arial, Helvetica, 'Liberation Sans', sans-serif"
DARK: Final = {
    INK: "#e4e8ed", GROUND: "#14181d", FAINT: "#3a424c", "#22325c": "#9db4f0", "#0072b2": "#4aa8e0",
    "#9a5ea1": "#c58fcc", "#d55e00": "#f07f2e", "#009e73": "#2fbf95", "#9aa3ad": "#7d8792", "#b9c0c8": "#69737e",
    "#6f9fbc": "#7fb4d3", "#ffd84d": "#6b5a12",
}  # fmt: skip
"""Colour to the one that takes its place on a dark ground."""


class Saved(NamedTuple):
    """Files of a chart, and the height of its drawing for a page, in pixels."""

    files: list[str]
    height: int


class Hover(NamedTuple):
    """Figure that the page shows where the pointer is on a mark."""

    field: str
    title: str
    form: str
    """Format, as in Vega (d3-format)."""


class Drawing(NamedTuple):
    """A chart in its three layouts."""

    name: str
    caption: str
    """Content of the chart in words, for readers who do not see it."""
    page: Chart
    phone: Chart
    slide: Chart
    hover: tuple[Hover, ...] = ()


def file_names(chart: str) -> list[str]:
    """Return the files that a chart is saved as."""
    return [f"{chart}{layout.suffix}.{kind}" for layout in (PAGE, SLIDE) for kind in ("png", "svg")]


def save(drawing: Drawing, directory: Path) -> Saved:
    """Write <name>.png, <name>.svg, <name>-slide.png and <name>-slide.svg, each whole or not at all."""
    heights = []
    for layout, chart in ((PAGE, drawing.page), (SLIDE, drawing.slide)):
        version = "_".join(alt.SCHEMA_VERSION.split(".")[:2])
        svg = vl_convert.vegalite_to_svg(specification(chart, layout), vl_version=version)
        found = re.search(r'<svg[^>]* height="([\d.]+)"', svg)
        heights.append(round(float(found[1])) if found else 0)
        with replacing(directory / f"{drawing.name}{layout.suffix}.svg") as temporary:
            temporary.write_text(svg, "utf-8")
        with replacing(directory / f"{drawing.name}{layout.suffix}.png") as temporary:
            temporary.write_bytes(vl_convert.svg_to_png(svg, scale=PNG_SCALE))
    return Saved(file_names(drawing.name), heights[0])


def specification(chart: Chart, layout: Layout) -> dict[str, Any]:
    """Return a chart as Vega-Lite, its rows under `datasets`, each named by a hash of its content."""
    with alt.data_transformers.enable("default", max_rows=None):
        made: dict[str, Any] = _themed(chart, layout).to_dict(validate=False)
    return made | {"params": [{"name": "own", "value": -1}]}


def _themed(chart: Chart, layout: Layout) -> Chart:
    """Apply the common look. Marks have no text for screen readers: the caption and the table do that."""
    font = layout.font
    made = (
        chart.properties(background=GROUND, padding=16 if layout.slide else 8)
        .configure(font=FONT, aria=False)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=INK, titleColor=INK, gridColor=FAINT, domain=False, ticks=False, labelFontSize=font,
            titleFontSize=font + 1, titleFontWeight="normal", labelPadding=5, titleLimit=layout.width,
        )
        .configure_axisY(grid=False)
        .configure_legend(
            labelColor=INK, titleColor=INK, titleFontWeight="normal", labelFontSize=font, titleFontSize=font + 1,
            titleLimit=layout.width,
        )
        .configure_title(
            color=INK, fontSize=20 if layout.slide else font + 1, fontWeight="bold", anchor="start", frame="group",
            limit=layout.width + layout.label if not layout.slide else layout.width - 32,
        )
    )  # fmt: skip
    return cast("Chart", made)
