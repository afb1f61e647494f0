"""A shard whose merges can be undone: each occurrence of a token becomes its two parts again."""

import numpy as np
import pyarrow as pa

from operators.arrays import I32, I64
from operators.kernels.apply_merges import OCCURRENCES
from operators.kernels.undo_merges import standing_places, undo_merge
from operators.shard import PairChanges, Shard
from operators.tokenizer import UNDONE, Merges


class EventShard(Shard):
    """Words with counts, to which merges are applied and undone, in the order of the rows of a list.

    A row with a count of UNDONE or less undoes the merge: the token becomes left and right wherever it stands. The
    changes of pair counts are true: the count of a merged pair falls by a row of its own, which has the language -1.
    Memory besides that of a Shard, in bytes: 4 for each occurrence of a merge.
    """

    def __init__(
        self, words: pa.LargeBinaryArray, counts: I64, byte_ids: I32, max_token_length: int | None = None
    ) -> None:
        """Lay out words with counts as Shard does."""
        super().__init__(words, counts, byte_ids, max_token_length, np.zeros(len(words), np.int16))
        births = len(self._runs.birth_previous)
        places, borders = np.empty(1024, np.int32), np.zeros(births + 1, np.int64)
        self._runs = self._runs._replace(places=places, birth_places=borders)
        self._room = len(self._occurrences)

    def apply(self, merges: Merges) -> PairChanges:
        """Apply and undo merges, in order; return the changes of pair counts, which are true (see the class)."""
        undone = np.flatnonzero(merges.count <= UNDONE).tolist()
        if not undone:
            return super().apply(merges)
        parts, begin = [], 0
        for row in (*undone, len(merges)):
            if row > begin:
                parts.append(super().apply(merges[begin:row]))
            if row < len(merges):
                parts.append(self._undo(int(merges.left[row]), int(merges.right[row]), int(merges.token[row])))
            begin = row + 1
        columns = zip(*((one.step, one.left, one.right, one.change, one.language) for one in parts), strict=True)
        return PairChanges(*map(np.concatenate, columns))

    def _undo(self, left: int, right: int, token: int) -> PairChanges:
        step, self._applied = self._applied, self._applied + 1
        if max(left, right, token) >= len(self._width) or self._last_birth[token] < 0:
            none = np.empty(0, np.int32)  # no merge of this shard made the token
            return PairChanges(none, none, none, np.empty(0, np.int64), np.empty(0, np.int16))
        standing = standing_places(token, self._arrays, self._runs)
        # Each border that comes back may be taken away by another merge, which leaves two new occurrences.
        self._room += 5 * len(standing)
        if self._room > len(self._occurrences):
            longer, used = np.empty(2 * self._room, np.int32), int(self._used[OCCURRENCES])
            longer[:used] = self._occurrences[:used]
            self._occurrences = longer
        self._runs, self._log, changes = undo_merge(
            (left, right, token), step, self._max_length, standing, self._arrays, self._runs, self._log
        )
        return PairChanges(*changes)
