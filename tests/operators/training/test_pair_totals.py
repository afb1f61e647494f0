"""The reducer's table and heap, compared with sorting. Run compiled, interpreted and with bounds checked."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.shard import PairChanges
from operators.training.pair_totals import PairTotals

pytestmark = pytest.mark.filterwarnings("error")

rounds = st.lists(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(-20, 50)), max_size=30), max_size=8
)


def changes_of(rows: list[tuple[int, int, int]]) -> PairChanges:
    left, right, change = (np.array([row[i] for row in rows], np.int64) for i in range(3))
    ids = left.astype(np.int32), right.astype(np.int32)
    return PairChanges(np.zeros(len(rows), np.int32), *ids, change)


@given(rounds, st.integers(1, 9), st.integers(1, 60))
def test_taking_gives_the_longest_prefix_of_the_sorted_pairs(
    rounds: list[list[tuple[int, int, int]]], limit: int, minimum: int
) -> None:
    table = PairTotals()
    totals: dict[tuple[int, int], int] = {}
    waiting: set[tuple[int, int]] = set()
    for rows in rounds:
        table.add([changes_of(rows[::2]), changes_of(rows[1::2])])
        for left, right, change in rows:
            totals[left, right] = totals.get((left, right), 0) + change
        waiting |= {(left, right) for left, right, change in rows if change > 0}
        waiting = {pair for pair in waiting if totals[pair] > 0}
        expected: list[tuple[int, int]] = []
        for pair in sorted(waiting, key=lambda pair: (-totals[pair], pair)):
            clash = any(pair[0] == right or pair[1] == left for left, right in expected)
            alone = pair[0] == pair[1] and expected
            if totals[pair] < minimum or clash or alone or len(expected) == limit:
                break
            expected.append(pair)
            if pair[0] == pair[1]:
                break
        pairs, counts = table.take(limit, minimum)
        assert [(pair >> 32, pair & 0xFFFFFFFF) for pair in pairs.tolist()] == expected
        assert counts.tolist() == [totals[pair] for pair in expected]
        waiting -= set(expected)


def test_more_pairs_than_the_table_begins_with_are_all_kept() -> None:
    n = 40_000  # more than half of the smallest table
    left, right = np.arange(n, dtype=np.int32) % 300, np.arange(n, dtype=np.int32) // 300
    changes = PairChanges(np.zeros(n, np.int32), left, right + 300, np.arange(1, n + 1))
    table = PairTotals()
    table.add([changes])
    taken = []
    while len(pairs := table.take(1, 1)[0]):
        taken += pairs.tolist()
    ordered = np.argsort(-np.arange(1, n + 1))
    assert taken == ((left[ordered].astype(np.int64) << 32) | (right[ordered] + 300)).tolist()


def test_withdrawn_pairs_wait_again_only_once_raised() -> None:
    table = PairTotals()
    table.add(
        [
            PairChanges(
                np.full(2, -1, np.int32),
                np.array([1, 3], np.int32),
                np.array([2, 4], np.int32),
                np.array([9, 5], np.int64),
            )
        ]
    )
    table.mark_merged(np.array([1 << 32 | 2]))
    assert table.take(1, 1)[0].tolist() == [3 << 32 | 4]
    assert table.take(1, 1)[0].tolist() == []
    table.add(
        [PairChanges(np.zeros(1, np.int32), np.array([1], np.int32), np.array([2], np.int32), np.array([1], np.int64))]
    )
    assert [array.tolist() for array in table.take(1, 1)] == [[1 << 32 | 2], [10]]
