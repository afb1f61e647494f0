"""Settings of `add`."""

from typing import Annotated

from pipelines.results import Added
from pipelines.settings import UNHASHED, Corpus, CorpusSettings


class Add(CorpusSettings[Added], frozen=True, kw_only=True):
    """Give a tokenizer tokens that it must have: as added tokens, or as merges behind all others."""

    tokenizer: Annotated[str, UNHASHED]
    """Tokenizer to add to, in any form that `retokenize` takes."""
    tokens: list[str] = []
    """Tokens to add."""
    file: Annotated[str | None, UNHASHED] = None
    """File of tokens to add: one text a line, or a .json list of texts."""
    out: Annotated[str, UNHASHED]
    """Directory for the tokenizer, as train writes it, and added.parquet."""
    as_merges: bool = False
    """Make each token by merges, inside words, where its pieces stand side by side. By default tokens are looked for in
    a text before anything else, and always taken whole."""
    special: bool = False
    """Add special tokens, which no text becomes unless the encoder is told so."""
    corpus: Annotated[Corpus, UNHASHED] = []
    """Text on which to count the documents whose ids change."""
    allow_inner: bool = False
    """Allow merges of inner pieces, with which other text changes too (`New Yo` on the way to `New York`)."""

    KERNELS = ("encoding",)
    POSITIONAL = ("tokenizer", "tokens")
