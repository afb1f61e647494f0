"""Settings of `mixture`."""

from typing import Annotated, Literal

from msgspec import Meta

from pipelines.results import MixtureResult
from pipelines.settings import UNHASHED, Corpus, CorpusSettings


class Mixture(CorpusSettings[MixtureResult], frozen=True, kw_only=True):
    """Infer the mixture that a tokenizer was trained on from its merge list (after Hayase et al. 2024)."""

    categories: Annotated[Corpus, UNHASHED]
    """Text of every category. The category of a document is its language, or the `category` of its source."""
    tokenizer: Annotated[str, UNHASHED]
    """Tokenizer whose merge list is examined, in any form that `retokenize` takes."""
    out: Annotated[str, UNHASHED]
    """Directory for mixture.parquet, merges.parquet and sensitivity.parquet, and for the word tables and evidence
    behind them."""
    method: Literal["rank", "lp"] = "rank"
    """Estimator: `rank` uses that counts fall with the rank of a merge, and gives intervals; `lp` is the linear program
    of the paper."""
    merges: Annotated[int, Meta(ge=1)] | None = None
    """Number of merges to use, from the first on; by default those of the first 30,000 that carry evidence, and 3,000
    for lp."""
    unknown: bool = False
    """Also estimate the share of the training text that no category explains."""
    beyond: Annotated[str | None, UNHASHED] = None
    """Tokenizer that this one extends; then only the added merges count (rank only)."""
    only: list[str] | None = None
    """Use only these categories; by default all."""
    partitions: Annotated[int, Meta(ge=1, le=10_000), UNHASHED] = 16
    """Number of partitions of the word tables, by hash."""

    KERNELS = ("words", "uint32_ids", "replaying")
