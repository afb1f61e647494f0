"""Settings of `adapt`."""

from typing import Annotated

from msgspec import Meta

from pipelines.results import Adapted
from pipelines.settings import UNHASHED, ComparedSettings, Corpus


class Adapt(ComparedSettings[Adapted], frozen=True, kw_only=True):
    """Swap tokens of a tokenizer that a corpus does not need for tokens learned from it; the size stays."""

    tokenizer: Annotated[str, UNHASHED]
    """Tokenizer to adapt, in any form that `retokenize` takes."""
    corpus: Annotated[Corpus, UNHASHED]
    """Text that shows which tokens are used, and to learn from."""
    out: Annotated[str, UNHASHED]
    """Directory for the tokenizer, as train writes it, ids.parquet and new_tokens.parquet, and word tables under
    words/."""
    swap: Annotated[int, Meta(ge=1)]
    """Number of tokens that leave, always one that no other is made of, the least used one first. As many are
    learned."""
    protect: Annotated[str, UNHASHED] | None = None
    """File of tokens that stay: one text a line, or a .json list of texts."""
    min_pair_count: Annotated[int, Meta(ge=1, le=1 << 62)] = 1
    """Learning ends when the most frequent pair is rarer than this count; the tokenizer is then smaller."""
    keep_ids: bool = False
    """Keep the ids of tokens that stay; new tokens take those of removed ones. By default new tokens come last, without
    gaps, so that the tokenizer loads in tiktoken too."""
    partitions: Annotated[int, Meta(ge=1, le=10_000), UNHASHED] = 16
    """Number of partitions of the word tables, by hash; no more workers than this can train."""

    KERNELS = ("words", "uint32_ids", "encoding", "pruning")
    POSITIONAL = ("tokenizer", "corpus")
