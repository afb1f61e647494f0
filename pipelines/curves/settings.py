"""Settings of `curves`."""

from typing import Annotated

from msgspec import Meta

from pipelines.results import CurvesResult
from pipelines.settings import UNHASHED, Corpus, Settings


class Curves(Settings[CurvesResult], frozen=True, kw_only=True):
    """Tokens of each language at every vocabulary size of one tokenizer, and the sizes that reach a target."""

    parallel: Annotated[Corpus, UNHASHED]
    """Parallel text: documents with the same id are translations of each other; those that all languages have count."""
    tokenizer: Annotated[str, UNHASHED]
    """A tokenizer, as `retokenize` takes it."""
    out: Annotated[str, UNHASHED]
    """Directory for curves.parquet and sizes.parquet."""
    baseline: str = "eng_Latn"
    """The language whose tokens, with the whole vocabulary, are the target."""
    target: Annotated[int, Meta(ge=1)] | None = None
    """Tokens that each language's text should come to; by default the baseline's."""
    languages: list[str] | None = None
    """Measure only these; by default all."""

    KERNELS = ("words", "uint32_ids", "encoding", "replaying")
