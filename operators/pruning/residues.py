"""Residues: tokens that are made while encoding, and mostly merged further (LiteToken, 2602.04706).

R(t) = emitted / made. A token's inside is encoded as the token is encoded alone, so each time a token is made, so is
all that it is made of: one pass over the vocabulary, longest tokens first, counts what a pass over the text would.
"""

import numpy as np

from operators.arrays import F64, I64
from operators.pruning.derivations import Structure


def made_counts(structure: Structure, emitted: I64) -> I64:
    """Return how often each token is made, int64[tokens]; emitted: how often it remains, int64[tokens].

    >>> from operators.pruning.derivations import structure_of
    >>> from operators.tokenizer import Merges, Tokenizer
    >>> tokenizer = Tokenizer("none", (), Merges.from_rows([(97, 98, 256, 1), (256, 99, 257, 1)]))
    >>> emitted = np.zeros(258, np.int64)
    >>> emitted[[256, 257]] = 1, 9
    >>> made_counts(structure_of(tokenizer), emitted)[[97, 256, 257]].tolist()
    [10, 10, 9]
    """
    left, right = structure.derivations.left, structure.derivations.right
    made = emitted.copy()
    lengths = structure.derivations.length
    derived = np.flatnonzero(left >= 0)
    for length in np.unique(lengths[derived])[::-1].tolist():
        tokens = derived[lengths[derived] == length]
        np.add.at(made, left[tokens], made[tokens])
        np.add.at(made, right[tokens], made[tokens])
    return made


def emitted_share(emitted: I64, made: I64) -> F64:
    """Return R of each token, float64[tokens]; NaN for tokens that are never made."""
    share = np.full(len(made), np.nan)
    np.divide(emitted, made, out=share, where=made > 0)
    return share
