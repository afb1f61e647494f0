"""Settings of `extend`."""

from typing import Annotated

from msgspec import Meta

from pipelines.results import Trained
from pipelines.settings import UNHASHED, ComparedSettings, Corpus


class Extend(ComparedSettings[Trained], frozen=True, kw_only=True):
    """Learn more tokens for a tokenizer that exists; its merges and ids stay. The same as `train` with `extend`."""

    tokenizer: Annotated[str, UNHASHED]
    """Tokenizer to extend, in any form that `retokenize` takes."""
    corpus: Annotated[Corpus, UNHASHED]
    """Text to learn from."""
    out: Annotated[str, UNHASHED]
    """Directory for the tokenizer, as train writes it, and word tables under words/."""
    to: Annotated[int, Meta(ge=257, le=100_000_000)]
    """Number of tokens afterwards, the old ones included."""
    special_tokens: list[str] = []
    """Special tokens to add, on the next free ids."""
    min_pair_count: Annotated[int, Meta(ge=1, le=1 << 62)] = 1
    """Training ends when the most frequent pair is rarer than this (weighted) count."""
    max_token_length: Annotated[int, Meta(ge=2, le=10**9)] | None = None
    """Length in bytes that no merged token reaches, as in `train`."""
    shares: dict[str, Annotated[float, Meta(gt=0)]] | None = None
    """Shares of languages in bytes, as in `train`."""
    weights: dict[str, Annotated[float, Meta(gt=0)]] | str | None = None
    """Weights of languages, as in `train`."""
    temperature: Annotated[float, Meta(ge=1, le=1000)] | None = None
    """Temperature of the shares of languages, as in `train`."""
    partitions: Annotated[int, Meta(ge=1, le=10_000), UNHASHED] = 16
    """Number of partitions of the word tables, by hash; no more workers than this can train."""
    resume: Annotated[bool, UNHASHED] = True
    """Resume an interrupted run of the same settings after its last merges; no: train from the first new merge."""

    KERNELS = ("words", "uint32_ids", "encoding")
    POSITIONAL = ("tokenizer", "corpus")
