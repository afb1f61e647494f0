"""Settings of the steps `catalogs` and `report`."""

from typing import Annotated

from msgspec import Meta

from pipelines.settings import Settings


class Catalogs(Settings, frozen=True, kw_only=True):
    """Make a parallel corpus of the translation catalogs that installed Python packages ship."""

    packages: list[str]
    """Names of the packages, such as django."""
    out: str
    """Directory for parallel-, train- and sample-<language>.parquet: all documents, and two halves of them."""
    minimum_strings: Annotated[int, Meta(ge=1)] = 300
    """Languages with fewer translated strings are left out."""


class Report(Settings, frozen=True, kw_only=True):
    """Draw what was found: one HTML page that needs no network, and every chart as PNG and SVG."""

    out: str
    """Directory for report.html, and every chart as PNG and SVG."""
    title: str = "What this tokenizer does to languages"
    """The page's heading."""
    tokenizer: str | None = None
    """Output of train."""
    premiums: str | None = None
    """Output of premiums."""
    curves: str | None = None
    """Output of curves."""
    sweep: str | None = None
    """Output of sweep."""
    mixture: str | None = None
    """Output of mixture; compared with the shares that `tokenizer` was trained on."""
    retokenized: str | None = None
    """Output of retokenize."""
    corpus: str | None = None
    """Output of catalogs, for the languages' names."""
