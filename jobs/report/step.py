"""Steps `catalogs` and `report`: the demo's corpus, and the page of results."""

import time
from pathlib import Path

from jobs.report.settings import Catalogs, Report
from pipelines.context import Job, out_directory, summary
from pipelines.outputs import Output, Run, fingerprint


def run_catalogs(settings: Catalogs, job: Job) -> str:
    """Make the demo's corpus."""
    from jobs.demo.catalogs import extract_catalogs

    with Output(out_directory(settings), "catalogs") as output:
        facts = extract_catalogs(settings.packages, output, job.progress, minimum_strings=settings.minimum_strings)
    return summary(output, f"{facts['strings']:,} strings in {facts['languages']} languages", {}, settings.out)


def run_report(settings: Report, job: Job) -> str:
    """Draw results of other steps; return the findings and a line about the output."""
    from jobs.report.findings import findings
    from jobs.report.inputs import gather
    from jobs.report.page import PAGE_VERSION, PLANNED, draw_report

    inputs, made_by = gather(settings)
    with Output(out_directory(settings), "report") as output:
        about = {"title": settings.title, "page": PAGE_VERSION}
        name = fingerprint("report", about, [{"made_by": made_by}])
        if output.current(name) is not None:
            job.progress.note(f"report: unchanged, kept ({output.directory})")
        else:
            began = time.monotonic()
            output.begin(PLANNED)
            with job.progress.stage("draw", 1, "reports") as advance:
                files = draw_report(inputs, output.directory)
                advance(1)
            run = Run(engine="none", workers=1, seconds=round(time.monotonic() - began, 3))
            output.finish(name, about, [{"made_by": made_by}], files, {}, run)
    lines = "".join(f"- {finding}\n" for finding in findings(inputs))
    return lines + summary(output, "a report", {}, str(Path(settings.out) / "report.html"))
