"""Extension of a tokenizer by more merges: which tokenizers allow it, and the extended tokenizer.

The old merges keep their ranks, every token keeps its id, new ids follow the largest. So text is encoded by the old
merges first, then by the new ones.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from operators.encoding.word_encoder import final_pairs, merge_table
from operators.errors import DataError, UsageError
from operators.tokenizer import AddedToken, Merges, Tokenizer
from operators.tokenizer_files.hugging_face_output import to_json

_SHOWN: Final = 40


class NotExtendable(DataError):
    """A tokenizer whose merge list, applied in order, does not give its encoding of text."""

    reason: str
    message = "extend: {reason}; extend a tokenizer whose merge list alone says what text becomes"


class MaxTokenLengthTooSmall(UsageError):
    """A `max_token_length` under which the tokenizer's own merges would not be counted."""

    max_token_length: int
    longest: int
    """Bytes of the longest token that a merge makes."""
    least: int
    """The smallest limit that allows it."""
    message = (
        "max_token_length: the tokenizer to extend has merges of {longest} bytes, which a limit of {max_token_length} "
        "would not count; ask for {least} or more, or leave it out"
    )


def check_extendable(tokenizer: Tokenizer, max_token_length: int | None = None) -> None:
    """Raise an error unless the tokenizer can be extended.

    NotExtendable where replaying the merges would not give its encoding, MaxTokenLengthTooSmall where its own merges
    would not be counted, InexpressibleTokenizer where tokenizer.json cannot hold the result.
    """
    if (model := tokenizer.without_merges) is not None:
        raise NotExtendable(f"a {model} model has no merge list")
    to_json(tokenizer)
    texts = tokenizer.text_tokens
    if tokenizer.ignore_merges:
        unreached = _unreached(tokenizer)
        if unreached:
            some = ascii(texts[unreached[0]][:_SHOWN])[1:]
            raise NotExtendable(
                f"{len(unreached):,} tokens are taken as whole words and come from no merges ({some} is one)"
            )
    lengths = [len(texts[left]) + len(texts[right]) for left, right in _pairs(tokenizer.merges)]
    longest = max((length for length in lengths if length > 2), default=0)
    if max_token_length is not None and longest >= max_token_length:
        raise MaxTokenLengthTooSmall(max_token_length, longest, longest + 1)


def _unreached(tokenizer: Tokenizer) -> list[int]:
    """Return the ids of tokens that the merges do not make from the token's own bytes."""
    texts, table = tokenizer.text_tokens, merge_table(tokenizer.merges)
    made = dict(zip(_pairs(tokenizer.merges), tokenizer.merges.token.tolist(), strict=True))
    ends = final_pairs(texts, tokenizer.byte_ids, table).tolist()
    return [
        token
        for (token, text), (left, right) in zip(texts.items(), ends, strict=True)
        if len(text) > 1 and made.get((left, right)) != token
    ]


def _pairs(merges: Merges) -> list[tuple[int, int]]:
    return list(zip(merges.left.tolist(), merges.right.tolist(), strict=True))


def with_special_tokens(tokenizer: Tokenizer, names: Sequence[str]) -> Tokenizer:
    """Return the tokenizer with more special tokens, on the ids behind its own."""
    known, first = tokenizer.vocabulary, len(tokenizer.tokens)
    ids = range(first, first + len(names))
    more = replace(
        known, tokens=[*known.tokens, *(name.encode() for name in names)], special_ids=(*known.special_ids, *ids)
    )
    added = tuple(AddedToken(name, i) for name, i in zip(names, ids, strict=True)) if tokenizer.added else ()
    special = (*tokenizer.special_tokens, *names)
    return replace(tokenizer, special_tokens=special, published=more, added=(*tokenizer.added, *added))


def extend(tokenizer: Tokenizer, learned: Merges) -> tuple[Tokenizer, int]:
    """Return the tokenizer with `learned` after its merges, and how many of `learned` were left out.

    A pair that the tokenizer merges already can be learned again, once another merge makes its left or right token
    anew. In a list a pair's last place counts, so to repeat it would move a merge that must stay: it is left out.
    Encoding applies it where it was.
    """
    given = set(_pairs(tokenizer.merges))
    new = np.array([pair not in given for pair in _pairs(learned)], np.bool_)
    kept = Merges(learned.left[new], learned.right[new], learned.token[new], learned.count[new])
    merges = Merges.joined([tokenizer.merges, kept])
    repeated = len(learned) - len(kept)
    if tokenizer.published is None:
        return replace(tokenizer, merges=merges), repeated
    old = tokenizer.published
    texts, tokens = dict(tokenizer.text_tokens), list(old.tokens)
    for (left, right), token in zip(_pairs(kept), kept.token.tolist(), strict=True):
        texts[token] = texts.get(token, texts[left] + texts[right])
        if token == len(tokens):
            tokens.append(texts[token])
    return replace(tokenizer, merges=merges, published=replace(old, tokens=tokens)), repeated
