"""Premium charts: bars by script, a map of tokenizers by languages, and the Lorenz curve."""

import math
from collections.abc import Sequence
from typing import Any, Final, Literal, cast

import altair as alt
import polars as pl

from jobs.report.charts.look import (
    COLOURS,
    DASHES,
    GROUND,
    HUES,
    INK,
    LOG_TICKS,
    ON_DEEP,
    ON_PALE,
    OWN,
    PAGE,
    PHONE,
    SHAPES,
    SLIDE,
    Chart,
    Layout,
    Rows,
    bare,
    data,
    figures,
    intervals,
    label_width,
    layered,
    legend,
    log_scale,
    log_ticks,
    numbered,
    numbers,
    own_band,
    sized,
    translated,
    x_axis,
)
from jobs.report.charts.specification import Drawing, Hover
from jobs.report.inputs import ReportInputs
from jobs.report.tables import counted, lorenz_table, premium_table
from jobs.report.wording import WIDEST, named

MOST_SYMBOLS: Final = len(SHAPES)
"""Tokenizers that have a symbol each; of more, the map says which is which."""
CELL_PIXELS: Final = 46
HOVER: Final = (Hover("premium", "premium", ".3f"), Hover("low", "95 % from", ".3f"), Hover("high", "to", ".3f"))
_SHOWN: Final = ("row", "place", "tokenizer_place", "premium", "low", "high")


def premiums(inputs: ReportInputs) -> Drawing | None:
    """Draw premiums by script, dearest first, on a logarithmic scale: a bar is the distance from parity, 1.

    For several tokenizers, draw points on a line from the cheapest to the dearest, by their geometric mean.
    """
    table = premium_table(inputs).filter(pl.col("premium") > 0)
    if table.is_empty():
        return None
    tokenizers = table["tokenizer"].unique().sort().to_list()
    baseline = named(inputs.baseline or "the baseline", inputs.names)
    caption = f"Token premiums of {counted(table, inputs)}, by script, dearest first. The dashed line at 1 is parity "
    caption += f"with {baseline}; the scale is logarithmic"
    if len(tokenizers) > 1:
        caption += "; a line runs from the cheapest to the dearest tokenizer"
        caption += ", each of which has a symbol" if len(tokenizers) <= MOST_SYMBOLS else ""
    elif table["informative"].any():
        caption += "; thin lines are 95 % intervals"
    wide = len(table.filter(pl.col("low").is_not_null() & ~pl.col("informative"))) if len(tokenizers) == 1 else 0
    if wide:
        caption += f" ({wide} wider than a factor of {WIDEST:g} not drawn)"
    title = f"tokens for the same text, {baseline} = 1"
    page = _by_script(table, tokenizers, title, PAGE)
    phone = _by_script(table, tokenizers, f"{baseline} = 1", PHONE)
    heading = f"Token premiums of {counted(table, inputs)}"
    slide = _ends(table, tokenizers, title, heading, SLIDE)
    return Drawing("premiums", f"{caption}.", page, phone, slide, HOVER)


def _by_script(table: pl.DataFrame, tokenizers: list[str], title: str, layout: Layout) -> Chart:
    """Stack a chart for each group of scripts, all on one scale."""
    scale = _scale(table, layout, several=len(tokenizers) > 1)
    width = label_width(table["name"].to_list(), layout)
    ticks = log_ticks(scale, layout)
    groups, parts = _groups(table), list[alt.LayerChart]()
    frame: Literal["bounds", "group"] = "bounds" if layout is PHONE else "group"
    tall = table["language"].n_unique() + len(groups) > 25
    for group, members in groups:
        axis = x_axis(values=ticks)
        x = alt.X("premium:Q", title=None if parts else title, axis=axis, scale=scale)
        members, rows = numbered(members, "language", _ordered(members), layout)
        rows = rows._replace(width=width)
        last = tall and len(parts) + 1 == len(groups)
        bottom = alt.X("at:Q", title=title, axis=x_axis("bottom", values=ticks), scale=scale) if last else None
        drawn = _marks(members, x, rows, tokenizers, scale, layout)
        part = sized(layered(drawn, bottom), layout)
        parts.append(part.properties(title=alt.Title(group, offset=12 if parts else 4, frame=frame)))
    return alt.vconcat(*parts, spacing=6)


def _ends(table: pl.DataFrame, tokenizers: list[str], title: str, heading: str, layout: Layout) -> Chart:
    """Draw the dearest and the cheapest languages of all scripts together."""
    order = _ordered(table)
    shown, rows = numbered(table, "language", order, layout)
    scale = _scale(shown, layout, several=len(tokenizers) > 1)
    x = alt.X("premium:Q", title=title, axis=x_axis(values=log_ticks(scale, layout)), scale=scale)
    if len(rows.names) < len(order):
        heading += f": the {layout.ends} dearest, the {layout.ends} cheapest"
    drawn = _marks(shown, x, rows, tokenizers, scale, layout)
    return sized(layered(drawn), layout, title=heading)


def _scale(table: pl.DataFrame, layout: Layout, *, several: bool) -> alt.Scale:
    """Scale with room for what is drawn; intervals that say nothing are not."""
    amounts = table["premium"].to_list()
    if not several:
        informative = table.filter("informative")
        amounts += [*informative["low"], *informative["high"]]
    return log_scale(amounts, 1.3 if layout.slide and not several else 1.05)


def _groups(table: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    """Return groups of scripts and their rows, the group with the dearest middle first."""
    middles = table.group_by("group").agg(pl.col("premium").median()).sort("premium", "group", descending=[True, False])
    return [(group, table.filter(pl.col("group") == group)) for group in middles["group"].to_list()]


def _ordered(table: pl.DataFrame) -> list[str]:
    """Return languages, dearest first."""
    means = table.group_by("language", "name").agg(pl.col("premium").log().mean())
    return means.sort("premium", "name", "language", descending=[True, False, False])["language"].to_list()


def _parity(scale: alt.Scale) -> alt.Chart:
    rule = alt.Chart(alt.InlineData(values=[{"at": 1}])).mark_rule(color=INK, strokeDash=[4, 3])
    return cast("alt.Chart", rule.encode(x=bare("at", scale)))


def _marks(
    table: pl.DataFrame, x: alt.X, rows: Rows, tokenizers: list[str], scale: alt.Scale, layout: Layout
) -> list[alt.Chart]:
    if len(tokenizers) == 1:
        return _bars(table, x, rows, scale, layout)
    return _points(table, x, rows, tokenizers, scale, layout)


def _bars(table: pl.DataFrame, x: alt.X, rows: Rows, scale: alt.Scale, layout: Layout) -> list[alt.Chart]:
    end = pl.when("informative").then(pl.max_horizontal(pl.lit(1.0), "premium", "high"))
    table = table.with_columns(
        start=pl.lit(1.0),
        end=end.otherwise(pl.max_horizontal(pl.lit(1.0), "premium")),
        text=figures(table["premium"].to_list()),
    )
    y = rows.y()
    base = alt.Chart(data(table, *_SHOWN, "start", "group")).encode(y=y)
    present = [group for group in COLOURS if group in set(table["group"].to_list())]
    if layout.slide:  # elsewhere each group has a chart, with the group as its title
        scheme = alt.Scale(domain=present, range=[COLOURS[group] for group in present])
        base = base.encode(color=alt.Color("group:N", legend=legend(None, layout), scale=scheme))
        bars = base.mark_bar(height={"band": 0.74})
    else:
        bars = base.mark_bar(height={"band": 0.74}, color=COLOURS[present[0]])
    bars = bars.encode(x=x, x2="start:Q")
    base = alt.Chart(data(table, *_SHOWN, "end", "text")).encode(y=y)
    texts = base.mark_text(align="left", dx=5, fontSize=layout.font - 1, color=INK)
    return [own_band(table, y), bars, *intervals(table.filter("informative"), y, scale), _parity(scale),
            texts.encode(x=bare("end", scale), text="text:N")]  # fmt: skip


def _points(
    table: pl.DataFrame, x: alt.X, rows: Rows, tokenizers: list[str], scale: alt.Scale, layout: Layout
) -> list[alt.Chart]:
    ends = table.group_by("row", "place").agg(low=pl.col("premium").min(), high=pl.col("premium").max()).sort("row")
    y = rows.y()
    span = alt.Chart(data(ends, "row", "place", "low", "high")).mark_rule(color="#9aa3ad", strokeWidth=2)
    span = span.encode(y=y, x=bare("low", scale), x2="high:Q")
    base = alt.Chart(data(_with_number(table, tokenizers), *_SHOWN, "number")).encode(y=y)
    behind = [own_band(table, y), _parity(scale), span]
    if len(tokenizers) > MOST_SYMBOLS:
        points = base.mark_point(size=16, filled=True, color=INK, opacity=0.75).encode(x=x)
        return [*behind, points]
    key = legend("tokenizer", layout, tokenizers)
    points = base.mark_point(size=48, filled=True, opacity=0.9).encode(
        x=x,
        color=alt.Color("number:N", scale=numbers(tokenizers, HUES), legend=key),
        shape=alt.Shape("number:N", scale=numbers(tokenizers, SHAPES), legend=key),
    )
    return [*behind, points]


def _with_number(table: pl.DataFrame, tokenizers: Sequence[str]) -> pl.DataFrame:
    """Add the column `number`, the place of each row's tokenizer."""
    places = {name: number for number, name in enumerate(tokenizers)}
    return table.with_columns(number=pl.Series([places[name] for name in table["tokenizer"]], dtype=pl.Int64))


def premium_map(inputs: ReportInputs) -> Drawing | None:
    """Draw tokenizers by languages, dark where text is dear: readable without colour too."""
    table = premium_table(inputs).filter(pl.col("premium") > 0)
    means = table.group_by("tokenizer").agg(pl.col("premium").log().mean()).sort("premium", "tokenizer")
    tokenizers = means["tokenizer"].to_list()
    if len(tokenizers) < 2:
        return None
    caption = f"Premiums of {counted(table, inputs)} with {len(tokenizers)} tokenizers, the cheapest on average first; "
    caption += "languages by script, dearest first. The darker, the dearer."
    by_script = [language for _, members in _groups(table) for language in _ordered(members)]
    page, phone = (_map(table, tokenizers, by_script, layout) for layout in (PAGE, PHONE))
    heading = f"Token premiums of {counted(table, inputs)} with {len(tokenizers)} tokenizers"
    slide = _map(table, tokenizers, _ordered(table), SLIDE, heading)
    return Drawing("premium-map", caption, page, phone, slide, HOVER)


def _map(table: pl.DataFrame, tokenizers: list[str], order: list[str], layout: Layout, heading: str = "") -> Chart:
    table, rows = numbered(table, "language", order, layout)
    domain = [1.0, max(float(table["premium"].max()), 1.01)]  # type: ignore[arg-type]
    dark = math.exp(0.45 * math.log(domain[1]))
    table = _with_number(table, tokenizers).with_columns(
        shade=pl.col("premium").clip(*domain),
        text=pl.Series([_short(value) for value in table["premium"].to_list()], dtype=pl.String),
    )

    columns = alt.Scale(domain=list(range(len(tokenizers)))) if layout.slide else alt.Scale()

    def x(field: str, orient: Literal["top", "bottom"]) -> alt.X:
        axis = alt.Axis(orient=orient, labelAngle=-40, labelLimit=160 if layout.width > 300 else 110,
                        labelOverlap=False, labelExpr=translated(tokenizers))  # fmt: skip
        return alt.X(f"{field}:O", title=None, axis=axis, scale=columns)

    y = rows.y()
    values = [at for at in LOG_TICKS if 1 <= at <= domain[1]]
    key = alt.Legend(orient="top", title="premium", gradientLength=min(220, layout.width), values=values, format="~g")
    shade = alt.Color("shade:Q", legend=key, scale=alt.Scale(type="log", scheme="viridis", reverse=True, domain=domain))
    cells = (
        alt.Chart(data(table, *_SHOWN, "number", "shade"))
        .mark_rect(stroke=GROUND, strokeWidth=0.5)
        .encode(x=x("number", "top"), y=y, color=shade)
    )
    light, deep = table.filter(pl.col("premium") <= dark), table.filter(pl.col("premium") > dark)
    across = alt.X("number:O", axis=None, scale=columns)
    texts = [
        alt.Chart(data(part, *_SHOWN, "number", "text"))
        .mark_text(fontSize=layout.font - 2, color=colour)
        .encode(x=across, y=y, text="text:N")
        for part, colour in ((light, ON_PALE), (deep, ON_DEEP))
    ]
    chart = layered([cells, *texts, own_band(table, y, framed=True)], x("at", "bottom") if rows.tall else None)
    if layout.slide:
        return sized(chart, layout, title=heading)
    cell = CELL_PIXELS if layout.width > 300 else 30
    return chart.properties(width=cell * len(tokenizers), height=alt.Step(layout.row - 2))


def _short(value: float) -> str:
    return f"{value:.1f}" if value < 9.95 else f"{value:.0f}"


def lorenz(inputs: ReportInputs) -> Drawing | None:
    """Draw languages from the cheapest to the dearest against their share of all tokens."""
    table = lorenz_table(inputs)
    if table.is_empty():
        return None
    caption = (
        "Lorenz curve of the tokens that the same text takes: the dashed line is where all languages pay the same, "
        "and the further below it, the more unequal. The Gini coefficient is twice the area between."
    )
    page, phone, slide = (_lorenz(table, layout) for layout in (PAGE, PHONE, SLIDE))
    hover = (Hover("languages", "languages", ".1%"), Hover("tokens", "tokens", ".1%"))
    return Drawing("lorenz", caption, page, phone, slide, hover)


def _lorenz(table: pl.DataFrame, layout: Layout) -> Chart:
    ginis = dict(table.select("tokenizer", "gini").unique().sort("gini", "tokenizer").iter_rows())
    tokenizers = [*ginis]
    names = [f"{name}: {gini:.3f}" for name, gini in ginis.items()]
    key = legend("tokenizer: Gini coefficient", layout, names)
    share: Any = alt.Axis(format=".0%", tickCount=6, grid=True)
    whole = alt.Scale(domain=[0, 1], nice=False)
    lines = (
        alt.Chart(data(_with_number(table, tokenizers), "tokenizer_place", "number", "languages", "tokens"))
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X("languages:Q", title="share of languages, cheapest first", axis=share, scale=whole),
            y=alt.Y("tokens:Q", title="share of tokens", axis=share, scale=whole),
            color=alt.Color("number:N", scale=numbers(tokenizers, HUES), legend=key),
            strokeDash=alt.StrokeDash("number:N", scale=numbers(tokenizers, DASHES), legend=key),
            order="languages:Q",
        )
    )  # fmt: skip
    even = [{"languages": at, "tokens": at} for at in (0, 1)]
    parity = (
        alt.Chart(alt.InlineData(values=even)).mark_line(color=INK, strokeWidth=1, strokeDash=[4, 3])
        .encode(x="languages:Q", y="tokens:Q")
    )  # fmt: skip
    height = round(layout.width * (0.6 if layout.width > 300 else 1))
    followed = alt.Chart(data(table.drop_nulls("place"), "place", "tokenizer_place", "languages", "tokens"))
    own = followed.transform_filter("datum.place == own").mark_point(
        filled=True, size=90, color=OWN, stroke=INK, opacity=1
    ).encode(x="languages:Q", y="tokens:Q")  # fmt: skip
    return sized(alt.layer(parity, lines, own), layout, height, "Inequality of tokens between languages")
