"""Result of training and measuring one language in a sweep."""

from dataclasses import dataclass

from operators.arrays import I64
from operators.curves.tokens_by_size import Curve


@dataclass(frozen=True)
class Swept:
    """What is known of a language then."""

    curve: Curve
    sizes: I64
    """Vocabulary sizes after each number of merges."""
    tokens: I64
    """Of each compared document, in the baseline's order, with the whole vocabulary."""
    bytes: int
    characters: int
    whitespace: int
    """Characters of the compared text that are white space."""
    overlap: float
    """The part of the vocabulary that is used in both the training text and the compared text."""
    train_bytes: int
