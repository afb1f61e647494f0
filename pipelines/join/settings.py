"""Settings of `join`."""

from typing import Annotated

from pipelines.results import Retokenized
from pipelines.settings import UNHASHED, Settings, size_in_bytes


class Join(Settings[Retokenized], frozen=True, kw_only=True):
    """Join the token shards of one output or of several into one large file, or into files of a size."""

    shards: Annotated[list[str], UNHASHED]
    """Directories that `retokenize` wrote, with one tokenizer and format; their shards are joined in this order."""
    out: Annotated[str, UNHASHED]
    """Directory for the joined files."""
    size: str | None = None
    """Approximate size of a file, e.g. 10GB: shards are joined whole until it is reached. By default all become one."""

    def __post_init__(self) -> None:
        """Verify the size before any work. Raises BadSettings."""
        if self.size is not None:
            size_in_bytes("size", self.size)
