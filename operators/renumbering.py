"""New ids for the tokens of a tokenizer; tokens without one are gone."""

from dataclasses import replace

import numpy as np

from operators.arrays import I64
from operators.tokenizer import Merges, Tokenizer, Vocabulary


def with_new_ids(tokenizer: Tokenizer, new_ids: I64) -> Tokenizer:
    """Return the tokenizer with other ids.

    new_ids: int64[tokens], the new id of each, each its own; -1: the token is gone, with all merges that it is in.
    Bytes and special tokens have one. Ids that no token takes are without text.

    >>> tokenizer = Tokenizer("none", (), Merges.from_rows([(97, 98, 256, 1)]))
    >>> with_new_ids(tokenizer, np.arange(257)[::-1].astype(np.int64)).tokens[0]
    b'\\xa4\\xa5'
    """
    known, merges = tokenizer.vocabulary, tokenizer.merges
    kept = new_ids >= 0
    rows = kept[merges.left] & kept[merges.right] & kept[merges.token]
    left, right, token = (new_ids[ids[rows]].astype(np.int32) for ids in (merges.left, merges.right, merges.token))
    tokens = [b""] * (int(new_ids.max(initial=-1)) + 1)
    for i, text in zip(new_ids.tolist(), known.tokens, strict=True):
        if i >= 0:
            tokens[i] = text
    vocabulary = Vocabulary(
        tokens, new_ids[known.byte_ids].astype(np.int32), tuple(int(new_ids[i]) for i in known.special_ids)
    )
    return replace(
        tokenizer,
        merges=Merges(left, right, token, merges.count[rows]),
        published=vocabulary,
        added=tuple(replace(one, id=int(new_ids[one.id])) for one in tokenizer.added),
    )


def special_and_bytes_first(tokenizer: Tokenizer) -> I64:
    """Return new ids (int64[tokens]): special tokens, then bytes by value, then the others in their order; no gaps."""
    known = tokenizer.vocabulary
    first = [*known.special_ids, *known.byte_ids.tolist()]
    taken = set(first)
    order = [*first, *(i for i, text in enumerate(known.tokens) if text and i not in taken)]
    new_ids = np.full(len(known.tokens), -1, np.int64)
    new_ids[order] = np.arange(len(order))
    return new_ids
