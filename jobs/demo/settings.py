"""Settings of `catalogs`."""

from typing import Annotated

from msgspec import Meta

from pipelines.results import CatalogsResult
from pipelines.settings import UNHASHED, Settings


class Catalogs(Settings[CatalogsResult], frozen=True, kw_only=True):
    """Make a parallel corpus of the translation catalogs that installed Python packages ship."""

    packages: list[str]
    """Names of the packages, such as django."""
    out: Annotated[str, UNHASHED]
    """Directory for parallel-, train- and sample-<language>.parquet: all documents, and two halves of them."""
    minimum_strings: Annotated[int, Meta(ge=1)] = 300
    """Least number of translated strings of a language; languages with fewer are left out."""
