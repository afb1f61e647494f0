"""Charts of tokens at every vocabulary size, and of the sizes that were chosen."""

from typing import Final

import altair as alt
import numpy as np
import polars as pl

from jobs.report.charts.look import (
    COLOURS,
    GROUND,
    INK,
    PAGE,
    PHONE,
    SLIDE,
    Chart,
    Layout,
    data,
    legend,
    own_line,
    sized,
)
from jobs.report.charts.specification import Drawing, Hover
from jobs.report.inputs import CurvesFound, ReportInputs
from jobs.report.tables import described
from operators.unicode.script_names import script_group

POINTS: Final = 80
"""Sizes at which a curve is drawn, evenly spaced in their logarithm."""
NAMED: Final = 6
"""Languages that are named at each end of the chart, besides the baseline."""
HEIGHT: Final = 420
NAME_PIXELS: Final = 11
"""Height of a name."""


def shared_curves(inputs: ReportInputs) -> Drawing | None:
    """Draw one tokenizer at every size, in every language, and the size at which each reaches the target."""
    caption = "Tokens of the same text at every size of the vocabulary. The dashed line is the target"
    caption += "; a dot marks where a language reaches it."
    return _drawn("curves", inputs.curves, inputs, caption, "Tokens of the same text by vocabulary size")


def own_curves(inputs: ReportInputs) -> Drawing | None:
    """Draw a tokenizer for each language, at every size, and the sizes at which all pay about the same."""
    caption = (
        "Tokens of the same text with a tokenizer for each language. Dots mark the sizes at which all come closest "
        "to the same number of tokens, the dashed line."
    )
    return _drawn("sweep", inputs.sweep, inputs, caption, "Tokens of the same text, a tokenizer for each language")


def _drawn(name: str, found: CurvesFound | None, inputs: ReportInputs, caption: str, title: str) -> Drawing | None:
    if found is None or found.curves.is_empty():
        return None
    table, ends = _sampled(found, inputs)
    page, phone, slide = (_chart(found, inputs, table, ends, title, layout) for layout in (PAGE, PHONE, SLIDE))
    hover = (Hover("vocabulary", "tokens in the vocabulary", ",.0f"), Hover("tokens", "tokens of the text", ",.0f"))
    return Drawing(name, caption, page, phone, slide, hover)


def _chart(
    found: CurvesFound, inputs: ReportInputs, table: pl.DataFrame, ends: pl.DataFrame, title: str, layout: Layout
) -> Chart:
    lowest, highest = float(table["vocabulary"].min()), float(table["vocabulary"].max())  # type: ignore[arg-type]
    ticks = 6 if layout.width > 300 else 3
    x = alt.X(
        "vocabulary:Q", title="tokens in the vocabulary", axis=alt.Axis(format="~s", grid=True, tickCount=ticks),
        scale=alt.Scale(type="log", domain=[lowest, highest * 1.9], nice=False),
    )  # fmt: skip
    y = alt.Y(
        "tokens:Q", title="tokens of the text", axis=alt.Axis(format="~s", grid=True, tickCount=6),
        scale=alt.Scale(type="log", nice=False, zero=False),
    )  # fmt: skip
    groups = [group for group in COLOURS if group in set(table["group"].to_list())]
    scale = alt.Scale(domain=groups, range=[COLOURS[group] for group in groups])
    colour = alt.Color("group:N", scale=scale, legend=legend("script", layout))
    lines = alt.Chart(data(table, "place", "group", "vocabulary", "tokens")).mark_line(strokeWidth=1.2, opacity=0.8)
    own = own_line(table, "vocabulary", "tokens").encode(x=x, y=y)
    layers: list[alt.Chart] = [own, lines.encode(x=x, y=y, color=colour, detail="place:N")]
    if found.target is not None:
        at = alt.Chart(alt.InlineData(values=[{"tokens": found.target}]))
        layers.append(at.mark_rule(color=INK, strokeDash=[4, 3]).encode(y="tokens:Q"))
    marks = found.marks.filter(pl.col("vocabulary").is_not_null() & (pl.col("vocabulary") <= highest))
    if len(marks):
        marks = described(inputs, marks, "language")
        dots = alt.Chart(data(marks, "place", "vocabulary", "tokens"))
        layers.append(dots.mark_point(filled=True, size=26, color=INK, stroke=GROUND).encode(x=x, y=y))
    text = alt.Chart(data(ends, "place", "vocabulary", "tokens", "name")).encode(x=x, y=y, text="name:N")
    limit = 90 if layout.width < 300 else layout.label
    layers.append(text.mark_text(align="left", dx=5, fontSize=layout.font - 1, color=INK, limit=limit))
    page = PAGE._replace(width=PAGE.width + 60)
    return sized(alt.layer(*layers), page if layout is PAGE else layout, HEIGHT, title)


def _sampled(found: CurvesFound, inputs: ReportInputs) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the curves at POINTS sizes (place, group, vocabulary, tokens), and the ends that are named."""
    parts, last = [], []
    largest = int(found.curves["vocabulary"].max())  # type: ignore[arg-type]
    smallest = int(found.curves["vocabulary"].min())  # type: ignore[arg-type]
    grid = np.unique(np.geomspace(max(smallest, 1), largest, POINTS).round().astype(np.int64))
    by_language = found.curves.sort("language", "merges").group_by(["language"], maintain_order=True)
    for (language,), rows in by_language:
        sizes, tokens = rows["vocabulary"].to_numpy(), rows["tokens"].to_numpy()
        own = grid[grid >= sizes[0]]
        at = tokens[np.searchsorted(sizes, own, side="right") - 1]
        columns = pl.DataFrame({"vocabulary": own, "tokens": at})
        place, group = inputs.places[str(language)], script_group(str(language))
        parts.append(columns.with_columns(place=pl.lit(place), group=pl.lit(group)))
        last.append({"language": language, "vocabulary": int(own[-1]), "tokens": int(at[-1])})
    ends = pl.DataFrame(last).sort("tokens", "language")
    chosen = {*ends["language"][:NAMED], *ends["language"][-NAMED:], inputs.baseline}
    ends = ends.filter(pl.col("language").is_in([one for one in chosen if one is not None]))
    table = pl.concat(parts)
    ends = _apart(ends, table)
    return table, described(inputs, ends, "language")


def _apart(ends: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    """Move names up where they would overlap."""
    logs = np.log(ends["tokens"].to_numpy().astype(np.float64))
    least = float(np.ptp(np.log(table["tokens"].to_numpy()))) * NAME_PIXELS / HEIGHT
    for i in range(1, len(logs)):
        logs[i] = max(logs[i], logs[i - 1] + least)
    return ends.with_columns(tokens=np.exp(logs))
