"""Expected tokens of languages in text like the searched half, from that half and from the training text.

A half has few documents, so the change of a language's tokens from one tokenizer to another errs there by up to some
percent: more than a bound on the loss can bear. The training text is larger. Where the changes in both texts differ no
more than documents of the half do from each other, the texts are of one kind, and the change in the training text is
taken; the more they differ, the less of it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.arrays import F64

LIKELY: Final = 2.0
"""Standard errors within which two changes of tokens pass for equal."""


@dataclass(frozen=True)
class Expectation:
    """Tokens of n languages under a reference tokenizer, and what the training text says about others."""

    searched: F64
    """float64[n]: tokens of the searched half."""
    training: F64
    """float64[n]: tokens of the training text."""
    trust: float
    """Part of the way, in logarithms, from the change in the searched half to that in the training text; 0 to 1."""

    def tokens(self, searched: F64, training: F64) -> F64:
        """Return the expected tokens (float64[n]) of a tokenizer, from its tokens of both texts.

        >>> once = Expectation(np.array([100.0]), np.array([1000.0]), trust=0.5)
        >>> once.tokens(np.array([110.0]), np.array([1100.0])).round(1).tolist()
        [110.0]
        >>> once.tokens(np.array([121.0]), np.array([1000.0])).round(1).tolist()
        [110.0]
        """
        change, elsewhere = searched / self.searched, training / self.training
        expected: F64 = searched * (elsewhere / change) ** self.trust
        return expected


def trust_in_training(before: F64, after: F64, change: F64) -> float:
    """Return how much of the training text's change to take, 0 to 1.

    before, after: float64[documents, n], tokens of the searched documents under two tokenizers. change: float64[n],
    tokens of the training text under the second over those under the first. The squares of the standard errors of the
    searched change (of a ratio of sums, Cochran 1977, 6.4) are compared with those of its distances from `change`, each
    summed over languages.
    """
    totals = after.sum(0)
    ratios = totals / before.sum(0)
    documents = len(before)
    errors = ((after - ratios * before) ** 2).sum(0) / totals**2 * documents / (documents - 1)
    distances = np.log(ratios / change) ** 2
    if not distances.sum():
        return 1.0
    return float(min(1.0, LIKELY**2 * errors.sum() / distances.sum()))
