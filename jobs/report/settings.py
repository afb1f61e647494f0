"""Settings of `report`."""

from typing import Annotated

from pipelines.results import ReportResult
from pipelines.settings import UNHASHED, Settings

Results = list[str] | str | None
"""One directory, or several."""


class Report(Settings[ReportResult], frozen=True, kw_only=True):
    """Draw results of other commands: one HTML page that needs no network, and every chart as PNG and SVG."""

    out: Annotated[str, UNHASHED]
    """Directory for report.html, and every chart as PNG and SVG; <chart>-slide is the chart for a slide, 16:9."""
    title: str | None = None
    """Heading of the page; by default it says which results the page shows."""
    tokenizer: Annotated[Results, UNHASHED] = None
    """Output of train."""
    premiums: Annotated[Results, UNHASHED] = None
    """Output of premiums; several are drawn together."""
    curves: Annotated[Results, UNHASHED] = None
    """Output of curves."""
    sweep: Annotated[Results, UNHASHED] = None
    """Output of sweep."""
    design: Annotated[Results, UNHASHED] = None
    """Output of design."""
    mixture: Annotated[Results, UNHASHED] = None
    """Output of mixture; compared with the shares that `tokenizer` was trained on."""
    retokenized: Annotated[Results, UNHASHED] = None
    """Output of retokenize."""
    corpus: Annotated[Results, UNHASHED] = None
    """Output of catalogs, for the languages' names."""
