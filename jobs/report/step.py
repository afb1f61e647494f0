"""The step `report`: draw what the other steps found."""

from pathlib import Path

from jobs.report.findings import findings
from jobs.report.inputs import gather
from jobs.report.page import PAGE_VERSION, PLANNED, draw_report
from jobs.report.settings import Report
from pipelines.context import Context, out_directory
from pipelines.outputs import Output
from pipelines.results import ReportResult, summarized
from pipelines.stage import Stage, Written, make


def report(settings: Report, context: Context) -> ReportResult:
    """Draw the page and its charts from the outputs of other steps. Kept where they are up to date."""
    inputs, made_by = gather(settings)
    output = Output(out_directory(settings.out), "report")

    def work(_: Path) -> Written:
        with context.progress.stage("draw", 1, "reports") as advance:
            files = draw_report(inputs, output.directory)
            advance(1)
        return Written(files)

    paths = [(one.path or "").split(",pretokenizer=")[0] for one in inputs.references]
    present = [bool(path) and Path(path).exists() for path in paths]  # tokenizers, which the page cuts text with
    stage = Stage(
        "report",
        settings.hashed(page=PAGE_VERSION, present=present),
        [{"made_by": made_by}],
        PLANNED,
        uses_engine=False,
    )
    with output:
        made = make(stage, output, context, work)
    lines = [f"- {finding}" for finding in findings(inputs)]
    last = summarized(made.kept, "a report", {}, str(Path(settings.out) / "report.html"))
    return ReportResult(output.directory, made.manifest, made.kept, "\n".join([*lines, last]))
