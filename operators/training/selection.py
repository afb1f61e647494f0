"""The seam between the counts of pairs and the choice of the next merges.

A `Reducer` keeps tokens and the merge list; its `Selection` keeps the counts and decides which pairs come next.
`operators.training.pair_totals.PairTotals` selects by frequency, `operators.training.parity.ParitySelection` so that no
language falls behind. Another selection is another class with these methods.
"""

from collections.abc import Sequence
from typing import Protocol

from operators.arrays import I64
from operators.shard import PairChanges
from operators.tokenizer import Merges


class Selection(Protocol):
    """Pair counts of all shards, and the pairs that wait to be merged.

    A pair is one int64, `left << 32 | right`. Each array of pairs is int64[n], contiguous.
    """

    def add(self, changes: Sequence[PairChanges]) -> None:
        """Add the changes that all shards report of one round. A pair whose count rose waits from now on."""

    def take(self, missing: int, minimum: int) -> tuple[I64, I64]:
        """Remove the pairs to merge next, and return them with their counts, both int64[n]; n is 0 at the end.

        At most `missing` pairs, none with a count under `minimum`. Applying them in order, without a look at the counts
        in between, must give what one merge at a time would give.
        """

    def requeue(self, pairs: I64) -> None:
        """Let pairs wait again that were taken and not merged."""

    def chosen(self, merges: Merges) -> Merges:
        """Note the merges made of the first pairs taken, before their changes come; return them as they are to be kept.

        A selection that knows more of a merge than `Merges` holds returns a class of its own.
        """

    def replay(self, merges: Merges) -> None:
        """Note merges of a given list, before their changes come. They are such as `chosen` returned, or plain."""

    def mark_merged(self, pairs: I64) -> None:
        """Treat pairs as taken, because a given merge list merges them. A pair waits again once its count rises.

        Pairs that never occurred are ignored.
        """
