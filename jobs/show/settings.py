"""Settings of `show`."""

from typing import Annotated, Literal

from msgspec import Meta

from pipelines.results import ShowResult
from pipelines.settings import UNHASHED, Settings


class Show(Settings[ShowResult], frozen=True, kw_only=True):
    """Print the tables of a result, the output directory of any command."""

    results: Annotated[list[str], UNHASHED]
    """Output directories."""
    table: Annotated[str | None, UNHASHED] = None
    """One table, by its name; by default the main tables of the result, and the names of the others."""
    format: Annotated[Literal["text", "csv", "md"], UNHASHED] = "text"
    """Format: `text` fits the columns to the terminal, `md` is Markdown; `csv` has one table with all digits, the first
    main one unless `table` names another."""
    rows: Annotated[int, Meta(ge=0), UNHASHED] | None = None
    """Largest number of rows of each table; by default 20, and all where `table` or `csv` is given."""
