"""Settings of `retokenize`."""

from typing import Annotated, Literal

from msgspec import Meta

from pipelines.settings import Corpus, Settings


class Retokenize(Settings, frozen=True, kw_only=True):
    """Write the token ids of a corpus; run again, encode only what is new or changed since."""

    corpus: Corpus
    """Paths, globs or URIs of text; a .yaml file lists sources."""
    tokenizer: str
    """A directory that train wrote, a tokenizer.json, or FILE.tiktoken[,pretokenizer=NAME]."""
    out: str
    """Directory for the token shards."""
    format: Literal["parquet", "megatron"] = "parquet"
    """`parquet`: id, language, tokens; `megatron`: pairs of .bin and .idx, as its indexed dataset reads them."""
    separator: str | None = None
    """A token, by its text or its id (digits are an id), that is put behind each document; by default none is."""
    special_tokens_in_text: Literal["text", "ids"] = "text"
    """What looks like a special token in a text is encoded as `text`, or becomes that token (`ids`)."""
    inference: str = "merges"
    """How words become tokens: merges, longest-prefix, longest-token, longest-suffix, fewest-tokens, dropout:P or
    stochastok:P."""
    seed: Annotated[int, Meta(ge=0)] = 0
    """Of the random ones among these; what a document becomes depends on it and the document's id alone."""
