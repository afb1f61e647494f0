"""Merges of a published list that a trainer chose, apart from those that were added by hand or by conversion."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa

from operators.arrays import I64
from operators.text.pretokenize import Pretokenizer
from operators.tokenizer import Tokenizer

LEAST_RUN: Final = 3
"""Number of merges of white space alone, at the head of a list, that shows that they were put there by hand."""
REDUNDANT: Final = 0.01
"""A list in which more merges than this make a token that an earlier one makes was converted, not trained."""
_SPACES: Final = "▁"


@dataclass(frozen=True)
class MergeList:
    """A tokenizer with the merges that are replayed, and which of them are evidence."""

    tokenizer: Tokenizer
    """Tokenizer without redundant merges."""
    scored: I64
    """int64[k]: ranks in its list, rising, of the merges that a trainer chose."""
    redundant: int
    """Merges that were taken out: an earlier one makes their token (Hayase et al. 2024, appendix C)."""
    by_hand: list[bytes]
    """Tokens of white space at the head of the list."""
    beyond: int
    """Merges at the head of the list that another tokenizer has too."""
    forbidden: list[bytes]
    """Tokens that the pre-tokenizer would cut: merges that no text could have led to."""


class NotExtended(ValueError):
    """A merge list that does not contain the tokens of the tokenizer it was said to extend."""


def read_merge_list(tokenizer: Tokenizer, beyond: Tokenizer | None = None) -> MergeList:
    """Separate the merges that a trainer chose from the others, such as those of `beyond`, a tokenizer that it extends.

    Raises NotExtended where fewer than nine in ten of the tokens of `beyond` are among the list's.
    """
    merges = tokenizer.merges
    _, first = np.unique(merges.token, return_index=True)
    again = len(merges) - len(first)
    if again > REDUNDANT * len(merges):
        ranks = np.sort(first)
        tokenizer = replace(
            tokenizer,
            merges=type(merges)(merges.left[ranks], merges.right[ranks], merges.token[ranks], merges.count[ranks]),
        )
        merges = tokenizer.merges
    else:
        again = 0
    tokens = [tokenizer.tokens[i] for i in merges.token.tolist()]
    spaces = 0
    while spaces < len(tokens) and not tokens[spaces].decode("utf-8", "replace").replace(_SPACES, " ").strip():
        spaces += 1
    spaces = spaces if spaces >= LEAST_RUN else 0
    known: set[bytes] = set()
    if beyond is not None:
        known = {beyond.tokens[i] for i in beyond.merges.token.tolist()}
        if len(known & set(tokens)) < 0.9 * len(known):
            raise NotExtended
    scored = np.array([i for i, token in enumerate(tokens) if i >= spaces and token not in known], np.int64)
    return MergeList(
        tokenizer,
        scored,
        again,
        tokens[:spaces],
        sum(token in known for token in tokens),
        forbidden_tokens(tokenizer, [tokens[i] for i in scored.tolist()]),
    )


def forbidden_tokens(tokenizer: Tokenizer, tokens: list[bytes]) -> list[bytes]:
    """Return the tokens, among those that are valid text, that the tokenizer's pre-tokenizer would cut."""
    texts = []
    for token in tokens:
        try:
            texts.append(token.decode())
        except UnicodeDecodeError:
            continue  # a part of a character: what stands around it is not known
    pieces = Pretokenizer(tokenizer.pretokenizer).split(pa.array(texts, pa.large_string()))
    cut = np.flatnonzero(np.diff(pieces.documents) > 1)
    return [texts[i].encode() for i in cut.tolist()]
