"""Errors of reading and writing tokenizer files."""

from typing import Final

from operators.errors import DataError

_LONGEST: Final = 60


def quoted(text: object) -> str:
    """Quote a part of a file for a message, its first 60 characters."""
    whole = text if isinstance(text, str) else str(text)
    return repr(whole) if len(whole) <= _LONGEST else f"{whole[:_LONGEST]!r}... ({len(whole):,} characters)"


class UnsupportedTokenizer(DataError):
    """A tokenizer file that is whole but holds something that is not read exactly."""

    path: str
    feature: str
    message = "{path}: {feature} cannot be read exactly; give a tokenizer without it"


class MalformedTokenizer(DataError):
    """A tokenizer file that contradicts itself or is something else."""

    path: str
    reason: str
    message = "{path}: {reason}; fetch or write the tokenizer file again"


class InexpressibleTokenizer(DataError):
    """A tokenizer that a file format cannot hold without changing what it does."""

    file_format: str
    reason: str
    message = "this tokenizer cannot be written as {file_format}: {reason}"
