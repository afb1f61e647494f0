"""What each language pays: rows by script, a map of tokenizers by languages, and how unevenly it is spread."""

import math
from typing import Any, Final

import altair as alt
import polars as pl

from jobs.report.charts.look import (
    COLOURS,
    DASHES,
    GROUND,
    HUES,
    INK,
    LOG_TICKS,
    PLOT_WIDTH,
    ROW_PIXELS,
    SHAPES,
    Drawing,
    cycled,
    data,
    intervals,
    label_width,
    legend,
    log_scale,
    rows,
    sized,
    top_axis,
)
from jobs.report.inputs import ReportInputs
from jobs.report.tables import lorenz_table, premium_table
from jobs.report.wording import named, times

TOLD_APART: Final = len(SHAPES)
"""Tokenizers that have a symbol each; of more, the map says which is which."""
CELL_PIXELS: Final = 46


def premiums(inputs: ReportInputs) -> Drawing | None:
    """By script, dearest first, on a logarithmic scale: a bar begins at 1 and shows how far a language is from parity.

    For several tokenizers points on a line from the cheapest to the dearest, sorted by their geometric mean.
    """
    table = premium_table(inputs).filter(pl.col("premium") > 0)
    if table.is_empty():
        return None
    tokenizers = table["tokenizer"].unique().sort().to_list()
    baseline = named(inputs.baseline or "the baseline", inputs.names)
    scale = log_scale(table)
    width = label_width(table["name"].to_list())
    parts: list[alt.LayerChart] = []
    for group, members in _groups(table):
        title = f"tokens for the same text, {baseline} = 1" if not parts else None
        axis = top_axis(values=[at for at in LOG_TICKS if scale.domain[0] <= at <= scale.domain[1]])
        axis["labels"] = not parts
        x = alt.X("premium:Q", title=title, axis=axis, scale=scale)
        y = rows(_ordered(members), width)
        drawn = _bars(members, x, y, group) if len(tokenizers) == 1 else _points(members, x, y, tokenizers)
        parts.append(sized(alt.layer(*drawn)).properties(title=alt.Title(group, offset=4 if parts else 12)))
    known = table.filter(pl.col("low").is_not_null() & pl.col("high").is_not_null())
    names = table["name"].n_unique()
    caption = f"Token premiums of {names} languages, by script, dearest first. The dashed line at 1 is parity with "
    caption += f"{baseline}; the scale is logarithmic"
    if len(tokenizers) > 1:
        caption += "; a line runs from the cheapest to the dearest tokenizer"
        caption += ", each of which has a symbol" if len(tokenizers) <= TOLD_APART else ""
    elif len(known):
        caption += "; thin lines are 95 % intervals"
    return Drawing("premiums", f"{caption}.", alt.vconcat(*parts, spacing=6))


def _groups(table: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    """Scripts and their rows, the group with the dearest middle first."""
    middles = table.group_by("group").agg(pl.col("premium").median()).sort("premium", "group", descending=[True, False])
    return [(group, table.filter(pl.col("group") == group)) for group in middles["group"].to_list()]


def _ordered(table: pl.DataFrame) -> list[str]:
    """Names, dearest first."""
    order = table.group_by("name").agg(pl.col("premium").log().mean()).sort("premium", "name", descending=[True, False])
    return order["name"].to_list()


def _parity() -> alt.Chart:
    rule: alt.Chart = (
        alt.Chart(alt.InlineData(values=[{"at": 1}])).mark_rule(color=INK, strokeDash=[4, 3]).encode(x="at:Q")
    )
    return rule


def _bars(table: pl.DataFrame, x: alt.X, y: alt.Y, group: str) -> list[alt.Chart]:
    table = table.with_columns(
        start=pl.lit(1.0),
        end=pl.max_horizontal(pl.lit(1.0), "premium", "high"),
        text=pl.Series([times(value) for value in table["premium"].to_list()], dtype=pl.String),
    )
    base = alt.Chart(data(table)).encode(y=y)
    bars = base.mark_bar(height={"band": 0.74}, color=COLOURS[group]).encode(x=x, x2="start:Q")
    figures = base.mark_text(align="left", dx=5, fontSize=10, color=INK).encode(x="end:Q", text="text:N")
    known = table.filter(pl.col("low").is_not_null() & pl.col("high").is_not_null() & (pl.col("low") > 0))
    return [bars, *intervals(known, y), _parity(), figures]


def _points(table: pl.DataFrame, x: alt.X, y: alt.Y, tokenizers: list[str]) -> list[alt.Chart]:
    ends = table.group_by("name").agg(low=pl.col("premium").min(), high=pl.col("premium").max()).sort("name")
    span = alt.Chart(data(ends)).mark_rule(color="#9aa3ad", strokeWidth=2).encode(y=y, x="low:Q", x2="high:Q")
    base = alt.Chart(data(table)).encode(y=y)
    if len(tokenizers) > TOLD_APART:
        points = base.mark_point(size=16, filled=True, color=INK, opacity=0.75).encode(x=x)
        return [_parity(), span, points]
    key = legend("tokenizer")
    colours = alt.Scale(domain=tokenizers, range=cycled(HUES, len(tokenizers)))
    shapes = alt.Scale(domain=tokenizers, range=cycled(SHAPES, len(tokenizers)))
    points = base.mark_point(size=48, filled=True, opacity=0.9).encode(
        x=x,
        color=alt.Color("tokenizer:N", scale=colours, legend=key),
        shape=alt.Shape("tokenizer:N", scale=shapes, legend=key),
    )
    return [_parity(), span, points]


def premium_map(inputs: ReportInputs) -> Drawing | None:
    """Tokenizers by languages, dark where text is dear: told apart without colour too."""
    table = premium_table(inputs).filter(pl.col("premium") > 0)
    means = table.group_by("tokenizer").agg(pl.col("premium").log().mean()).sort("premium", "tokenizer")
    tokenizers = means["tokenizer"].to_list()
    if len(tokenizers) < 2:
        return None
    order = [name for _, members in _groups(table) for name in _ordered(members)]
    highest = float(table["premium"].max())  # type: ignore[arg-type]
    domain = [1.0, max(highest, 1.01)]
    dark = math.exp(0.45 * math.log(domain[1]))
    table = table.with_columns(
        shade=pl.col("premium").clip(*domain),
        text=pl.Series([_short(value) for value in table["premium"].to_list()], dtype=pl.String),
    )
    x = alt.X(
        "tokenizer:N", sort=tokenizers, title=None,
        axis=alt.Axis(orient="top", labelAngle=-40, labelLimit=160, labelOverlap=False),
    )  # fmt: skip
    y = rows(order)
    values = [at for at in LOG_TICKS if 1 <= at <= domain[1]]
    key = alt.Legend(orient="top", title="premium", gradientLength=220, values=values, format="~g")
    shade = alt.Color("shade:Q", legend=key, scale=alt.Scale(type="log", scheme="viridis", reverse=True, domain=domain))
    cells = alt.Chart(data(table)).mark_rect(stroke=GROUND, strokeWidth=0.5).encode(x=x, y=y, color=shade)
    light, deep = table.filter(pl.col("premium") <= dark), table.filter(pl.col("premium") > dark)
    figures = [
        alt.Chart(data(part)).mark_text(fontSize=9, color=colour).encode(x=x, y=y, text="text:N")
        for part, colour in ((light, INK), (deep, GROUND))
    ]
    chart = alt.layer(cells, *figures)
    chart = chart.properties(width=CELL_PIXELS * len(tokenizers), height=alt.Step(ROW_PIXELS - 2))
    caption = f"Premiums of {len(order)} languages with {len(tokenizers)} tokenizers, the cheapest on average first; "
    return Drawing("premium-map", caption + "languages by script, dearest first. The darker, the dearer.", chart)


def _short(value: float) -> str:
    return f"{value:.1f}" if value < 9.95 else f"{value:.0f}"


def lorenz(inputs: ReportInputs) -> Drawing | None:
    """Languages from the cheapest to the dearest, and the share of all tokens that falls to them."""
    table = lorenz_table(inputs)
    if table.is_empty():
        return None
    ginis = dict(table.select("tokenizer", "gini").unique().sort("gini", "tokenizer").iter_rows())
    tokenizers = [f"{name}: {gini:.3f}" for name, gini in ginis.items()]
    table = table.with_columns(
        label=pl.Series([f"{name}: {ginis[name]:.3f}" for name in table["tokenizer"].to_list()], dtype=pl.String)
    )
    key = legend("tokenizer: Gini coefficient")
    share: Any = alt.Axis(format=".0%", tickCount=6, grid=True)
    whole = alt.Scale(domain=[0, 1], nice=False)
    colours = alt.Scale(domain=tokenizers, range=cycled(HUES, len(tokenizers)))
    dashes = alt.Scale(domain=tokenizers, range=cycled(DASHES, len(tokenizers)))
    lines = (
        alt.Chart(data(table))
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X("languages:Q", title="share of languages, cheapest first", axis=share, scale=whole),
            y=alt.Y("tokens:Q", title="share of tokens", axis=share, scale=whole),
            color=alt.Color("label:N", scale=colours, legend=key),
            strokeDash=alt.StrokeDash("label:N", scale=dashes, legend=key),
            order="languages:Q",
        )
    )  # fmt: skip
    even = [{"languages": at, "tokens": at} for at in (0, 1)]
    parity = (
        alt.Chart(alt.InlineData(values=even)).mark_line(color=INK, strokeWidth=1, strokeDash=[4, 3])
        .encode(x="languages:Q", y="tokens:Q")
    )  # fmt: skip
    caption = (
        "Lorenz curve of the tokens that the same text takes: the dashed line is where all languages pay the same, "
    )
    caption += "and the further below it, the more unequal. The Gini coefficient is twice the area between."
    return Drawing("lorenz", caption, sized(alt.layer(parity, lines), height=round(PLOT_WIDTH * 0.6)))
