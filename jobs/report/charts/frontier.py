"""Charts of a design: the frontier of all methods, and premiums before and after by language."""

from typing import Final

import altair as alt
import polars as pl

from jobs.report.charts.look import (
    FAINT,
    HUES,
    INK,
    PAGE,
    PHONE,
    SHAPES,
    SLIDE,
    Chart,
    Layout,
    bare,
    data,
    layered,
    legend,
    numbered,
    numbers,
    own_band,
    sized,
    x_axis,
)
from jobs.report.charts.specification import Drawing, Hover
from jobs.report.design import MEASURES, DesignFound, family, language_rows, method_names
from jobs.report.inputs import ReportInputs
from jobs.report.tables import described
from jobs.report.wording import named

HEIGHT: Final = 230


def frontier(inputs: ReportInputs) -> Drawing | None:
    """Draw every method by its tokens and its Gini coefficient, and by its worst premium; the chosen one is marked."""
    found = inputs.design
    if found is None:
        return None
    caption = (
        "Every method by the tokens that it takes beyond unweighted training (to the left is cheaper), its Gini "
        "coefficient above, its worst premium below (lower is fairer). The ring marks the tokenizer that was written; "
        "lines are 95 % intervals, on documents that the search did not see."
    )
    page, phone = (_stacked(found, layout) for layout in (PAGE, PHONE))
    heading = "Tokens and Gini coefficient of every method"
    slide = sized(_points(found, "gini", SLIDE), SLIDE, title=heading)
    hover = (
        Hover("at", "% more tokens", "+.2f"), Hover("value", "value", ".4f"), Hover("low", "95 % from", ".4f"),
        Hover("high", "to", ".4f"),
    )  # fmt: skip
    return Drawing("frontier", caption, page, phone, slide, hover)


def _stacked(found: DesignFound, layout: Layout) -> Chart:
    parts = [sized(_points(found, measure, layout), layout, HEIGHT) for measure in MEASURES]
    return alt.vconcat(*parts, spacing=14)


def _points(found: DesignFound, measure: str, layout: Layout) -> alt.LayerChart | alt.FacetChart:
    names = method_names(found.frontier)
    table = found.frontier.with_columns(
        method=pl.Series([names.index(family(row)) for row in found.frontier["method"]], dtype=pl.Int64),
        at=100 * pl.col("loss"),
        value=pl.col(measure),
        low=pl.col(f"{measure}_low"),
        high=pl.col(f"{measure}_high"),
    )
    columns = ("method", "at", "value", "low", "high")
    zero = alt.Scale(zero=False, nice=True)
    x = alt.X("at:Q", title="tokens beyond unweighted training, %", axis=x_axis("bottom", form="+.1f"), scale=zero)
    y = alt.Y("value:Q", title=MEASURES[measure], axis=alt.Axis(grid=True, tickCount=6), scale=zero)
    across = alt.X("at:Q", axis=None, scale=zero)
    colour = alt.Color("method:N", scale=numbers(names, HUES), legend=legend(None, layout, names))
    shape = alt.Shape("method:N", scale=numbers(names, SHAPES), legend=legend(None, layout, names))
    whole = alt.Chart(data(table, *columns))
    bounds = alt.Chart(data(table.filter(pl.col("low").is_not_null()), *columns))
    chosen = alt.Chart(data(table.filter("chosen"), *columns))
    return layered(
        [
            whole.mark_point(filled=True, size=70, opacity=1).encode(x=x, y=y, color=colour, shape=shape),
            bounds.mark_rule(color=INK, strokeWidth=1).encode(x=across, y=alt.Y("low:Q", scale=zero), y2="high:Q"),
            chosen.mark_point(filled=False, size=240, color=INK, strokeWidth=1.5).encode(
                x=across, y=alt.Y("value:Q", scale=zero)
            ),
        ]
    )


def premiums_before_and_after(inputs: ReportInputs) -> Drawing | None:
    """Draw each language's premium before and after, a line between the two, dearest before first."""
    if inputs.design is None:
        return None
    baseline = named(inputs.design.baseline, inputs.names)
    caption = (
        f"Premiums against {baseline} with unweighted training (open) and with the tokenizer that was written "
        "(filled), dearest before first."
    )
    page, phone, slide = (_dumbbells(inputs.design, inputs, layout) for layout in (PAGE, PHONE, SLIDE))
    hover = (Hover("premium_before", "before", ".3f"), Hover("premium_after", "after", ".3f"))
    return Drawing("design-premiums", caption, page, phone, slide, hover)


def _dumbbells(found: DesignFound, inputs: ReportInputs, layout: Layout) -> Chart:
    table = described(inputs, language_rows(found, inputs.names), "language")
    order = table["language"].to_list()
    table, rows = numbered(table, "language", order, layout)
    values = [*table["premium_before"].to_list(), *table["premium_after"].to_list()]
    scale = alt.Scale(domain=[min(values) - 0.03, max(values) + 0.03], nice=False, zero=False)
    baseline = named(found.baseline, inputs.names)
    x = alt.X("premium_before:Q", title=f"tokens for the same text, {baseline} = 1", axis=x_axis(), scale=scale)
    base = alt.Chart(data(table, "row", "place", "premium_before", "premium_after")).encode(y=rows.y())
    marks = [
        own_band(table, rows.y()),
        base.mark_rule(color=FAINT, strokeWidth=2).encode(x=x, x2="premium_after:Q"),
        base.mark_point(size=45, color=INK, filled=False, opacity=1).encode(x=bare("premium_before", scale)),
        base.mark_point(size=55, color=HUES[0], filled=True, opacity=1).encode(x=bare("premium_after", scale)),
    ]
    bottom = alt.X("at:Q", title=None, axis=x_axis("bottom"), scale=scale) if rows.tall else None
    return sized(layered(marks, bottom), layout, title="Premiums before and after")
