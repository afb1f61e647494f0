"""Merges that encoding applies: formats without a merge list (ranks, scores) say the same where these are in order.

Two neighbours that spell a token come to the pair to which the token alone comes: nothing has crossed the token's
borders until then. So of all merges that make a token, the one of its final pair is the only one that is ever applied.
"""

import numpy as np

from operators.encoding.word_encoder import final_pairs, merge_table
from operators.tokenizer import Merges, Tokenizer


def final_merges(tokenizer: Tokenizer) -> Merges:
    """Return the merges that make their token out of its final pair, in order, each once.

    Here (a, bc) joins nothing, as a and b are joined first:

    >>> rows = [(97, 98, 256, 1), (98, 99, 257, 1), (256, 99, 258, 1), (97, 257, 258, 1)]
    >>> final_merges(Tokenizer("none", (), Merges.from_rows(rows))).left.tolist()
    [97, 98, 256]
    """
    texts, merges = tokenizer.text_tokens, tokenizer.merges
    characters = tokenizer.vocabulary.characters
    ends = final_pairs(texts, tokenizer.byte_ids, merge_table(merges), characters=characters)
    at = np.searchsorted(np.fromiter(texts, np.int64, len(texts)), merges.token)
    is_final = (ends[at, 0] == merges.left) & (ends[at, 1] == merges.right)
    last = merges.last_places
    rows = last[is_final[last]]
    return Merges(merges.left[rows], merges.right[rows], merges.token[rows], merges.count[rows])
