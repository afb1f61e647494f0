"""A byte-level BPE tokenizer as plain data: what training makes, files hold and encoding uses."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from operators.alphabet import byte_ids, to_bytes
from operators.arrays import I32, I64


@dataclass(frozen=True)
class Merges:
    """A merge list, in order: at rank i, `left[i]` followed by `right[i]` becomes `token[i]`.

    All arrays have one entry a merge; ids are int32, `count` (int64) is the pair's count when it was chosen, -1 where
    a file did not say. `token` is not always a new id: a concatenation that was a token already keeps its id.
    """

    left: I32
    right: I32
    token: I32
    count: I64

    def __len__(self) -> int:
        return len(self.left)

    def __getitem__(self, ranks: slice) -> "Merges":
        return Merges(self.left[ranks], self.right[ranks], self.token[ranks], self.count[ranks])

    @classmethod
    def from_rows(cls, rows: Sequence[tuple[int, int, int, int]]) -> "Merges":
        """From (left, right, token, count) rows."""
        table = np.array(rows, np.int64).reshape(-1, 4)
        left, right, token = (np.ascontiguousarray(table[:, i].astype(np.int32)) for i in range(3))
        return cls(left, right, token, np.ascontiguousarray(table[:, 3]))


@dataclass(frozen=True)
class Tokenizer:
    """Special tokens take the ids 0, 1, ... in their order, then bytes (`operators.alphabet`), then merges' tokens."""

    pretokenizer: str
    """A name in `operators.pretokenize.PATTERNS`, or a regular expression whose matches and gaps are the words."""
    special_tokens: tuple[str, ...]
    merges: Merges

    @cached_property
    def byte_ids(self) -> I32:
        """Ids of the 256 byte tokens, by byte value."""
        return byte_ids(self.special_tokens)

    @cached_property
    def tokens(self) -> list[bytes]:
        """The bytes of every token, by id (a special token's are its UTF-8)."""
        return token_bytes(self.special_tokens, self.merges)


def initial_tokens(special_tokens: Sequence[str]) -> list[bytes]:
    """The bytes of the tokens before any merge, by id: special tokens (their UTF-8), then byte tokens."""
    ids = byte_ids(special_tokens)
    tokens = [special.encode() for special in special_tokens] + [b""] * (int(ids.max()) + 1 - len(special_tokens))
    for byte in range(256):
        if ids[byte] >= len(special_tokens):
            tokens[ids[byte]] = bytes([byte])
    return tokens


def known_tokens(special_tokens: Sequence[str]) -> dict[bytes, int]:
    """Bytes to id before any merge, as text can spell them: a special token counts when the alphabet can write it."""
    known = {bytes([byte]): int(token) for byte, token in enumerate(byte_ids(special_tokens))}
    for i, special in enumerate(special_tokens):
        spelled = to_bytes(special)
        if spelled is not None:
            known.setdefault(spelled, i)
    return known


def token_bytes(special_tokens: Sequence[str], merges: Merges) -> list[bytes]:
    """The bytes of every token, by id."""
    tokens = initial_tokens(special_tokens)
    spelled = {token: i for token, i in known_tokens(special_tokens).items() if i < len(special_tokens)}
    as_text = {i: token for token, i in spelled.items()}
    for left, right, token in zip(merges.left.tolist(), merges.right.tolist(), merges.token.tolist(), strict=True):
        text = as_text.get(left, tokens[left]) + as_text.get(right, tokens[right])
        if token == len(tokens):
            tokens.append(text)
    return tokens
