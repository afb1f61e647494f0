"""Derivation of each token: the merge by which the token's own bytes become the token (Purason et al. 2025)."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from operators.arrays import I32, I64, U8
from operators.encoding.word_encoder import final_pairs, merge_table
from operators.errors import DataError
from operators.kernels.pruning import Derivations
from operators.tokenizer import Merges, Tokenizer

NOT_BYTE_LEVEL: Final = "its vocabulary is of characters"


class NotPrunable(DataError):
    """A tokenizer whose merges do not say what its tokens are made of."""

    reason: str
    message = "the vocabulary cannot be changed: {reason}; name a byte-level BPE tokenizer"


@dataclass(frozen=True)
class Structure:
    """Tokens of a tokenizer, and what each is made of."""

    derivations: Derivations
    table: I64
    """Pair table of the merges (`operators.kernels.bpe`)."""
    atoms: NDArray[np.bool_]
    """bool[tokens]: True for tokens that are never removed: bytes, special and other added tokens, ids without text."""

    present: NDArray[np.bool_]
    """bool[tokens]: False for ids without a token."""

    @cached_property
    def uses(self) -> I64:
        """Number of derivations that a token is a part of, int64[tokens]; twice for a pair of two equal tokens."""
        made = self.derivations.left >= 0
        parts = np.concatenate([self.derivations.left[made], self.derivations.right[made]])
        return np.bincount(parts, minlength=len(made)).astype(np.int64)


def structure_of(tokenizer: Tokenizer) -> Structure:
    """Return what the tokens are made of. Raises NotPrunable."""
    known = tokenizer.vocabulary
    if tokenizer.library is not None:
        raise NotPrunable(tokenizer.library.reason)
    if (model := tokenizer.without_merges) is not None:
        raise NotPrunable(f"it is a {model} model, without a merge list")
    if known.characters is not None or int(known.byte_ids.min()) < 0:
        raise NotPrunable(NOT_BYTE_LEVEL)
    texts, size = tokenizer.text_tokens, len(tokenizer.tokens)
    table = merge_table(tokenizer.merges)
    left, right = np.full(size, -1, np.int32), np.full(size, -1, np.int32)
    rank, length = np.full(size, -1, np.int64), np.zeros(size, np.int32)
    ids, pairs = np.fromiter(texts, np.int64, len(texts)), final_pairs(texts, tokenizer.byte_ids, table)
    ranks = _ranks(tokenizer.merges, pairs)
    made = (ranks >= 0) & (tokenizer.merges.token[ranks] == ids)
    left[ids[made]], right[ids[made]], rank[ids[made]] = pairs[made, 0], pairs[made, 1], ranks[made]
    length[ids] = [len(text) for text in texts.values()]
    atoms = length == 0
    atoms[[*known.byte_ids.tolist(), *known.special_ids]] = True
    present = length > 0
    present[[*known.special_ids]] = True
    left[atoms], right[atoms], rank[atoms] = -1, -1, -1
    return Structure(Derivations(left, right, rank, length, _late(left, right, rank, length)), table, atoms, present)


def _ranks(merges: Merges, pairs: I64) -> I64:
    """Return the rank of each pair (int64[n, 2]), int64[n]; -1 without a merge, the last where a pair stands twice."""
    if not len(merges):
        return np.full(len(pairs), -1, np.int64)
    keys = merges.left.astype(np.int64) << 32 | merges.right
    order = np.argsort(keys, kind="stable")
    wanted = pairs[:, 0] << 32 | pairs[:, 1] & 0xFFFFFFFF
    found = order[np.searchsorted(keys[order], wanted, side="right") - 1]
    return np.where(keys[found] == wanted, found, -1)


def _late(left: I32, right: I32, rank: I64, length: I32) -> U8:
    """Return `Derivations.late`. Training makes no late tokens; Llama 3 has 81 of them."""
    made = left >= 0
    late = np.zeros(len(left), np.uint8)
    late[made] = np.maximum(rank[left[made]], rank[right[made]]) > rank[made]
    if late.any():
        shortest_first = np.flatnonzero(made)[np.argsort(length[made], kind="stable")]
        for token in shortest_first.tolist():
            late[token] |= late[left[token]] | late[right[token]]
    return late


def merges_of(merges: Merges, tokens: I64) -> tuple[I64, Merges]:
    """Return the merges that make each of these tokens, token by token, and where each one's end (int64[tokens])."""
    order = np.argsort(merges.token, kind="stable")
    first, last = (np.searchsorted(merges.token[order], tokens, side=side) for side in ("left", "right"))
    ends = np.cumsum(last - first).astype(np.int64)
    rows = order[np.arange(ends[-1] if len(ends) else 0) + np.repeat(last - ends, last - first)]
    return ends, Merges(merges.left[rows], merges.right[rows], merges.token[rows], merges.count[rows])
