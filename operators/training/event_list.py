"""The tokenizer of a list of merges and removals, as `operators.training.picky` chooses them."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from operators.byte_level import byte_ids, to_bytes
from operators.event_model import EventModel
from operators.tokenizer import UNDONE, Merges, Tokenizer, Vocabulary, initial_tokens


class Event(NamedTuple):
    """A merge of two parts into a token, or the removal of a token, which becomes its parts."""

    is_removal: bool
    token: int
    parts: tuple[int, ...]
    number: int
    """Count of the pair, or number of the removed token's occurrences."""


def events_of(merges: Merges, first: int) -> list[Event]:
    """Return the events of a reducer's list; `first`: the id of the first token that is learned.

    >>> events_of(Merges.from_rows([(64, 65, 256, 9), (256, 66, 257, 9), (64, 65, 256, UNDONE)]), 256)[2]
    Event(is_removal=True, token=256, parts=(64, 65), number=0)
    """
    derivations: dict[int, tuple[int, int]] = {}
    removed, events = set[int](), list[Event]()

    def parts_of(token: int) -> tuple[int, ...]:
        parts, waiting = list[int](), list(derivations[token])[::-1]
        while waiting:
            part = waiting.pop()
            if part in removed:
                waiting += derivations[part][::-1]
            else:
                parts.append(part)
        return tuple(parts)

    for left, right, token, count in zip(*(column.tolist() for column in merges.columns), strict=True):
        if count > UNDONE:
            if token >= first:
                derivations.setdefault(token, (left, right))
            removed.discard(token)
            events.append(Event(False, token, (left, right), count))
        elif token not in removed:  # else it is a part of the one before, for a moment
            removed.add(token)
            events.append(Event(True, token, parts_of(token), UNDONE - count))
    return events


def event_tokenizer(pretokenizer: str, special_tokens: Sequence[str], merges: Merges, name: str) -> Tokenizer:
    """Return the tokenizer of a reducer's list: tokens that are left keep their order, removed ones follow.

    >>> rows = [(64, 65, 256, 9), (256, 66, 257, 9), (64, 65, 256, UNDONE)]
    >>> tokenizer = event_tokenizer("none", (), Merges.from_rows(rows), "Picky BPE")
    >>> tokenizer.tokens[256:], tokenizer.events.removed
    ([b'abc'], (b'ab',))
    """
    first = initial_tokens(special_tokens)
    events, spelled = events_of(merges, len(first)), _spelled(special_tokens, first)
    texts, gone = dict(enumerate(spelled)), set[int]()
    for event in events:
        if event.is_removal:
            gone.add(event.token)
            continue
        gone.discard(event.token)
        texts.setdefault(event.token, b"".join(texts[part] for part in event.parts))
    order = [*(i for i in texts if i not in gone), *(i for i in texts if i in gone)]
    new = {old: i for i, old in enumerate(order)}
    tokens = [*first, *(texts[i] for i in order[len(first) : len(order) - len(gone)])]
    rows = (Event(one.is_removal, new[one.token], tuple(map(new.__getitem__, one.parts)), one.number) for one in events)
    return model_tokenizer(pretokenizer, special_tokens, tokens, [texts[i] for i in order if i in gone], rows, name)


def model_tokenizer(
    pretokenizer: str, special_tokens: Sequence[str], tokens: list[bytes], removed: Sequence[bytes],
    events: Iterable[Event], name: str,
) -> Tokenizer:  # fmt: skip
    """Return a tokenizer of events. tokens: the vocabulary by id; removed: the tokens behind it."""
    rows = list(events)
    left = [one.token if one.is_removal else one.parts[0] for one in rows]
    right = [-1 if one.is_removal else one.parts[1] for one in rows]
    made = [-1 if one.is_removal else one.token for one in rows]
    parts = [one.parts if one.is_removal else () for one in rows]
    model = EventModel(
        name,
        np.array(left, np.int32),
        np.array(right, np.int32),
        np.array(made, np.int32),
        np.array([one.number for one in rows], np.int64),
        np.cumsum([len(own) for own in parts], dtype=np.int64),
        np.array([part for own in parts for part in own], np.int32),
        tuple(removed),
    )
    special = tuple(special_tokens)
    vocabulary = Vocabulary(tokens, byte_ids(special), tuple(range(len(special))))
    return Tokenizer(pretokenizer, special, Merges.from_rows([]), vocabulary, ignore_merges=True, events=model)


def _spelled(special_tokens: Sequence[str], first: list[bytes]) -> list[bytes]:
    """Return the texts of the first tokens as text can spell them."""
    return [(to_bytes(name) or b"") for name in special_tokens] + first[len(special_tokens) :]


def problem_of(tokenizer: Tokenizer) -> str | None:
    """Return why no word can go through the events of a tokenizer; None if each can."""
    model, special = tokenizer.events, tokenizer.special_tokens
    assert model is not None
    texts = [*_spelled(special, tokenizer.tokens), *model.removed]
    return model.problem(texts, tokenizer.byte_ids.tolist())
