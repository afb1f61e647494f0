"""Settings of the steps `catalogs` and `report`."""

from typing import Annotated

from msgspec import Meta

from pipelines.settings import Settings

Results = list[str] | str | None
"""One directory, or several."""


class Catalogs(Settings, frozen=True, kw_only=True):
    """Make a parallel corpus of the translation catalogs that installed Python packages ship."""

    packages: list[str]
    """Names of the packages, such as django."""
    out: str
    """Directory for parallel-, train- and sample-<language>.parquet: all documents, and two halves of them."""
    minimum_strings: Annotated[int, Meta(ge=1)] = 300
    """Languages with fewer translated strings are left out."""


class Report(Settings, frozen=True, kw_only=True):
    """Draw results of other commands: one HTML page that needs no network, and every chart as PNG and SVG."""

    out: str
    """Directory for report.html, and every chart as PNG and SVG; <chart>-slide is the chart for a slide, 16:9."""
    title: str | None = None
    """Heading of the page; by default it says which results the page shows."""
    tokenizer: Results = None
    """Output of train."""
    premiums: Results = None
    """Output of premiums; several are drawn together."""
    curves: Results = None
    """Output of curves."""
    sweep: Results = None
    """Output of sweep."""
    mixture: Results = None
    """Output of mixture; compared with the shares that `tokenizer` was trained on."""
    retokenized: Results = None
    """Output of retokenize."""
    corpus: Results = None
    """Output of catalogs, for the languages' names."""
