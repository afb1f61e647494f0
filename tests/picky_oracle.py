"""Picky BPE step by step: all pairs and tokens are counted anew before each event, on lists of Python."""

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise

from operators.training.event_list import Event

Word = tuple[list[int], int]


def picky(
    words: Mapping[bytes, int], size: int, threshold: float, ids: Mapping[bytes, int], longest: int | None = None
) -> tuple[list[Event], set[int]]:
    """Return the events, with ids in the order in which tokens are made, and the tokens that are left.

    ids: of the tokens that are there at first, bytes among them. longest: bytes that no new pair reaches.
    """
    known, texts = dict(ids), {i: text for text, i in ids.items()}
    written = [([known[bytes([byte])] for byte in word], count) for word, count in words.items()]
    present, derivations, events = set(texts), dict[int, tuple[int, int]](), list[Event]()

    def spelled(token: int) -> list[int]:
        return [token] if token in present else [part for own in derivations[token] for part in spelled(own)]

    while len(present) < size:
        pairs = Counter[tuple[int, int]]()
        for tokens, count in written:
            for pair in pairwise(tokens):
                bytes_of = len(texts[pair[0]]) + len(texts[pair[1]])
                if longest is None or bytes_of < longest or bytes_of == 2:
                    pairs[pair] += count
        if not pairs:
            break
        (left, right), count = min(pairs.items(), key=lambda one: (-one[1], one[0]))
        text = texts[left] + texts[right]
        if text not in known:
            known[text], texts[len(texts)] = len(texts), text
            derivations[known[text]] = left, right
        token = known[text]
        present.add(token)
        written = [(_merged(tokens, left, right, token), n) for tokens, n in written]
        events.append(Event(False, token, (left, right), count))
        for parent in dict.fromkeys((left, right)):
            frequency = Counter[int]()
            for tokens, n in written:
                for one in tokens:
                    frequency[one] += n
            total = frequency[token] + frequency[parent]
            if parent in derivations and frequency[token] / total > threshold:
                present.remove(parent)
                parts = spelled(parent)
                written = [([x for one in own for x in (parts if one == parent else [one])], n) for own, n in written]
                events.append(Event(True, parent, tuple(parts), frequency[parent]))
    return events, present


def _merged(tokens: list[int], left: int, right: int, token: int) -> list[int]:
    merged, at = list[int](), 0
    while at < len(tokens):
        if tokens[at : at + 2] == [left, right]:
            merged.append(token)
            at += 2
        else:
            merged.append(tokens[at])
            at += 1
    return merged
