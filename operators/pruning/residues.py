"""Residues: tokens that are made while encoding, and mostly merged further (LiteToken, 2602.04706).

R(t) = emitted / made. Inside a text, a token is made in the same way as when it is encoded alone. So
each time that a token is made, all tokens that it is made of are made too. One pass over the vocabulary, longest tokens
first, therefore counts what a pass over the text would count.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

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
    for tokens in reversed(list(derived_by_length(structure))):
        np.add.at(made, left[tokens], made[tokens])
        np.add.at(made, right[tokens], made[tokens])
    return made


def derived_by_length(structure: Structure) -> Iterator[I64]:
    """Yield the tokens that merges make, those of one length at a time, the shortest first."""
    left, lengths = structure.derivations.left, structure.derivations.length
    derived = np.flatnonzero(left >= 0)
    derived = derived[np.argsort(lengths[derived], kind="stable")]
    yield from np.split(derived, np.flatnonzero(np.diff(lengths[derived])) + 1)


def emitted_share(emitted: I64, made: I64) -> F64:
    """Return R of each token, float64[tokens]; NaN for tokens that are never made."""
    share = np.full(len(made), np.nan)
    np.divide(emitted, made, out=share, where=made > 0)
    return share


def are_residues(structure: Structure, share: F64, entropies: F64, most: float, bits: float) -> NDArray[np.bool_]:
    """Return bool[tokens]: True for residues, of which R is `most` at most and neither entropy is above `bits`.

    share: R of each token. entropies: float64[2, tokens], bits of what stands on the left and on the right; NaN where
    nothing does, as beside a token that never remains.
    """
    low: NDArray[np.bool_] = (share <= most) & ~(entropies > bits).any(0) & ~structure.atoms
    return low


def with_all_made_of(structure: Structure, tokens: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return bool[tokens]: True for these tokens (bool[tokens]) and all that are made of them."""
    found, derivations = tokens.copy(), structure.derivations
    for longer in derived_by_length(structure):
        found[longer] |= found[derivations.left[longer]] | found[derivations.right[longer]]
    return found


def swallowed_share(structure: Structure) -> F64:
    """Return the share of each token's makings that one longer token takes, as far as ranks tell; float64[tokens].

    Training merges the most frequent pair first, and counts fall about as 1 / rank (Zipf): so a token whose next merge
    follows at once stands in hardly any text but that of the longer token. 0 for tokens that no longer one is made of,
    and for tokens that no merge makes.

    >>> from operators.pruning.derivations import structure_of
    >>> from operators.tokenizer import Merges, Tokenizer
    >>> rows = [(97, 98, 256, 9), (100, 101, 257, 7), (257, 102, 258, 7)]
    >>> swallowed_share(structure_of(Tokenizer("none", (), Merges.from_rows(rows))))[256:].round(2).tolist()
    [0.0, 0.67, 0.0]
    """
    left, right, rank = structure.derivations.left, structure.derivations.right, structure.derivations.rank
    share = np.zeros(len(rank))
    for side in (left, right):
        longer = np.flatnonzero(left >= 0)
        longer = longer[(rank[side[longer]] >= 0) & (rank[side[longer]] < rank[longer])]
        np.maximum.at(share, side[longer], (rank[side[longer]] + 1) / (rank[longer] + 1))
    return share
