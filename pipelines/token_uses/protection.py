"""Tokens that must stay: those that a file names."""

from typing import Final

from operators.errors import DataError
from operators.tokenizer import Tokenizer
from pipelines.token_lists import read_token_list

SHOWN: Final = 5
"""Largest number of tokens that a message names."""


class UnknownTokens(DataError):
    """Tokens to protect that the tokenizer lacks."""

    path: str
    number: int
    some: list[str]
    message = "{path}: {number:,} of these tokens are not in the tokenizer, such as {some}; take them out of the file"


def protected_tokens(tokenizer: Tokenizer, path: str | None) -> list[int]:
    """Return the ids of the tokens that a file names. Raises BadSettings, UnknownTokens."""
    if path is None:
        return []
    ids = {text: i for i, text in tokenizer.text_tokens.items()}
    ids |= {
        name.encode(): i for name, i in zip(tokenizer.special_tokens, tokenizer.vocabulary.special_ids, strict=True)
    }
    wanted = read_token_list(path, "protect")
    missing = [name for name in wanted if name.encode() not in ids]
    if missing:
        raise UnknownTokens(path, len(missing), missing[:SHOWN])
    return sorted({ids[name.encode()] for name in wanted})
