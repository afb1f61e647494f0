"""Added tokens: found in a text before it is normalized or before it is cut into words, as Hugging Face finds them.

At each place the longest one is taken, from left to right. A special token that text must not become is found as well,
and what it stands on is text then, also where a shorter token would have fitted inside.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from operators.arrays import I32, I64, U8
from operators.kernels.token_trie import TokenTrie, find_literals
from operators.text.arrow_text import bytes_and_starts
from operators.tokenizer import AddedToken

_SPACES: Final = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a" + (
    "\u2028\u2029\u202f\u205f\u3000"
)
"""Unicode's White_Space, which lstrip and rstrip mean."""


@dataclass(frozen=True)
class Segments:
    """Documents in parts: text, and the added tokens found in it."""

    text: pa.LargeStringArray
    """The parts' text; that of a token is empty by now."""
    ids: I32
    """int32[parts]: the token a part is, -1 for text."""
    documents: I64
    """int64[documents + 1]: the parts of document d are `documents[d]` to `documents[d + 1]`."""

    @classmethod
    def whole(cls, text: pa.LargeStringArray) -> "Segments":
        """Each document as one part."""
        return cls(text, np.full(len(text), -1, np.int32), np.arange(len(text) + 1))

    @property
    def have_tokens(self) -> bool:
        """True if any part is a token."""
        return len(self.ids) + 1 != len(self.documents) or bool((self.ids >= 0).any())

    @property
    def opening(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """bool[parts]: whether a part is the first of its document."""
        first = np.zeros(len(self.ids) + 1, np.bool_)
        first[self.documents] = True
        return first[:-1]


class TokenFinder:
    """Finds some added tokens, each spelled as `patterns` says. Safe to share between threads."""

    def __init__(self, tokens: Sequence[AddedToken], patterns: Sequence[str], *, special_ids: bool) -> None:
        self._tokens = tokens
        self._ids = np.array([token.id for token in tokens], np.int32)
        self._taken = np.array([special_ids or not token.special for token in tokens], np.bool_)
        self._strips = any(token.lstrip or token.rstrip for token in tokens)
        self._trie = _trie([pattern.encode() for pattern in patterns])

    @property
    def finds_any(self) -> bool:
        """True if there is a token that text may become."""
        return bool(self._taken.any())

    def isolate(self, parts: Segments) -> Segments:
        """The same documents, with the tokens found in their text as parts of their own."""
        data, starts = bytes_and_starts(parts.text)
        begins, ends, which = self._find(data, starts)
        taken = self._taken[which]
        begins, ends, which = begins[taken], ends[taken], which[taken]
        if not len(which):
            return parts
        if self._strips:
            self._strip(data, starts, begins, ends, which)
        return _cut_at(parts, data, starts, begins, ends, self._ids[which])

    def _find(self, data: U8, starts: I64) -> tuple[I64, I64, I32]:
        room = 256
        while True:
            begins, ends, which = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int32)
            count = find_literals(data, starts, self._trie, begins, ends, which)
            if count <= room:
                return begins[:count], ends[:count], which[:count]
            room = count

    def _strip(self, data: U8, starts: I64, begins: I64, ends: I64, which: I32) -> None:
        """Move begins and ends over the whitespace that goes with a token."""
        owners = np.searchsorted(starts, begins, side="right") - 1
        behind = np.minimum(starts[owners + 1], np.append(begins[1:], len(data)))  # up to the next token, if any
        before = 0  # where the last token ends
        for k, (owner, token) in enumerate(zip(owners.tolist(), which.tolist(), strict=True)):
            first, last, flags = max(int(starts[owner]), before), int(behind[k]), self._tokens[token]
            begins[k] = max(int(begins[k]), first)
            if flags.lstrip:
                text = data[first : begins[k]].tobytes().decode()
                begins[k] = first + len(text.rstrip(_SPACES).encode())
            if flags.rstrip:
                text = data[ends[k] : last].tobytes().decode()
                ends[k] = last - len(text.lstrip(_SPACES).encode())
            before = int(ends[k])


def _cut_at(parts: Segments, data: U8, starts: I64, begins: I64, ends: I64, ids: I32) -> Segments:
    """The parts, cut where tokens begin and end; begins, ends, ids: one entry a token, in order."""
    owners = np.searchsorted(starts, begins, side="right") - 1
    opens, closes = np.ones(len(owners), np.bool_), np.ones(len(owners), np.bool_)
    opens[1:] = closes[:-1] = owners[1:] != owners[:-1]
    follows = np.where(opens, starts[owners], np.roll(ends, 1))
    gap_before, gap_behind = follows < begins, closes & (ends < starts[owners + 1])
    untouched = np.ones(len(parts.ids), np.bool_)
    untouched[owners] = False
    kept = np.flatnonzero(untouched)
    owner = np.concatenate([kept, owners[gap_before], owners, owners[gap_behind]])
    place = np.concatenate([starts[kept], follows[gap_before], begins, ends[gap_behind]])
    gaps = np.full(len(owner) - len(kept) - len(ids), -1, np.int32)
    before = int(gap_before.sum())
    token = np.concatenate([parts.ids[kept], gaps[:before], ids, gaps[before:]])
    order = np.lexsort((place, owner))
    token = token[order]
    lengths = np.diff(np.append(place[order], len(data)))
    text = _joined(data, place[order], np.where(token < 0, lengths, 0))
    return Segments(text, token, np.searchsorted(owner[order], parts.documents, side="left").astype(np.int64))


def _joined(data: U8, places: I64, lengths: I64) -> pa.LargeStringArray:
    """Return the texts at these places, each of its number of bytes."""
    offsets = np.zeros(len(places) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    kept = np.arange(offsets[-1]) + np.repeat(places - offsets[:-1], lengths)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data[kept])]
    return pa.LargeStringArray.from_buffers(len(places), buffers[1], buffers[2])


def _trie(patterns: Sequence[bytes]) -> TokenTrie:
    """Radix tree of the patterns; of equal ones the first counts."""
    numbers = {pattern: -which for which, pattern in enumerate(reversed(patterns), 1 - len(patterns)) if pattern}
    root = _Node(b"", 0, -1, -1)
    nodes, path = [root], [0]  # path: from the root to the node of the pattern before
    before = b""
    for pattern in sorted(numbers):
        shared = _shared_bytes(before, pattern)
        below = -1
        while nodes[path[-1]].depth > shared:
            below = path.pop()
        if nodes[path[-1]].depth < shared:  # in the middle of an edge: a node of its own
            nodes.append(_Node(before, shared, path[-1], -1))
            nodes[below].parent = len(nodes) - 1
            path.append(len(nodes) - 1)
        nodes.append(_Node(pattern, len(pattern), path[-1], numbers[pattern]))
        path.append(len(nodes) - 1)
        before = pattern
    firsts = [node.text[nodes[node.parent].depth] for node in nodes[1:]]
    classes = np.zeros(256, np.uint8)
    used = sorted(set(firsts))
    classes[used] = np.arange(1, len(used) + 1)  # a text of UTF-8 has fewer than 255 different bytes
    branches = np.zeros((len(nodes), len(used) + 1), np.int32)
    branches[[node.parent for node in nodes[1:]], classes[firsts]] = np.arange(1, len(nodes))
    labels = [b"", *(node.text[nodes[node.parent].depth + 1 : node.depth] for node in nodes[1:])]
    starts = np.zeros(len(nodes) + 1, np.int64)
    np.cumsum([len(label) for label in labels], out=starts[1:])
    strings = np.array([node.string for node in nodes], np.int32)
    return TokenTrie(classes, branches, np.frombuffer(b"".join(labels), np.uint8), starts, strings)


@dataclass
class _Node:
    """Node of the radix tree: the first `depth` bytes of `text`, below the node `parent`."""

    text: bytes
    depth: int
    parent: int
    string: int


def _shared_bytes(one: bytes, other: bytes) -> int:
    """Return the length of the longest common beginning."""
    length = min(len(one), len(other))
    differs = np.frombuffer(one, np.uint8, length) != np.frombuffer(other, np.uint8, length)
    first = int(differs.argmax()) if length else 0
    return first if length and differs[first] else length
