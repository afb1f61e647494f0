"""Settings of `premiums`."""

from typing import Annotated, Literal

from msgspec import Meta

from pipelines.results import PremiumsResult
from pipelines.settings import UNHASHED, Corpus, CorpusSettings


class Premiums(CorpusSettings[PremiumsResult], frozen=True, kw_only=True):
    """Token premiums: how many tokens each language needs for the same text (Petrov et al. 2023)."""

    parallel: Annotated[Corpus, UNHASHED]
    """Parallel text: documents with the same id are translations of each other."""
    tokenizer: Annotated[list[str], UNHASHED]
    """Tokenizers to compare; give the flag once for each."""
    out: Annotated[str, UNHASHED]
    """Directory for premiums.parquet and the other tables, and for the counts of every document."""
    baseline: str = "eng_Latn"
    """The language that the others are compared with."""
    languages: list[str] | None = None
    """Compare only these languages with the baseline; by default all."""
    documents: Literal["common", "pairwise"] = "common"
    """Documents to compare: those that all languages have (common), or those that a language and the baseline have
    (pairwise)."""
    aggregation: Literal["documents", "joined", "per-document"] = "documents"
    """Definition of `premium`: ratio of summed tokens (documents), of the texts joined by a space and encoded once
    (joined; Petrov et al.), or median of the documents' ratios (per-document)."""
    reference: str | None = None
    """One of the tokenizers, by its name or as given; normalized sequence length (nsl) divides by its tokens."""
    against: Annotated[str | None, UNHASHED] = None
    """Output directory of an earlier run; changes.parquet then says which languages got better or worse since, beyond
    the interval."""
    resamples: Annotated[int, Meta(ge=100, le=100_000)] = 1000
    """Bootstrap resamples of documents behind each 95 % interval."""

    KERNELS = ("encoding",)
