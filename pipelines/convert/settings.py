"""Settings of `convert`."""

from typing import Annotated, Literal

from pipelines.results import Converted
from pipelines.settings import UNHASHED, Settings

FileFormatName = Literal["hugging-face", "tiktoken", "sentencepiece", "tekken"]


class Convert(Settings[Converted], frozen=True, kw_only=True):
    """Write a tokenizer in another file format, with the same tokens for every text, or say why that cannot be."""

    tokenizer: Annotated[str, UNHASHED]
    """Tokenizer to convert, in any form that `retokenize` takes."""
    to: FileFormatName
    """Format: `hugging-face` (tokenizer.json), `tiktoken` (ranks.tiktoken, with its expression and special tokens in
    tiktoken.json), `sentencepiece` (tokenizer.model) or `tekken` (tekken.json)."""
    out: Annotated[str, UNHASHED]
    """Directory for the files."""
    new_ids: bool = False
    """Give special tokens the first ids, then the bytes in order, then the others without gaps, as tekken asks;
    ids.parquet has the old and new ids. By default every token keeps its id."""

    KERNELS = ("encoding",)
    POSITIONAL = ("tokenizer",)
