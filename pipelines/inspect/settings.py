"""Settings of `inspect`."""

from typing import Annotated

from msgspec import Meta

from pipelines.results import Inspected
from pipelines.settings import UNHASHED, Corpus, CorpusSettings


class Inspect(CorpusSettings[Inspected], frozen=True, kw_only=True):
    """Write a page on one tokenizer: what is in it, what is wrong with it, and what pruning it would cost."""

    tokenizer: Annotated[str, UNHASHED]
    """Tokenizer to inspect, in any form that `retokenize` takes."""
    corpus: Annotated[Corpus, UNHASHED] = []
    """Text that shows which tokens are used, which are residues, and what pruning costs each language."""
    out: Annotated[str, UNHASHED]
    """Directory for inspect.html and the tables, and word tables under words/."""
    embeddings: Annotated[str | None, UNHASHED] = None
    """A .safetensors file with the embedding matrices of a model: indicators of under-trained tokens."""
    input_tensor: str | None = None
    """Name of the input embeddings in it; by default the names of well-known models are tried."""
    output_tensor: str | None = None
    """Name of the output embeddings; by default as above, and the input embeddings where there are none."""
    unused: list[Annotated[int, Meta(ge=0)]] = []
    """Ids that are known never to have been trained; by default those of bytes that no text holds (0xC0, 0xC1, 0xF5 to
    0xFF)."""
    residue: Annotated[float, Meta(gt=0, le=1)] = 0.1
    """Largest share of a token's makings in which it remains (R) for a residue."""
    entropy: Annotated[float, Meta(ge=0)] = 4.0
    """Largest entropy, in bits, of the tokens on either side of a residue; tokens that stand in more contexts are
    none."""
    sources_field: Annotated[str, Meta(min_length=1)] | None = None
    """Field or column that names a document's source (package, site, author), or @file: each file is a source. The
    tokens that one source alone makes are then named."""
    partitions: Annotated[int, Meta(ge=1, le=10_000), UNHASHED] = 16
    """Number of partitions of the word tables, by hash."""

    KERNELS = ("words", "uint32_ids", "encoding", "pruning")
    POSITIONAL = ("tokenizer", "corpus")
