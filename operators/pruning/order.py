"""Order in which tokens leave a vocabulary: always a leaf, the least used one first (Purason et al. 2025).

A leaf is a token that no other token is made of. Without a leaf, the remaining merge list still makes every remaining
token. The parts of a removed token take over its occurrences, and a part without other uses becomes a leaf.
"""

from collections.abc import Sequence
from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import NDArray

from operators.arrays import I64
from operators.pruning.derivations import Structure


def removal_order(
    structure: Structure, counts: I64, *, first: NDArray[np.bool_] | None = None, protected: Sequence[int] = ()
) -> tuple[I64, I64]:
    """Return the tokens in the order of their removal, and the count of each when it is removed; int64[removable].

    counts: int64[tokens], occurrences of each token in the encoding of a corpus; zeros remove the greatest id first.
    Of two leaves, that with the lower count is removed first, then that with the greater id. first: bool[tokens], the
    tokens that leave before all others. protected: tokens that stay, with all that they are made of.

    >>> from operators.pruning.derivations import structure_of
    >>> from operators.tokenizer import Merges, Tokenizer
    >>> tokenizer = Tokenizer("none", (), Merges.from_rows([(97, 98, 256, 1), (256, 99, 257, 1)]))
    >>> removal_order(structure_of(tokenizer), np.zeros(258, np.int64))[0].tolist()
    [257, 256]
    """
    left, right = structure.derivations.left.tolist(), structure.derivations.right.tolist()
    uses, held = structure.uses.tolist(), counts.tolist()
    early = np.zeros(len(uses), np.bool_) if first is None else first
    rank = np.where(early, 0, 1).tolist()
    stays = structure.atoms.copy()
    stays[list(protected)] = True
    fixed = stays.tolist()
    queue = [(rank[i], held[i], -i) for i in range(len(uses)) if not uses[i] and not fixed[i]]
    heapify(queue)
    order: list[int] = []
    final: list[int] = []
    while queue:
        _, count, token = heappop(queue)
        token = -token
        order.append(token)
        final.append(count)
        if left[token] < 0:
            continue
        for part in (left[token], right[token]):
            held[part] += count
            uses[part] -= 1
        for part in {left[token], right[token]}:
            if not uses[part] and not fixed[part]:
                heappush(queue, (rank[part], held[part], -part))
    return np.array(order, np.int64), np.array(final, np.int64)
