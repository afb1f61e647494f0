"""Tokens of one tokenizer as merges behind those of another: vocabulary expansion by appending.

A token of the second is made as the second makes it. Where the first one's merges, which come first, cut its text in
another way, its parts never meet: it is unreachable, and left out (Purason et al. 2025, 2512.03989, count them).
"""

from dataclasses import dataclass

from operators.encoding.token_texts import encode_words
from operators.tokenizer import Merges, Tokenizer
from operators.tokenizer_files.final_merges import final_merges
from operators.training.extension import extend

Derivation = tuple[bytes, bytes, bytes]
"""Left part, right part, and the token that they make."""


@dataclass(frozen=True)
class Union:
    """A tokenizer with the tokens of another."""

    tokenizer: Tokenizer
    added: list[bytes]
    """Tokens that were added, in the order of their ids."""
    unreachable: list[bytes]
    """Tokens that the first tokenizer's merges keep from being made."""
    underived: list[bytes]
    """Tokens that the second takes as whole words and makes by no merges."""
    shared: int
    """Number of tokens of text that both have."""


def union(first: Tokenizer, second: Tokenizer, size: int | None = None) -> Union:
    """Return `first` with the tokens of `second` that it lacks, in the order of their merges, up to `size` tokens.

    Both are byte-level. Special tokens of the second are left out. Raises UnusableIds.

    >>> first = Tokenizer("none", (), Merges.from_rows([(64, 65, 256, 1)]))
    >>> second = Tokenizer("none", (), Merges.from_rows([(65, 66, 256, 1), (64, 256, 257, 1), (256, 66, 258, 1)]))
    >>> joined = union(first, second)
    >>> joined.added, joined.unreachable
    ([b'bc', b'bcc'], [b'abc'])
    """
    texts, known = second.text_tokens, set(first.text_tokens.values())
    derivations = _derivations(second)
    wanted = [one for one in derivations if one[2] not in known]
    every = _appended(first, wanted)
    ids = {text: i for i, text in every.text_tokens.items()}
    words = encode_words(every, [text for _, _, text in wanted])
    reached = [one for one, word in zip(wanted, words, strict=True) if word == [ids[one[2]]]]
    chosen = reached if size is None else reached[: max(0, size - len(first.tokens))]
    made = {text for _, _, text in reached}
    derived = {text for _, _, text in derivations} | {bytes([byte]) for byte in range(256)}
    return Union(
        _appended(first, chosen),
        [text for _, _, text in chosen],
        [text for _, _, text in wanted if text not in made],
        [text for text in texts.values() if text not in derived and text not in known],
        len(known & set(texts.values())),
    )


def _derivations(tokenizer: Tokenizer) -> list[Derivation]:
    """Return how the tokens are made, in the order of their merges, but each behind its parts."""
    texts, merges = tokenizer.text_tokens, final_merges(tokenizer)
    rows = list(zip(merges.left.tolist(), merges.right.tolist(), merges.token.tolist(), strict=True))
    place = {token: i for i, (_, _, token) in enumerate(rows)}
    shortest_first = sorted(range(len(rows)), key=lambda i: len(texts[rows[i][2]]))
    for i in shortest_first:
        left, right, token = rows[i]
        place[token] = max(i, place.get(left, -1), place.get(right, -1))
    order = sorted(range(len(rows)), key=lambda i: (place[rows[i][2]], len(texts[rows[i][2]])))
    return [(texts[left], texts[right], texts[token]) for left, right, token in (rows[i] for i in order)]


def _appended(first: Tokenizer, derivations: list[Derivation]) -> Tokenizer:
    """Return the tokenizer with merges behind its own; parts come before what they make."""
    ids = {text: i for i, text in first.text_tokens.items()}
    rows: list[tuple[int, int, int, int]] = []
    for left, right, text in derivations:
        ids[text] = len(first.tokens) + len(rows)
        rows.append((ids[left], ids[right], ids[text], -1))
    return extend(first, Merges.from_rows(rows))[0]
