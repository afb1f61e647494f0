"""Layouts, axes and colours that the charts share (Vega-Lite through Altair).

Names from data never become keys of objects in a specification: rows, lines and colours are numbered, and axes and
legends translate the numbers. Vega keeps groups in plain JavaScript objects, in which a language called `constructor`
or `__proto__` would meet a property that every object has.
"""

import json
from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple, cast

import altair as alt
import polars as pl

from jobs.report.wording import times
from operators.unicode.script_names import UNKNOWN

LOG_TICKS: Final = [0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 4, 6, 8, 10, 15, 20, 30, 50, 100, 200, 500, 1000]
INK: Final = "#1d232b"
FAINT: Final = "#d9dde2"
GROUND: Final = "#ffffff"
DOUBTFUL: Final = "#8a8a8a"
"""Colour of values that cannot be trusted."""
HUES: Final = ["#0072b2", "#d55e00", "#009e73", "#22325c", "#e69f00", "#9a5ea1"]
SHAPES: Final = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"]
DASHES: Final = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [10, 4], [4, 2, 1, 2, 1, 2]]
COLOURS: Final[dict[str, str]] = {
    "Latin": "#0072b2",
    "Cyrillic, Greek, Armenian, Georgian": "#d55e00",
    "Arabic, Hebrew": "#22325c",
    "Indic and Southeast Asian": "#e69f00",
    "Chinese, Japanese, Korean": "#009e73",
    "Other scripts": "#9a5ea1",
    UNKNOWN: "#8a8a8a",
}
"""Group of scripts to its colour: after Okabe and Ito, for eyes that confuse colours too."""
ON_PALE: Final = "#1c222a"
ON_DEEP: Final = "#fefefe"
"""Colours of texts on a mark, which stay as they are on a dark ground."""
OWN: Final = "#ffd84d"
"""Colour behind the language that the reader follows."""
TALL: Final = 25
"""Rows above which a chart repeats its axis at the bottom."""

Layers = alt.LayerChart | alt.FacetChart
"""Type of `alt.layer(...)`; it is never a facet."""
Chart = alt.LayerChart | alt.VConcatChart | alt.FacetChart


class Layout(NamedTuple):
    """Sizes of a chart, in pixels, for one place where it is shown."""

    suffix: str
    """End of the file's name, after the chart's name."""
    width: int
    """Width of the plot without labels; for slides, of the whole picture."""
    height: int | None
    """Height of the whole picture; None: it depends on the rows."""
    label: int
    """Largest width of a language's name, in pixels."""
    row: int = 15
    """Height of a language's row."""
    ends: int | None = None
    """Rows shown from each end of the order; None shows all."""
    font: int = 11

    @property
    def slide(self) -> bool:
        """True for a picture of fixed size."""
        return self.height is not None


_SYMBOL: Final = 30
"""Pixels of a symbol and the spaces beside it in a legend."""
PAGE: Final = Layout("", 520, None, 230)
PHONE: Final = Layout("-phone", 178, None, 104, font=10)
SLIDE: Final = Layout("-slide", 960, 540, 230, ends=10, font=13)


def intervals(table: pl.DataFrame, y: alt.Y, scale: alt.Scale) -> list[alt.Chart]:
    """Rules from low to high, dark on a light edge: visible on a bar of any colour."""
    base = alt.Chart(data(table, "row", "place", "low", "high")).encode(y=y, x=bare("low", scale), x2="high:Q")
    return [base.mark_rule(color=colour, strokeWidth=width) for colour, width in ((GROUND, 4), (INK, 1.5))]


def own_band(table: pl.DataFrame, y: alt.Y, *, framed: bool = False) -> alt.Chart:
    """Band behind the row of the language that the reader follows, or a frame around it.

    The page sets the parameter `own` to the language's number.
    """
    rows = table.select("row", "place").unique(maintain_order=True)
    base = alt.Chart(data(rows, "row", "place")).transform_filter("datum.place == own")
    look: dict[str, Any] = (
        {"fillOpacity": 0, "stroke": INK, "strokeWidth": 2} if framed else {"color": OWN, "opacity": 0.55}
    )
    return cast("alt.Chart", base.mark_rect(**look).encode(y=y))


def own_line(table: pl.DataFrame, x: str, y: str) -> alt.Chart:
    """Broad line behind that of the language that the reader follows, through columns x and y."""
    base = alt.Chart(data(table, "place", x, y)).transform_filter("datum.place == own")
    return cast("alt.Chart", base.mark_line(color=OWN, strokeWidth=8))


class _Rows(alt.InlineData):
    """Rows that are never changed, so that copies of a chart share them; Altair would copy each value."""

    def __deepcopy__(self, _: object) -> "_Rows":
        return self


def data(table: pl.DataFrame, *columns: str) -> alt.InlineData:
    """Return these columns of a table, by row, as data of a chart.

    The page reads two columns of any chart: `place`, the number of the row's language on the page, and
    `tokenizer_place`. It leaves out the rows that the reader did not choose.
    """
    return _Rows(values=table.select(columns).to_dicts())


def bare(field: str, scale: alt.Scale) -> alt.X:
    """x without an axis of its own, for a layer beside the one that draws the axis."""
    return alt.X(f"{field}:Q", axis=None, scale=scale)


class Rows(NamedTuple):
    """Rows of a chart in their order, by number; names are labels only."""

    names: list[str]
    """Shown beside each row."""
    layout: Layout
    width: int | None = None
    """Pixels of the names, where charts must align."""

    def y(self) -> alt.Y:
        """Encoding of the column `row`; every name of a row that has data is shown, on slides the gap between too."""
        axis = alt.Axis(labelOverlap=False, labelLimit=self.layout.label, labelExpr=translated(self.names))
        if self.width is not None:
            axis["minExtent"] = axis["maxExtent"] = self.width
        scale = alt.Scale(domain=list(range(len(self.names)))) if self.layout.slide else alt.Scale()
        return alt.Y("row:O", title=None, axis=axis, scale=scale)

    @property
    def tall(self) -> bool:
        """True where a reader at the bottom does not see the top."""
        return len(self.names) > TALL and not self.layout.slide


def numbered(table: pl.DataFrame, column: str, order: Sequence[str], layout: Layout) -> tuple[pl.DataFrame, Rows]:
    """Add the column `row`, the place of `column` in `order`; where a layout shows the ends only, drop the middle.

    Rows are labelled with the column `name`; a row between the ends says how many are left out.
    """
    ends = layout.ends
    shown: list[str | None] = [*order]
    if ends is not None and len(order) > 2 * ends + 1:
        shown = [*order[:ends], None, *order[-ends:]]
    places = {code: row for row, code in enumerate(shown) if code is not None}
    found = [places.get(code) for code in table[column].to_list()]
    kept = table.with_columns(row=pl.Series(found, dtype=pl.Int64)).filter(pl.col("row").is_not_null())
    names = dict(table.select(column, "name").iter_rows())
    between = f"… {len(order) - len(places)} between …"
    return kept, Rows([between if code is None else names[code] for code in shown], layout)


def translated(names: Sequence[str]) -> str:
    """Return a Vega expression that turns the number of an axis or legend label into its name.

    Vega looks up the names in a plain object, which has properties of its own, such as `constructor`. A letter before
    each name keeps the names apart from these; the expression cuts it off again.
    """
    return f"slice({json.dumps([f'-{name}' for name in names])}[datum.value], 1)"


def label_width(names: Sequence[str], layout: Layout) -> int:
    """Pixels for the longest of these names, at most the layout's; scripts differ, so the guess is generous."""
    return min(layout.label, 12 + 7 * max(map(len, names), default=0))


def x_axis(
    orient: Literal["top", "bottom"] = "top", form: str | None = None, values: list[float] | None = None
) -> alt.Axis:
    """x axis; at the top by default, since charts are taller than a screen."""
    axis = alt.Axis(orient=orient, tickCount=6, grid=orient == "top")
    if form is not None:
        axis["format"] = form
    if values is not None:
        axis["values"] = values
    return axis


def layered(layers: Sequence[alt.Chart], bottom: alt.X | None = None) -> Layers:
    """Layers, of which those with an axis draw it; `bottom`, of the field `at`, is the same scale once more, below."""
    if bottom is not None:
        ghost = alt.Chart(alt.InlineData(values=[{"at": 1}])).mark_point(opacity=0, size=0)
        layers = [*layers, ghost.encode(x=bottom)]
    return cast("Layers", alt.layer(*layers).resolve_axis(x="independent"))


def log_ticks(scale: alt.Scale, layout: Layout) -> list[float]:
    """Ticks of a logarithmic scale that fit its width."""
    low, high = scale.domain
    ticks = [at for at in LOG_TICKS if low <= at <= high]
    most = max(4, layout.width // 36)
    step = -(-len(ticks) // most)
    at_one = ticks.index(1) if 1 in ticks else 0
    return [at for i, at in enumerate(ticks) if (i - at_one) % step == 0]


def log_scale(amounts: Sequence[float], room: float = 1.05) -> alt.Scale:
    """Logarithmic scale for these amounts and 1; `room`: factor between the largest and the end of the scale."""
    positive = [amount for amount in (*amounts, 1.0) if amount > 0]
    return alt.Scale(type="log", domain=[min(positive) / 1.05, max(positive) * room], nice=False)


def linear_scale(amounts: Sequence[float]) -> alt.Scale:
    """Scale from zero, for amounts whose lengths are compared."""
    return alt.Scale(domain=[0, max(amounts, default=0.0) * 1.04 or 1.0], nice=False, zero=True)


def legend(title: str | None, layout: Layout, names: Sequence[str] | None = None) -> alt.Legend:
    """Legend above the chart: it covers nothing. `names`: labels of the numbers 0, 1, ...; long ones take fewer
    columns, and are cut in the middle where one column is too narrow.
    """
    columns = 4 if layout.slide else 2 if layout.width > 300 else 1
    room, letter = layout.width if layout.slide else layout.width + layout.label, 7 * layout.font / 11
    widest = letter * max(map(len, names or []), default=0)
    gap = 10 + round(widest / 6)  # a reader's font may be wider than that which the columns are measured with
    if names is not None:
        longest = widest + gap + _SYMBOL
        columns = max(1, min(columns, int(room / longest)))
    limit = room // columns - _SYMBOL
    key = alt.Legend(
        orient="top", title=title, columns=columns, columnPadding=gap, symbolSize=90, labelLimit=limit
    )  # fmt: skip
    if names is not None:
        key["labelExpr"] = translated(shortened(names, int(limit / letter)))
    return key


def shortened(names: Sequence[str], most: int) -> list[str]:
    """Return names of about `most` characters, cut in the middle; those that are then equal begin with their numbers.

    >>> shortened(["gpt2", "runs/monday/a/tokenizer", "runs/sunday/b/tokenizer"], 12)
    ['gpt2', '2: runs/…enizer', '3: runs/…enizer']
    """
    cut = [name if len(name) <= most else f"{name[: most // 2 - 1]}…{name[-(most // 2) :]}" for name in names]
    return [f"{i + 1}: {one}" if cut.count(one) > 1 else one for i, one in enumerate(cut)]


def numbers(names: Sequence[Any], values: Sequence[Any]) -> alt.Scale:
    """Scale from the numbers of names to values, from the first again where there are not enough."""
    return alt.Scale(domain=list(range(len(names))), range=[values[i % len(values)] for i in range(len(names))])


def sized(chart: Layers, layout: Layout, height: int | None = None, title: str = "") -> alt.LayerChart:
    """Give a chart its layout's width, and the height of its rows or `height`; slides have a size and a `title`."""
    if layout.slide:
        fit = alt.AutoSizeParams(type="fit", contains="padding")
        made = chart.properties(width=layout.width, height=layout.height, autosize=fit, title=title)
    else:
        made = chart.properties(width=layout.width, height=alt.Step(layout.row) if height is None else height)
    return cast("alt.LayerChart", made)


def figures(values: Sequence[float]) -> pl.Series:
    """Texts of ratios, to three significant digits."""
    return pl.Series([times(value) for value in values], dtype=pl.String)
