"""Choices of `prune`: the tokens that leave first, and how many leave."""

import numpy as np
from numpy.typing import NDArray

from operators.arrays import I64
from operators.errors import UsageError
from operators.pruning.derivations import Structure
from operators.tokenizer import Tokenizer
from operators.unicode.scripts import SCRIPTS, script_of
from pipelines.prune.settings import Prune
from pipelines.settings import BadSettings


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
