"""Results of a training benchmark: kept as JSON, shown as Markdown and drawn as a chart."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import altair as alt
import msgspec

from benchmarks.peers import Agreement
from benchmarks.processes import Run

INK, FAINT, GROUND = "#1d232b", "#d9dde2", "#ffffff"
OURS, OURS_ON_RAY, THEIRS = "#0072b2", "#7db8dd", "#9aa3ad"
FONT: Final = "Arial, Helvetica, 'Liberation Sans', sans-serif"
PLOT_WIDTH, ROW_PIXELS, LABEL_PIXELS, PNG_SCALE = 560, 24, 190, 2.0
ROOM_FOR_WORDS: Final = 1.42
"""The axis ends at so many times the longest bar: what stands beside that bar must fit."""


@dataclass(frozen=True)
class Machine:
    """Machine of the measurement."""

    processor: str
    cores: int
    memory_bytes: int
    system: str


@dataclass(frozen=True)
class Row:
    """A trainer under a pattern."""

    name: str
    pattern: str
    documents: str
    runs: list[Run]
    startup: list[Run]
    """Runs on 100 lines, one merge: with Ray, and without it for comparison."""
    ours: bool
    """babelmerge with its local engine."""
    ratio: float | None
    """Speed of babelmerge over the peer's under the same pattern: the median of the rounds' ratios."""
    ratio_asked: float | None
    """The same, with babelmerge under the pattern that was asked for, where that is another one."""
    agreement: Agreement | None
    """Comparison with babelmerge under the same pattern, on lines."""
    agreement_whole: Agreement | None
    """Comparison with babelmerge on the documents that the peer had, where it took no lines and the lists differ."""
    error: str

    def median(self, what: str) -> float:
        """Median of a field of Run."""
        return float(statistics.median(getattr(run, what) for run in self.runs))


@dataclass(frozen=True)
class Figures:
    """One run of the benchmark."""

    name: str
    command: str
    text_bytes: int
    text_lines: int
    vocab_size: int
    rounds: int
    machine: Machine
    versions: dict[str, str]
    rows: list[Row]


def write_figures(figures: Figures, path: Path) -> None:
    """Write figures as indented JSON."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n")


def read_figures(path: Path) -> Figures:
    """Read figures that `write_figures` wrote."""
    return msgspec.json.decode(path.read_bytes(), type=Figures)


def tables(all_figures: Sequence[Figures], charts: str | None) -> str:
    """Markdown: for each a heading, the chart where `charts` names its folder, the table and its notes."""
    return "\n\n".join("\n".join(_section(figures, charts)) for figures in all_figures)


def _section(figures: Figures, charts: str | None) -> Iterator[str]:
    yield (
        f"**{figures.name}**: {_size(figures.text_bytes)} of plain text in {figures.text_lines:,} lines, "
        f"{figures.vocab_size:,} tokens\n"
    )
    if charts is not None:
        yield f"![Wall time of training, trainer by trainer]({charts}/train-{figures.name}.svg)\n"
    yield "| trainer | pattern | wall s | CPU s | peak MB | babelmerge is | merge list |"
    yield "|---|---|--:|--:|--:|--:|---|"
    for row in _ordered(figures):
        cells = [_label(figures, row), row.pattern, *_measured(row), _times(row), _agreement(figures, row)]
        yield "| " + " | ".join(f"**{cell}**" if row.ours and i == 0 else cell for i, cell in enumerate(cells)) + " |"
    yield ""
    notes = [f"- {note}" for note in _notes(figures)]
    if notes:
        yield from [*notes, ""]
    versions = ", ".join(f"{name} {version}" for name, version in figures.versions.items())
    here = figures.machine
    yield (
        f"Whole processes in turn, medians of {figures.rounds} rounds (lowest to highest), ratios within each round. "
        f"{here.cores} cores of {here.processor}, {here.memory_bytes / 2**30:.0f} GiB, {here.system}; {versions}: "
        f"`{figures.command}`"
    )


def _ordered(figures: Figures) -> list[Row]:
    """By pattern, the one that was asked for first; within it the slowest first; who failed last."""
    patterns = list(dict.fromkeys(row.pattern for row in figures.rows if row.ours))
    return sorted(
        figures.rows,
        key=lambda row: (patterns.index(row.pattern), not row.runs, -row.median("wall_s") if row.runs else 0.0),
    )


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _label(figures: Figures, row: Row) -> str:
    version = "" if row.name.startswith("babelmerge") else figures.versions.get(row.name, "")
    return f"{row.name} {version}".strip()


def _measured(row: Row) -> list[str]:
    if not row.runs:
        return ["failed", "", ""]
    walls = [run.wall_s for run in row.runs]
    wall = f"{_seconds(row.median('wall_s'))} ({_seconds(min(walls))} to {_seconds(max(walls))})"
    if _is_ray(row):
        return [wall, "", ""]  # its daemons are nobody's children: they are not in the figures
    return [wall, _seconds(row.median("cpu_s")), f"{row.median('peak_mb'):,.0f}"]


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f}" if seconds >= 100 else f"{seconds:.1f}" if seconds >= 10 else f"{seconds:.2f}"


def _is_ray(row: Row) -> bool:
    return row.name.endswith("ray")


def _times(row: Row) -> str:
    if row.ours or row.ratio is None:
        return ""
    beside = f" ({_ratio(row.ratio_asked)} with the pattern above)" if row.ratio_asked else ""
    return f"{_ratio(row.ratio)} times as fast{beside}"


def _ratio(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 20 else f"{ratio:.1f}" if ratio >= 2 else f"{ratio:.2f}"


def _agreement(figures: Figures, row: Row) -> str:
    found = row.agreement_whole if row.agreement_whole and row.agreement_whole.equal else row.agreement
    if row.ours:
        others = [one for one in figures.rows if one.pattern == row.pattern and not one.ours and not _is_ray(one)]
        who = [one.name for one in others if one.agreement is not None and one.agreement.equal]
        who += [f"{one.name}, on its documents" for one in others if one.agreement_whole and one.agreement_whole.equal]
        return f"equal to that of {' and '.join(who)}" if who else ""
    if found is None:
        return "" if not row.error else "none"
    if not found.equal:
        shared = "the same tokens" if found.common == 1 else f"{found.common:.2%} of the tokens shared"
        return f"differs from {found.by[:-1]} {(found.first or 0) + 1:,} on ({_cause(found)}); {shared}"
    on = "" if found is row.agreement else ", on the same documents"
    return f"equal{on}"


def _cause(found: Agreement) -> str:
    return found.why.partition(":")[0] if len(found.why.partition(":")[0]) < 20 else "see below"


def _notes(figures: Figures) -> Iterator[str]:
    for row in _ordered(figures):
        if row.error:
            yield f"{_label(figures, row)} ({row.pattern}): {row.error}."
        if row.agreement is not None and not row.agreement.equal:
            yield _difference(row, row.agreement)
        if _is_ray(row) and row.startup and row.runs:
            yield from _ray(figures, row)


def _difference(row: Row, found: Agreement) -> str:
    said = (
        f"{row.name}, {found.by[:-1]} {(found.first or 0) + 1:,}: {_code(found.theirs)} where babelmerge has "
        f"{_code(found.ours)}; {found.why}."
    )
    if row.agreement_whole is None:
        return said
    if row.agreement_whole.equal:
        return f"{said} On the documents that it had, babelmerge's list is equal to its."
    return f"{said} On the documents that it had they differ, too: {_difference(row, row.agreement_whole)}"


def _code(text: str) -> str:
    """Format text as Markdown code that stays in one cell and one line."""
    return f"`{text.replace('|', chr(92) + '|').replace('`', chr(39))}`"


def _ray(figures: Figures, row: Row) -> Iterator[str]:
    """Describe the cost of Ray: its start-up, and the slowdown beside it."""
    local = next((one for one in figures.rows if one.ours and one.pattern == row.pattern), None)
    if local is None or not local.startup or not local.runs:
        return
    startups = [statistics.median(run.wall_s for run in one.startup) for one in (row, local)]
    rest = statistics.median(
        (ray.wall_s - (tiny.wall_s - tiny_local.wall_s)) / run.wall_s
        for ray, run, tiny, tiny_local in zip(row.runs, local.runs, row.startup, local.startup, strict=False)
    )
    first = [run.first_stage_s for run in row.runs if run.first_stage_s is not None]
    begun = f"; its first stage begins after {_seconds(statistics.median(first))} s" if first else ""
    yield (
        f"{row.name}: {_seconds(startups[0])} s of start-up and end (a run on 100 lines; with `--engine local` "
        f"{_seconds(startups[1])} s){begun}. Without that difference it takes {rest:.2f} times the local time."
    )


def replace_block(page: str, block: str, what: str = "train") -> str:
    """Replace the text between the two marker lines of a benchmark. Raises ValueError where a marker is missing."""
    begin, end = f"<!-- benchmark:{what} begin -->", f"<!-- benchmark:{what} end -->"
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the page has no lines {begin} and {end}; put them where the table shall stand")
    return f"{before}{begin}\n{block.strip()}\n{end}{after}"


def draw(figures: Figures, folder: Path) -> list[Path]:
    """train-<name>.svg and .png: wall time as bars, a panel for each pattern."""
    ran = [row for row in _ordered(figures) if row.runs]
    if not ran:
        return []
    longest = max(max(run.wall_s for run in row.runs) for row in ran)
    x = alt.X("seconds:Q", scale=alt.Scale(domain=[0, longest * ROOM_FOR_WORDS], nice=False), title=None)
    patterns = list(dict.fromkeys(row.pattern for row in ran))
    panels = [_panel(figures, [row for row in ran if row.pattern == one], x, one == patterns[-1]) for one in patterns]
    chart = (
        alt.vconcat(*panels, spacing=14)
        .properties(background=GROUND, padding=10, title=_title(figures))
        .configure(font=FONT, aria=False)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=INK, titleColor=INK, gridColor=FAINT, domain=False, ticks=False, labelFontSize=12,
            titleFontSize=12, titleFontWeight="normal", labelPadding=6,
        )
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"train-{figures.name}.{ending}" for ending in ("svg", "png")]
    for path in paths:
        chart.save(str(path), scale_factor=PNG_SCALE if path.suffix == ".png" else 1.0)
    return paths


def _title(figures: Figures) -> alt.TitleParams:
    said = f"Training {figures.vocab_size:,} tokens on {_size(figures.text_bytes)} of text"
    under = (
        f"wall time of whole processes on {figures.machine.cores} cores, median of {figures.rounds} rounds; line: range"
    )
    return alt.TitleParams(said, subtitle=under, anchor="start", color=INK, subtitleColor=INK, fontSize=15, offset=12)


def _panel(figures: Figures, rows: Sequence[Row], x: Any, last: bool) -> Any:
    values = [
        {
            "trainer": _label(figures, row),
            "seconds": row.median("wall_s"),
            "low": min(run.wall_s for run in row.runs),
            "high": max(run.wall_s for run in row.runs),
            "colour": OURS if row.ours else OURS_ON_RAY if _is_ray(row) else THEIRS,
            "said": _said(row),
        }
        for row in rows
    ]
    y = alt.Y("trainer:N", sort=None, title=None, axis=alt.Axis(labelLimit=LABEL_PIXELS, minExtent=LABEL_PIXELS))
    axis = (
        alt.Axis(title="wall time in seconds", tickCount=6) if last else alt.Axis(labels=False, title=None, tickCount=6)
    )
    base = alt.Chart(alt.InlineData(values=values)).encode(y=y)
    bars = base.mark_bar(height={"band": 0.66}).encode(x=x.axis(axis), color=alt.Color("colour:N", scale=None))
    spread = base.mark_rule(color=INK, strokeWidth=1.4).encode(x="low:Q", x2="high:Q")
    text = base.encode(x="high:Q", text="said:N")
    halo = text.mark_text(align="left", dx=7, fontSize=12, color=GROUND, stroke=GROUND, strokeWidth=4)
    words = text.mark_text(align="left", dx=7, fontSize=12, color=INK)
    said = f"pre-tokenizer {rows[0].pattern}"
    title = alt.TitleParams(said, anchor="start", fontSize=12, fontWeight="normal", color=INK, offset=4)
    return alt.layer(bars, spread, halo, words).properties(width=PLOT_WIDTH, height=alt.Step(ROW_PIXELS), title=title)


def _said(row: Row) -> str:
    took = f"{_seconds(row.median('wall_s'))} s"
    if row.ours or row.ratio is None:
        return took
    return f"{took} = {_ratio(row.ratio)} × babelmerge"
