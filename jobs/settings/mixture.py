"""Settings of `mixture`."""

from typing import Annotated

from msgspec import Meta

from jobs.settings.base import Corpus, Settings


class Mixture(Settings, frozen=True, kw_only=True):
    """What mixture a tokenizer was trained on: the linear program of Hayase et al. 2024 over its merge list."""

    categories: Corpus
    """Text of every category; the category is the document's language, or a source's `category`."""
    tokenizer: str
    """A directory that train wrote, a tokenizer.json, or FILE.tiktoken[,pretokenizer=NAME]."""
    out: str
    """Directory for mixture.parquet and the replay records."""
    merges: Annotated[int, Meta(ge=1)] | None = 3000
    """How many merges, from the first on, the program looks at; null for all."""
    only: list[str] | None = None
    """Take only these categories; by default all."""
    partitions: Annotated[int, Meta(ge=1, le=10_000)] = 16
    """Parts that the word tables are cut into, by hash."""
