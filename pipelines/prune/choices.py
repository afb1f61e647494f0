"""Choices of `prune`: the tokens that stay, those that leave first, and how many leave."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from operators.arrays import I64
from operators.errors import DataError, UsageError
from operators.pruning.derivations import Structure
from operators.tokenizer import Tokenizer
from operators.unicode.scripts import SCRIPTS, script_of
from pipelines.prune.settings import Prune
from pipelines.settings import BadSettings
from pipelines.token_lists import read_token_list

SHOWN: Final = 5
"""Largest number of tokens that a message names."""


class UnknownTokens(DataError):
    """Tokens to protect that the tokenizer lacks."""

    path: str
    number: int
    some: list[str]
    message = "{path}: {number:,} of these tokens are not in the tokenizer, such as {some}; take them out of the file"


class UnreachableSize(UsageError):
    """A size that the tokens that stay exceed, or that the tokenizer has not."""

    size: int
    tokens: int
    """Tokens of the tokenizer."""
    least: int
    """Tokens that stay in any case: bytes, special tokens, protected tokens and all that these are made of."""

    def __str__(self) -> str:
        if self.size >= self.tokens:
            return f"to: {self.size:,} is not below the {self.tokens:,} tokens of the tokenizer; ask for fewer"
        why = f"the {self.least:,} that stay (bytes, special and protected tokens, and what those are made of)"
        return f"to: {self.size:,} tokens are fewer than {why}; ask for {self.least:,} or more"


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


def of_other_scripts(tokenizer: Tokenizer, scripts: list[str]) -> NDArray[np.bool_]:
    """Return bool[tokens]: True for tokens with a letter or mark of none of these scripts. Raises BadSettings.

    Bytes that are no whole character tell no script.
    """
    for script in scripts:
        if script not in SCRIPTS[1:]:
            raise BadSettings("scripts", f"{script!r} is no script code; name some of {', '.join(SCRIPTS[2:])}")
    allowed = {"", *scripts}
    other = np.zeros(len(tokenizer.tokens), np.bool_)
    for token, text in tokenizer.text_tokens.items():
        other[token] = any(script_of(character) not in allowed for character in text.decode("utf-8", "ignore"))
    return other


def number_to_remove(settings: Prune, structure: Structure, order: I64, counts: I64, first: NDArray[np.bool_]) -> int:
    """Return how many tokens of the order leave. counts: of each token when it leaves. Raises UnreachableSize."""
    if settings.to is None:
        unused = counts == 0 if settings.languages is not None else np.zeros(len(order), np.bool_)
        leaving = unused | first[order]
        return int(np.argmin(np.append(leaving, False)))
    tokens = int(np.count_nonzero(structure.present))
    least = tokens - len(order)
    if not least <= settings.to < tokens:
        raise UnreachableSize(settings.to, tokens, least)
    return tokens - settings.to
