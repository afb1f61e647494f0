"""Settings of `encode`."""

from typing import Annotated, Literal

from pipelines.results import Streamed
from pipelines.settings import UNHASHED, Settings


class Encode(Settings[Streamed], frozen=True, kw_only=True):
    """Print the token ids of lines of text, a line each."""

    KERNELS = ("encoding",)
    POSITIONAL = ("tokenizer", "files")
    tokenizer: Annotated[str, UNHASHED]
    """The tokenizer, in any form that `retokenize` takes."""
    files: Annotated[list[str], UNHASHED] = []
    """Files of UTF-8 text; without any, standard input. A line ends with a line feed, which is no part of it."""
    show: bool = False
    """Print the tokens in place of their ids, each on a colour of its own; with NO_COLOR set, with bars between."""
    special_tokens_in_text: Literal["text", "ids"] = "text"
    """Text that spells a special token: encoded as `text`, or its id."""
