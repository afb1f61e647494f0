"""Settings of `decode`."""

from typing import Annotated

from pipelines.results import Streamed
from pipelines.settings import UNHASHED, Settings


class Decode(Settings[Streamed], frozen=True, kw_only=True):
    """Print the text of token ids, a line for each line of ids."""

    KERNELS = ("encoding",)
    POSITIONAL = ("tokenizer", "files")
    tokenizer: Annotated[str, UNHASHED]
    """The tokenizer, in any form that `retokenize` takes."""
    files: Annotated[list[str], UNHASHED] = []
    """Files with a document's ids on each line, between spaces, commas or brackets; without any, standard input."""
