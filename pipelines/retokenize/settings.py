"""Settings of `retokenize`."""

from typing import Annotated, Literal

from msgspec import Meta

from pipelines.results import Retokenized
from pipelines.settings import UNHASHED, Corpus, Settings

Format = Literal["parquet", "megatron"]


class Retokenize(Settings[Retokenized], frozen=True, kw_only=True):
    """Write the token ids of a corpus; run again, encode only what is new or changed since."""

    corpus: Annotated[Corpus, UNHASHED]
    """Paths, globs or URIs of text; a .yaml file lists sources."""
    tokenizer: Annotated[str, UNHASHED]
    """A directory that train wrote, a tokenizer.json, or FILE.tiktoken[,pretokenizer=NAME]."""
    out: Annotated[str, UNHASHED]
    """Directory for the token shards."""
    format: Format = "parquet"
    """`parquet`: id, language, tokens; `megatron`: pairs of .bin and .idx, as its indexed dataset reads them."""
    separator: str | None = None
    """A token, by its text or its id (digits are an id), that is put behind each document; by default none is."""
    special_tokens_in_text: Literal["text", "ids"] = "text"
    """Treatment of special tokens that a text spells: encode them as `text`, or as their `ids`."""
    inference: str = "merges"
    """Segmentation of words into tokens: merges, longest-prefix, longest-token, longest-suffix, fewest-tokens,
    dropout:P or stochastok:P."""
    seed: Annotated[int, Meta(ge=0)] = 0
    """Seed of the random segmentations; a document's tokens depend on the seed and the document's id alone."""

    def kernels(self) -> tuple[str, ...]:
        """Return the groups of kernels that encoding runs; random segmentations have a group of their own."""
        return ("encoding", "stochastic") if ":" in self.inference else ("encoding",)
