"""Merges for tokens that a tokenizer must have: each token's pieces are joined from the left, behind all other merges.

New merges rank behind the old ones, and their tokens are new, so no old merge has to do with them: a text is encoded as
before, and then the new merges apply. A text whose encoding has none of the new tokens keeps its ids.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pyarrow as pa

from operators.encoding.token_texts import encode_words
from operators.errors import DataError
from operators.text.pretokenize import Pretokenizer
from operators.tokenizer import Merges, Tokenizer

Ranks = dict[tuple[int, int], tuple[int, int]]
"""Rank and token of each new merge, by its pair."""


class NotJoinable(DataError):
    """A token that is in a vocabulary but comes from no merge, and that older merges need."""

    token: str
    message = (
        "{token!r} is a token that no merge makes, and other merges use it; joining it would change other text, so "
        "leave it out"
    )


class CutToken(DataError):
    """A token for merges that the pre-tokenizer cuts, so that no merge can make it."""

    token: str
    words: int
    message = (
        "{token!r} cannot be made by merges: the tokenizer normalizes it or cuts it into words ({words} of them); "
        "leave it out, or use babelmerge add without --as-merges"
    )


@dataclass(frozen=True)
class Required:
    """Merges that make tokens, in order, behind all merges of a tokenizer."""

    merges: Merges
    ids: dict[bytes, int]
    """Id of each token, also of those that the tokenizer had."""
    inner: dict[bytes, int]
    """Tokens on the way that were not asked for: bytes to id."""
    pieces: dict[int, list[int]]
    """Ids of the tokenizer that spell each new token, by its id."""


def require_uncut(pretokenizer: str, tokens: Sequence[str]) -> None:
    """Raise CutToken for the first token that is not one word, spelled as it is."""
    pieces = Pretokenizer(pretokenizer).split(pa.array(tokens, pa.large_string()))
    numbers = np.diff(pieces.documents)
    lengths = np.diff(pieces.starts)
    for token, number, length in zip(tokens, numbers.tolist(), lengths.tolist(), strict=True):
        if number != 1 or length != len(token.encode()):
            raise CutToken(token, number)


def required_merges(tokenizer: Tokenizer, texts: Sequence[bytes]) -> Required:
    """Return the merges that make each of these texts one token. Shorter ones are made first, for longer ones to use.

    texts: not empty; each is encoded as one word. Raises NotJoinable, UnusableIds.

    >>> made = required_merges(Tokenizer("none", (), Merges.from_rows([])), [b"abc"])
    >>> made.merges.token.tolist(), list(made.ids), list(made.inner)
    ([256, 257], [b'abc'], [b'ab'])
    """
    wanted = sorted(dict.fromkeys(texts), key=lambda text: (len(text), text))
    known = {text: i for i, text in tokenizer.text_tokens.items()}
    used = {*tokenizer.merges.left.tolist(), *tokenizer.merges.right.tolist()}
    ranks: Ranks = {}
    spelled: dict[int, list[int]] = {}
    ids, inner, following = dict[bytes, int](), dict[bytes, int](), len(tokenizer.tokens)
    asked = set(wanted)
    for text, word in zip(wanted, encode_words(tokenizer, wanted), strict=True):
        parts = _apply(word, ranks)
        while len(parts) > 1:
            made = [i for part in parts[:2] for i in spelled.get(part, [part])]
            joined = b"".join(tokenizer.tokens[i] for i in made)
            token = known.get(joined, following)
            if token in used:
                raise NotJoinable(joined.decode("utf-8", "replace"))
            following += token == following
            ranks[parts[0], parts[1]] = len(ranks), token
            spelled[token] = made
            if joined not in asked:
                inner[joined] = token
            parts = _apply(parts, ranks)
        ids[text] = parts[0]
    rows = [(left, right, token, -1) for (left, right), (_, token) in ranks.items()]
    return Required(Merges.from_rows(rows), ids, inner, spelled)


def _apply(parts: list[int], ranks: Ranks) -> list[int]:
    """Apply merges to a word until none is possible: always the one of the lowest rank, from the left."""
    while True:
        possible = [(*ranks[pair], pair) for pair in pairwise(parts) if pair in ranks]
        if not possible:
            return parts
        _, token, best = min(possible)
        joined, i = list[int](), 0
        while i < len(parts):
            is_pair = tuple(parts[i : i + 2]) == best
            joined.append(token if is_pair else parts[i])
            i += 1 + is_pair
        parts = joined


def truncated_for(tokenizer: Tokenizer, texts: Sequence[bytes], size: int) -> tuple[Tokenizer, Required] | None:
    """Return the tokenizer cut back until the merges of required tokens fit into `size` tokens, and these merges.

    The tokens learned last give way, as few as the required ones need. None: bytes and special tokens leave too little
    room. tokenizer: one that training made, of `size` tokens or fewer.
    """
    first = len(tokenizer.tokens) - len(np.unique(tokenizer.merges.token))
    keep = len(tokenizer.tokens)
    while keep >= first:
        cut = tokenizer.truncated(keep) if keep > first else replace(tokenizer, merges=Merges.from_rows([]))
        found = required_merges(cut, texts)
        excess = keep + len(np.unique(found.merges.token)) - size
        if excess <= 0:
            return cut, found
        keep -= excess
    return None
