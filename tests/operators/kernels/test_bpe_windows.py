"""Windows put together give what merging the whole word gives, however small they are."""

import random

import numpy as np
import pytest

from operators.encoding.word_encoder import merge_table, rank_table
from operators.kernels.bpe import merge_by_heap
from operators.kernels.bpe_windows import WINDOW, Scratch, merge_long
from operators.tokenizer import Merges, UnusableIds


def merge_lists() -> list[Merges]:
    """Rows that make every token once, in order and shuffled, and rows that double 'a' up to 64 of them."""
    rng = random.Random(1)
    lists = []
    for _ in range(12):
        spelled: list[tuple[int, ...]] = [(0,), (1,), (2,)]
        rows: list[tuple[int, int, int, int]] = []
        while len(rows) < 60:
            a, b = rng.randrange(len(spelled)), rng.randrange(len(spelled))
            joined = spelled[a] + spelled[b]
            if joined not in spelled and len(joined) < 24:
                rows.append((a, b, len(spelled), 1))
                spelled.append(joined)
        lists += [rows, rng.sample(rows, len(rows))]
    doubles = [(0 if i == 0 else 2 + i, 0 if i == 0 else 2 + i, 3 + i, 1) for i in range(6)]
    return [Merges.from_rows(rows) for rows in [*lists, doubles, []]]


def merged(word: np.ndarray, merges: Merges, window: int, overlap: int) -> tuple[list[int], list[int]]:
    table, ranks = merge_table(merges), rank_table(merges)
    out, whole = np.zeros(len(word), np.int32), word.copy()
    arrays = np.empty(WINDOW + 2, np.int32), np.empty(WINDOW + 32, np.uint32), np.empty(2 * WINDOW + 4, np.int32)
    scratch = Scratch(np.empty(WINDOW, np.int64), *arrays)
    n = merge_long(word, len(word), window, overlap, ranks, table, scratch, out)
    return out[:n].tolist(), whole[: merge_by_heap(whole, len(whole), 1, table)].tolist()


@pytest.mark.slow
@pytest.mark.parametrize("window, overlap", [(4, 2), (8, 2), (17, 5), (64, 16), (WINDOW, 24)])
def test_windows_give_what_the_whole_word_gives(window: int, overlap: int) -> None:
    rng = random.Random(window)
    for merges in merge_lists():
        for letters in ([0], [0, 1], [0, 1, 2], [0, 0, 0, 1]):
            word = np.array(rng.choices(letters, k=rng.choice([1, 2, window, window + 1, 150, 400])), np.int64)
            windows, whole = merged(word, merges, window, overlap)
            assert windows == whole
        period = np.array(rng.choices([0, 1, 2], k=rng.randint(1, 7)) * 60, np.int64)
        windows, whole = merged(period, merges, window, overlap)
        assert windows == whole


def test_a_pair_that_stands_twice_has_its_last_rank_here_too() -> None:
    merges = Merges.from_rows([(0, 1, 3, 1), (1, 2, 4, 1), (0, 1, 3, 1)])
    windows, whole = merged(np.array([0, 1, 2], np.int64), merges, 8, 2)
    assert windows == whole == [0, 4]


@pytest.mark.parametrize("wrong", [2_097_151, -1])
def test_ids_outside_21_bits_are_refused(wrong: int) -> None:
    for row in ((0, 1, wrong, 1), (0, wrong, 2, 1), (wrong, 1, 2, 1)):
        with pytest.raises(UnusableIds, match=f"{wrong:,}"):
            rank_table(Merges.from_rows([row]))
