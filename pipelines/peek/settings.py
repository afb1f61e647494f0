"""Settings of `peek`."""

from typing import Annotated

from msgspec import Meta

from pipelines.results import Peeked
from pipelines.settings import UNHASHED, Settings


class Peek(Settings[Peeked], frozen=True, kw_only=True):
    """Show documents of token shards of any format: their ids and, with the tokenizer, their text."""

    shards: Annotated[list[str], UNHASHED]
    """Shards, or directories that retokenize or join wrote, whose first shard is shown."""
    tokenizer: Annotated[str | None, UNHASHED] = None
    """The tokenizer that made them, in any form that `retokenize` takes; without it the ids are shown alone."""
    documents: Annotated[int, Meta(ge=1)] = 3
    """Number of documents of each shard to show."""
    tokens: Annotated[int, Meta(ge=1)] = 32
    """Number of tokens of each document to show."""
