"""Kinds of tokens in a vocabulary: script, whole characters or parts of them, reachable from text or not."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from operators.arrays import I32, U32
from operators.encoding.encode import Encoder
from operators.encoding.word_encoder import final_pairs, merge_table
from operators.tokenizer import Tokenizer
from operators.unicode.scripts import SCRIPTS, scripts_of

SPECIAL: Final = "special"
BYTES: Final = "bytes"
MIXED: Final = "mixed"
NONE: Final = "none"
"""Values of a token's `script` besides codes of ISO 15924: a special token, bytes that are no whole characters,
letters of several scripts, and no letters at all (digits, punctuation, blanks)."""
_BEFORE: Final = ("", "a", "!", "1", " ", "中")
"""Texts before a token under which it is searched for: o200k_base makes "\\n//" only after a "!"."""
_CONTINUATION: Final = range(0x80, 0xC0)
_MISSING: Final = tuple(dict.fromkeys(bytes([byte]) * n for n in range(4) for byte in (0x80, 0xBF)))
"""Endings of which one completes the beginning of any character."""


@dataclass(frozen=True)
class TokenKinds:
    """Kind of each token of a vocabulary, by id."""

    texts: list[bytes]
    """Bytes of text of each token; b"" for ids without a token."""
    script: list[str]
    """A code of ISO 15924, or SPECIAL, BYTES, MIXED or NONE."""
    characters: I32
    """Number of characters of tokens that are whole characters, -1 for the others."""
    part: NDArray[np.bool_]
    """Bytes that are no whole characters, but may stand in valid UTF-8."""
    undecodable: NDArray[np.bool_]
    """Bytes that are no valid UTF-8 by themselves (Land and Bartolo 2024): parts, and what no text can hold."""
    unreachable: NDArray[np.bool_]
    """Tokens that no tried text is encoded to: see `unreachable`."""
    special: NDArray[np.bool_]
    """Special tokens."""


def token_kinds(tokenizer: Tokenizer) -> TokenKinds:
    """Determine the kind of every token."""
    texts = tokenizer.tokens
    special = np.zeros(len(texts), np.bool_)
    special[[token.id for token in tokenizer.added_tokens if token.special]] = True
    decoded = [_decoded(text) for text in texts]
    there = np.array([len(text) > 0 for text in texts])
    whole = np.array([text is not None for text in decoded]) & there & ~special
    undecodable = there & ~whole & ~special
    part = np.array([bool(bad) and is_part_of_utf8(text) for bad, text in zip(undecodable, texts, strict=True)])
    characters = np.array([len(text or "") for text in decoded], np.int32)
    script = _scripts([text or "" for text in decoded])
    for kind, those in ((BYTES, undecodable), (SPECIAL, special)):
        for i in np.flatnonzero(those).tolist():
            script[i] = kind
    return TokenKinds(
        texts, script, np.where(whole, characters, -1).astype(np.int32), part, undecodable,
        unreachable(tokenizer, texts, whole) & there & ~special, special,
    )  # fmt: skip


def _decoded(text: bytes) -> str | None:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return None


def is_part_of_utf8(text: bytes) -> bool:
    """Return True if some valid UTF-8 contains these bytes: the end of a character, whole ones, the beginning of one.

    `is_part_of_utf8(b"\\x80a\\xe4")` is true; with b"\\xff" anywhere it is not.
    """
    begin = 0
    while begin < min(3, len(text)) and text[begin] in _CONTINUATION:
        begin += 1
    rest = text[begin:]
    return any(_decoded(rest + missing) is not None for missing in _MISSING)


def _scripts(texts: list[str]) -> list[str]:
    """Return the script of each text's letters: their only one, MIXED or NONE."""
    lengths = np.array([len(text) for text in texts], np.int64)
    points: U32 = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32)
    scripts = scripts_of(points).astype(np.int64)
    last = np.zeros(len(texts), np.int64)
    first = np.full(len(texts), len(SCRIPTS), np.int64)
    owner = np.repeat(np.arange(len(texts)), lengths)
    letters = scripts > 0
    np.maximum.at(last, owner[letters], scripts[letters])
    np.minimum.at(first, owner[letters], scripts[letters])
    return [
        NONE if high == 0 else SCRIPTS[high] if low == high else MIXED
        for low, high in zip(first.tolist(), last.tolist(), strict=True)
    ]


def unreachable(tokenizer: Tokenizer, texts: list[bytes], whole: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the tokens that no tried text is encoded to; bool[vocabulary].

    A token of whole characters is reached when its text is encoded to it, alone or after one of a few other texts: a
    round trip of decoding and encoding, as in Land and Bartolo 2024 ("Fishing for Magikarp", section 3.1). A token of
    other bytes is reached when the merges lead from its bytes to it, whatever text contains them.
    """
    found = np.zeros(len(texts), np.bool_)
    encoder, ids = Encoder(tokenizer), np.flatnonzero(whole)
    for before in _BEFORE:
        wanted = ids[~found[ids]]
        made, offsets = encoder.encode(
            pa.array([before + texts[i].decode() for i in wanted.tolist()], pa.large_string())
        )
        looked_for = np.repeat(wanted, np.diff(offsets))
        found[looked_for[made == looked_for]] = True
    byte_ids, merges = tokenizer.byte_ids, tokenizer.merges
    others = {i: tokenizer.tokens[i] for i in np.flatnonzero(~whole).tolist() if tokenizer.tokens[i]}
    sides = zip(merges.left.tolist(), merges.right.tolist(), strict=True)
    made_of = dict(zip(sides, merges.token.tolist(), strict=True))
    characters = tokenizer.vocabulary.characters
    pairs = final_pairs(others, byte_ids, merge_table(merges), characters=characters).tolist() if others else []
    for (i, text), (left, right) in zip(others.items(), pairs, strict=True):
        found[i] = byte_ids[text[0]] == i if len(text) == 1 else made_of.get((left, right)) == i
    return ~found
