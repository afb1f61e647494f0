"""Settings of `mixture`."""

from typing import Annotated, Literal

from msgspec import Meta

from pipelines.settings import Corpus, Settings


class Mixture(Settings, frozen=True, kw_only=True):
    """What mixture a tokenizer was trained on, told from its merge list (after Hayase et al. 2024)."""

    categories: Corpus
    """Text of every category; the category is the document's language, or a source's `category`."""
    tokenizer: str
    """A tokenizer, as `retokenize` takes it; its merge list is what is read."""
    out: str
    """Directory for mixture.parquet, merges.parquet and sensitivity.parquet, and what they were made of."""
    method: Literal["rank", "lp"] = "rank"
    """`rank`: counts fall with the rank of a merge, with intervals; `lp`: the linear program of the paper."""
    merges: Annotated[int, Meta(ge=1)] | None = None
    """How many merges, from the first on, to look at; by default as many of 30,000 as tell anything, for lp 3,000."""
    unknown: bool = False
    """Estimate the share that none of the categories explains, too."""
    beyond: str | None = None
    """A tokenizer that this one extends: only the merges that were added count (rank only)."""
    only: list[str] | None = None
    """Take only these categories; by default all."""
    partitions: Annotated[int, Meta(ge=1, le=10_000)] = 16
    """Parts that the word tables are cut into, by hash."""
