"""A model of merges and removals: the order of the events is the model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from operators.arrays import I32, I64


@dataclass(frozen=True)
class EventModel:
    """Merges of pairs and removals of tokens, in the order in which a training came to them.

    Ids below the size of the vocabulary are tokens; removed ones, which no text becomes, have the ids behind them.
    """

    name: str
    """Name of the model, for messages."""
    left: I32
    """int32[events]: the left token of a merge, or the token that is removed."""
    right: I32
    """int32[events]: the right token of a merge, -1 where a token is removed."""
    made: I32
    """int32[events]: the token that a merge makes, -1 where a token is removed."""
    count: I64
    """int64[events]: the pair's count when it was merged, or the number of the removed token's occurrences."""
    part_ends: I64
    """int64[events]: where the parts of a removed token end in `parts`; they begin where the event before ends."""
    parts: I32
    removed: tuple[bytes, ...]
    """The texts of the removed tokens, by id."""

    def __len__(self) -> int:
        return len(self.left)

    @property
    def removals(self) -> int:
        """Number of events that remove a token."""
        return int((self.right < 0).sum())

    @property
    def reason(self) -> str:
        """Reason for which no other file format holds the model."""
        return f"a {self.name} model has {self.removals:,} removals of tokens among its merges"

    @property
    def is_plain(self) -> bool:
        """True if the events are merges, each of a pair and into a token of its own: a merge list says as much."""
        return not self.removals and len(np.unique(self.made)) == len(self)

    def parts_of(self, event: int) -> list[int]:
        """Return the parts of the token that an event removes; none for a merge."""
        begin = int(self.part_ends[event - 1]) if event else 0
        ids: list[int] = self.parts[begin : self.part_ends[event]].tolist()
        return ids

    def problem(self, texts: Sequence[bytes], initial: Sequence[int]) -> str | None:
        """Return why no word can go through the events; None if each can, and ends in tokens of the vocabulary.

        texts: of the vocabulary, by id, then of the removed tokens. initial: the tokens that are there at first.
        """
        present, vocabulary = set(initial), len(texts) - len(self.removed)
        columns = zip(self.left.tolist(), self.right.tolist(), self.made.tolist(), strict=True)
        for event, (left, right, made) in enumerate(columns):
            parts = self.parts_of(event) if right < 0 else [left, right]
            whole = left if right < 0 else made
            if not 0 <= whole < len(texts) or len(parts) < 2:
                return f"event {event} has an id that no token has, or fewer than two parts"
            if right < 0:
                if whole not in present or whole in initial:
                    return f"event {event} removes a token that is not there"
                present.remove(whole)
            if not present.issuperset(parts):
                return f"event {event} has a part that is not there"
            if right >= 0:
                present.add(made)
            if b"".join(texts[part] for part in parts) != texts[whole]:
                return f"the parts of event {event} do not spell its token"
        if any(token >= vocabulary for token in present):
            return "a token that is not in the vocabulary is never removed"
        return None
