"""Settings of `curves`."""

from typing import Annotated

from msgspec import Meta

from pipelines.settings import Corpus, Settings


class Curves(Settings, frozen=True, kw_only=True):
    """Tokens of each language at every vocabulary size of one tokenizer, and the sizes that reach a target."""

    parallel: Corpus
    """Parallel text: documents with the same id are translations of each other; those that all languages have count."""
    tokenizer: str
    """A tokenizer, as `retokenize` takes it."""
    out: str
    """Directory for curves.parquet and sizes.parquet."""
    baseline: str = "eng_Latn"
    """The language whose tokens, with the whole vocabulary, are the target."""
    target: Annotated[int, Meta(ge=1)] | None = None
    """Tokens that each language's text should come to; by default the baseline's."""
    languages: list[str] | None = None
    """Measure only these; by default all."""
