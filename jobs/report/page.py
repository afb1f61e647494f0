"""Page of the report: one file that fetches nothing when it is opened, and every chart beside it as PNG and SVG."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import jinja2
from markupsafe import Markup

from jobs.report.charts.drawings import CHARTS, drawings
from jobs.report.charts.specification import file_names, save
from jobs.report.cutters import cutters
from jobs.report.embedded import figures, language_names, script_groups, vega_library
from jobs.report.findings import findings
from jobs.report.heading import heading
from jobs.report.inputs import ReportInputs
from jobs.report.mixture_notes import mixture_notes
from jobs.report.page_tables import page_tables
from jobs.report.spelled import spelled
from jobs.report.trust import judge
from jobs.report.wording import printable
from jobs.units import size
from operators.unicode.script_names import script_group
from pipelines.outputs import replacing

PAGE: Final = "report.html"
PLANNED: Final[list[str]] = sorted([PAGE, *(name for chart in CHARTS for name in file_names(chart))])
"""All files that `draw_report` may write."""
PAGE_VERSION: Final = 5
"""Part of the output's fingerprint: raised when equal results give another page."""
PAGE_BYTES: Final = 5_800_000
"""Size of the page up to which tokenizers are embedded."""
HERE: Final = Path(__file__).parent
SCRIPTS: Final = ("unpack", "choice", "tables", "spelled", "hover", "charts", "followed", "bpe", "typed")
"""Scripts of the page, in the order in which they run."""


class Figure(NamedTuple):
    """Chart on the page."""

    caption: str
    height: int
    """Pixels that are kept free for it until it is drawn."""
    files: str


class Language(NamedTuple):
    """Language or category that the reader may follow; its number is its place in the list."""

    name: str
    script: int
    """Number of its group of scripts."""


def draw_report(inputs: ReportInputs, directory: Path) -> list[str]:
    """Write report.html and the charts into `directory`, each whole or not at all; return the files' names.

    Results that are not among the inputs are left out. Equal inputs give equal bytes on one machine (fonts are the
    machine's). Raises pipelines.outputs.WriteFailed.
    """
    written, drawn, shown = [], drawings(inputs), {}
    for drawing in drawn:
        saved = save(drawing, directory)
        written += saved.files
        shown[drawing.name] = Figure(drawing.caption, saved.height, ", ".join(saved.files))
    tables = {table.name: table for table in page_tables(inputs) if table.rows}
    groups = script_groups(inputs)
    scripts = "\n".join((HERE / "scripts" / f"{name}.js").read_text("utf-8") for name in SCRIPTS)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    template = environment.get_template("template.html.jinja")
    parts = dict[str, Any](
        title=inputs.title or heading(inputs),
        run=_run(inputs.training or {}),
        steps=inputs.steps,
        findings=findings(inputs),
        languages=[
            Language(name, groups.index(script_group(code)))
            for code, name in zip(inputs.places, language_names(inputs), strict=True)
        ],
        groups=groups,
        tokenizers=[printable(name) for name in inputs.tokenizer_places],
        figures=shown,
        tables=tables,
        spelled=spelled(inputs),
        mixture=mixture_notes(inputs),
        trust=judge(inputs).level,
        style=Markup((HERE / "page.css").read_text("utf-8")),
        script=Markup(scripts),
        figure_data=Markup(figures(inputs, drawn)),
        vega=Markup(vega_library() if drawn else ""),
    )  # fmt: skip
    room = PAGE_BYTES - len(template.render(parts, cutters=[]).encode())
    html = template.render(parts, cutters=cutters(inputs.references, room))
    with replacing(directory / PAGE) as temporary:
        temporary.write_text(html, "utf-8")
    return [PAGE, *written]


def _run(training: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return figures of the training run, name and value, as far as they are known."""
    rounds = training.get("rounds")
    merges = _count(training.get("merges")) + (f" in {rounds:,} rounds" if rounds is not None else "")
    rows = [
        ("Pre-tokenizer", training.get("pretokenizer")),
        ("Vocabulary", _count(training.get("vocabulary"))),
        ("Merges", merges),
        ("Corpus", size(training["bytes"]) if training.get("bytes") is not None else None),
        ("Distinct pre-tokens", _count(training.get("words"))),
        ("Documents", _count(training.get("documents"))),
    ]
    return [(name, str(value)) for name, value in rows if value]


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
