"""Result of training and measuring one language in a sweep."""

from dataclasses import dataclass

from operators.arrays import I64
from operators.curves.tokens_by_size import Curve


@dataclass(frozen=True)
class SuperwordTokens:
    """Result of a language's tokenizer with superwords, of as many tokens as the one of words."""

    vocabulary: int
    """Number of tokens; fewer than words have where no pair was left."""
    tokens: I64
    """Tokens of each compared document (int64), as in `LanguageSweep`."""
    words_cut: float
    """Share of the training text's words that the second stage cuts."""


@dataclass(frozen=True)
class LanguageSweep:
    """Result of training and measuring one language."""

    curve: Curve
    sizes: I64
    """Vocabulary sizes after each number of merges."""
    tokens: I64
    """Tokens of each compared document (int64), in the baseline's order, with the whole vocabulary."""
    bytes: int
    """Bytes of the compared text."""
    characters: int
    """Characters of the compared text."""
    whitespace: int
    """White-space characters of the compared text."""
    overlap: float
    """Share of the vocabulary that both the training text and the compared text use."""
    train_bytes: int
    """Bytes of the training text."""
    superwords: SuperwordTokens | None = None
    """The same with superwords, where they are asked for."""
