"""Tokens at every vocabulary size, and the sizes that were chosen."""

from typing import Final

import altair as alt
import numpy as np
import polars as pl

from jobs.report.charts.look import (
    COLOURS,
    GROUND,
    INK,
    PLOT_WIDTH,
    Drawing,
    data,
    legend,
    sized,
)
from jobs.report.inputs import CurvesFound, ReportInputs
from jobs.report.wording import named
from operators.unicode.script_names import script_group

POINTS: Final = 80
"""Sizes at which a curve is drawn, evenly spaced in their logarithm."""
NAMED: Final = 6
"""Languages that are named at each end of the chart, besides the baseline."""
HEIGHT: Final = 420
NAME_PIXELS: Final = 11
"""Height of a name."""


def shared_curves(inputs: ReportInputs) -> Drawing | None:
    """One tokenizer at every size, in every language; where each reaches the target."""
    caption = "Tokens of the same text at every size of the vocabulary. The dashed line is the target"
    return _drawn("curves", inputs.curves, inputs, f"{caption}; a dot marks where a language reaches it.")


def own_curves(inputs: ReportInputs) -> Drawing | None:
    """A tokenizer for each language, at every size; the sizes at which all pay about the same."""
    caption = (
        "Tokens of the same text with a tokenizer for each language. Dots mark the sizes at which all come closest"
    )
    return _drawn("sweep", inputs.sweep, inputs, f"{caption} to the same number of tokens, the dashed line.")


def _drawn(name: str, found: CurvesFound | None, inputs: ReportInputs, caption: str) -> Drawing | None:
    if found is None or found.curves.is_empty():
        return None
    table, ends = _sampled(found, inputs)
    lowest, highest = float(table["vocabulary"].min()), float(table["vocabulary"].max())  # type: ignore[arg-type]
    x = alt.X(
        "vocabulary:Q", title="tokens in the vocabulary", axis=alt.Axis(format="~s", grid=True, tickCount=6),
        scale=alt.Scale(type="log", domain=[lowest, highest * 1.9], nice=False),
    )  # fmt: skip
    y = alt.Y(
        "tokens:Q", title="tokens of the text", axis=alt.Axis(format="~s", grid=True, tickCount=6),
        scale=alt.Scale(type="log", nice=False, zero=False),
    )  # fmt: skip
    groups = [group for group in COLOURS if group in set(table["group"].to_list())]
    scale = alt.Scale(domain=groups, range=[COLOURS[group] for group in groups])
    colour = alt.Color("group:N", scale=scale, legend=legend("script"))
    lines = (
        alt.Chart(data(table)).mark_line(strokeWidth=1.2, opacity=0.8)
        .encode(x=x, y=y, color=colour, detail="language:N")
    )  # fmt: skip
    layers: list[alt.Chart] = [lines]
    if found.target is not None:
        at = alt.Chart(alt.InlineData(values=[{"tokens": found.target}]))
        layers.append(at.mark_rule(color=INK, strokeDash=[4, 3]).encode(y="tokens:Q"))
    marks = found.marks.filter(pl.col("vocabulary").is_not_null() & (pl.col("vocabulary") <= highest))
    if len(marks):
        dots = alt.Chart(data(marks.select("vocabulary", "tokens")))
        layers.append(dots.mark_point(filled=True, size=26, color=INK, stroke=GROUND).encode(x=x, y=y))
    text = alt.Chart(data(ends)).encode(x=x, y=y, text="name:N")
    layers.append(text.mark_text(align="left", dx=5, fontSize=10, color=INK))
    return Drawing(name, caption, sized(alt.layer(*layers), height=HEIGHT).properties(width=PLOT_WIDTH + 60))


def _sampled(found: CurvesFound, inputs: ReportInputs) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The curves at POINTS sizes (language, group, vocabulary, tokens), and the ends that are named."""
    parts, last = [], []
    largest = int(found.curves["vocabulary"].max())  # type: ignore[arg-type]
    smallest = int(found.curves["vocabulary"].min())  # type: ignore[arg-type]
    grid = np.unique(np.geomspace(max(smallest, 1), largest, POINTS).round().astype(np.int64))
    for (language,), rows in found.curves.sort("language", "merges").group_by(["language"], maintain_order=True):
        sizes, tokens = rows["vocabulary"].to_numpy(), rows["tokens"].to_numpy()
        own = grid[grid >= sizes[0]]
        at = tokens[np.searchsorted(sizes, own, side="right") - 1]
        group = script_group(str(language))
        columns = pl.DataFrame({"vocabulary": own, "tokens": at})
        parts.append(columns.select(pl.lit(language).alias("language"), pl.lit(group).alias("group"), pl.all()))
        last.append({"language": language, "vocabulary": int(own[-1]), "tokens": int(at[-1])})
    ends = pl.DataFrame(last).sort("tokens", "language")
    chosen = {*ends["language"][:NAMED], *ends["language"][-NAMED:], inputs.baseline}
    ends = ends.filter(pl.col("language").is_in([one for one in chosen if one is not None]))
    table = pl.concat(parts)
    ends = _apart(ends, table)
    names = [named(language, inputs.names) for language in ends["language"].to_list()]
    return table, ends.with_columns(pl.Series("name", names, dtype=pl.String))


def _apart(ends: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    """Names moved up where they would lie on each other."""
    logs = np.log(ends["tokens"].to_numpy().astype(np.float64))
    least = float(np.ptp(np.log(table["tokens"].to_numpy()))) * NAME_PIXELS / HEIGHT
    for i in range(1, len(logs)):
        logs[i] = max(logs[i], logs[i - 1] + least)
    return ends.with_columns(tokens=np.exp(logs))
