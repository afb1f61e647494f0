"""Settings of `prune`."""

from typing import Annotated

from msgspec import Meta

from pipelines.results import Pruned
from pipelines.settings import UNHASHED, Corpus, CorpusSettings


class Prune(CorpusSettings[Pruned], frozen=True, kw_only=True):
    """Remove tokens from a tokenizer that exists: always one that no other is made of, the least used one first."""

    tokenizer: Annotated[str, UNHASHED]
    """Tokenizer to prune, in any form that `retokenize` takes."""
    corpus: Annotated[Corpus, UNHASHED] = []
    """Text that shows which tokens are used; without it, the greatest ids leave first."""
    out: Annotated[str, UNHASHED]
    """Directory for the tokenizer, as train writes it, ids.parquet, fragmentation.parquet, and word tables under
    words/."""
    to: Annotated[int, Meta(ge=257)] | None = None
    """Number of tokens that remain. Without it, all tokens leave that the given `scripts` or `languages` do not use,
    and those that `residue` names."""
    last: bool = False
    """Remove the greatest ids first, whatever the corpus uses: what training to that size would have given."""
    scripts: list[str] | None = None
    """Scripts to keep, by their ISO 15924 codes (Latn, Cyrl): tokens with a letter of another script leave first."""
    languages: list[str] | None = None
    """Count only what these languages of the corpus use."""
    residue: Annotated[float, Meta(gt=0, le=1)] | None = None
    """Residues leave first, with all that is made of them: tokens that remain in at most this share of their makings (R
    of LiteToken). With `to` only as many leave as that asks for, the least used first."""
    entropy: Annotated[float, Meta(ge=0)] = 4.0
    """With `residue`: largest entropy, in bits, of the tokens on either side of a residue; tokens that stand in more
    contexts stay."""
    protect: Annotated[str, UNHASHED] | None = None
    """File of tokens that stay: one text a line, or a .json list of texts."""
    keep_ids: bool = False
    """Keep the id of every token, so that the ids of removed tokens remain empty; by default ids have no gaps."""
    partitions: Annotated[int, Meta(ge=1, le=10_000), UNHASHED] = 16
    """Number of partitions of the word tables, by hash; no more workers than this can count tokens."""

    KERNELS = ("words", "uint32_ids", "encoding", "pruning")
    POSITIONAL = ("tokenizer", "corpus")
