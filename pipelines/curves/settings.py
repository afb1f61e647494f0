"""Settings of `curves`."""

from typing import Annotated

from msgspec import Meta

from pipelines.results import CurvesResult
from pipelines.settings import UNHASHED, Corpus, CorpusSettings


class Curves(CorpusSettings[CurvesResult], frozen=True, kw_only=True):
    """Tokens of each language at every vocabulary size of one tokenizer, and the sizes that reach a target."""

    parallel: Annotated[Corpus, UNHASHED]
    """Parallel text: documents with the same id are translations of each other. Those that a language lacks are left
    out."""
    tokenizer: Annotated[str, UNHASHED]
    """Tokenizer to measure, in any form that `retokenize` takes."""
    out: Annotated[str, UNHASHED]
    """Directory for curves.parquet and sizes.parquet."""
    baseline: str = "eng_Latn"
    """Language whose number of tokens, with the whole vocabulary, is the target."""
    target: Annotated[int, Meta(ge=1)] | None = None
    """Number of tokens that each language's text should have; by default that of the baseline."""
    languages: list[str] | None = None
    """Measure only these languages; by default all."""

    KERNELS = ("words", "uint32_ids", "encoding", "replaying")
