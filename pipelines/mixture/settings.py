"""Settings of `mixture`."""

from typing import Annotated, Literal

from msgspec import Meta

from pipelines.results import MixtureResult
from pipelines.settings import UNHASHED, Corpus, Settings


class Mixture(Settings[MixtureResult], frozen=True, kw_only=True):
    """Infer the mixture that a tokenizer was trained on from its merge list (after Hayase et al. 2024)."""

    categories: Annotated[Corpus, UNHASHED]
    """Text of every category; the category is the document's language, or a source's `category`."""
    tokenizer: Annotated[str, UNHASHED]
    """A tokenizer, as `retokenize` takes it; its merge list is what is read."""
    out: Annotated[str, UNHASHED]
    """Directory for mixture.parquet, merges.parquet and sensitivity.parquet, and what they were made of."""
    method: Literal["rank", "lp"] = "rank"
    """`rank`: counts fall with the rank of a merge, with intervals; `lp`: the linear program of the paper."""
    merges: Annotated[int, Meta(ge=1)] | None = None
    """Number of merges to use, from the first on; by default those of the first 30,000 that carry evidence, for lp
    3,000."""
    unknown: bool = False
    """Also estimate the share of the training text that no category explains."""
    beyond: Annotated[str | None, UNHASHED] = None
    """A tokenizer that this one extends: only the merges that were added count (rank only)."""
    only: list[str] | None = None
    """Take only these categories; by default all."""
    partitions: Annotated[int, Meta(ge=1, le=10_000), UNHASHED] = 16
    """Parts that the word tables are cut into, by hash."""

    KERNELS = ("words", "uint32_ids", "replaying")
