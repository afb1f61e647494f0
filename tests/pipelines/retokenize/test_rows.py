"""Packed rows against slow loops over the documents."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from pipelines.retokenize.rows import CU_SEQLENS, DOCUMENTS, POSITIONS, ROW_COLUMNS, Rows, pack
from pipelines.retokenize.settings import LongDocuments, Packing

PAD = 9_999
Piece = tuple[int, list[int]]


def pieces_of(documents: list[list[int]], length: int, long_documents: str) -> list[Piece]:
    """Document and ids of each piece."""
    found = []
    for number, ids in enumerate(documents):
        for at in range(0, len(ids), length):
            if at == 0 or long_documents == "split":
                found.append((number, ids[at : at + length]))
    return found


def slowly(documents: list[list[int]], length: int, packing: str, long_documents: str) -> list[list[Piece]]:
    """Rows as lists of pieces, by the definitions, one piece after the other."""
    rows: list[list[Piece]] = []
    if packing == "cut":
        for number, ids in enumerate(documents):
            for one in ids:
                if not rows or sum(len(own) for _, own in rows[-1]) == length:
                    rows.append([])
                if rows[-1] and rows[-1][-1][0] == number:
                    rows[-1][-1][1].append(one)
                else:
                    rows[-1].append((number, [one]))
        return rows
    pieces = pieces_of(documents, length, long_documents)
    if packing == "none":
        return [[piece] for piece in pieces]
    order = sorted(range(len(pieces)), key=lambda i: -len(pieces[i][1]))  # equal ones stay in order
    rooms: list[tuple[int, int, int]] = []  # room, when the row got it, number of the row
    placed: list[list[int]] = []
    for moment, i in enumerate(order):
        size = len(pieces[i][1])
        fitting = [one for one in rooms if one[0] >= size]
        if fitting:
            best = min(fitting, key=lambda one: (one[0], -one[1]))
            rooms.remove(best)
            placed[best[2]].append(i)
            rooms.append((best[0] - size, moment, best[2]))
        else:
            placed.append([i])
            rooms.append((length - size, moment, len(placed) - 1))
    placed.sort(key=lambda own: own[0])
    return [[pieces[i] for i in own] for own in placed]


def spelled(rows: Rows, ids: np.ndarray) -> list[list[Piece]]:
    return [
        [
            (int(rows.documents[i]), ids[rows.starts[i] : rows.starts[i] + rows.lengths[i]].tolist())
            for i in range(rows.bounds[row], rows.bounds[row + 1])
        ]
        for row in range(rows.count)
    ]


@pytest.mark.parametrize("packing", ["cut", "best-fit", "none"])
@pytest.mark.parametrize("long_documents", ["split", "truncate"])
def test_rows_are_those_of_the_slow_loops(packing: Packing, long_documents: LongDocuments) -> None:
    rng = np.random.default_rng(5)
    for trial in range(60):
        length = int(rng.integers(2, 80))
        sizes = rng.integers(0, int(rng.integers(1, 3 * length)) + 1, int(rng.integers(0, 60)))
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        ids = rng.integers(0, 5_000, offsets[-1]).astype(np.uint16)
        documents = [ids[a:b].tolist() for a, b in pairwise(offsets)]
        rows = pack(offsets, length, packing, long_documents)
        expected = slowly(documents, length, packing, long_documents)
        assert spelled(rows, ids) == expected, trial
        flat = [sum((own for _, own in row), []) for row in expected]  # noqa: RUF017
        padded = [row + [PAD] * (length - len(row)) for row in flat]
        assert rows.ids(ids, PAD).reshape(-1, length).tolist() == padded
        assert rows.padding == sum(row.count(PAD) for row in padded)
        kept = sum(map(len, flat))
        assert rows.truncated == len(ids) - kept and (long_documents == "truncate" or kept == len(ids))
        if not rows.count:
            continue
        names = pa.array([f"d{i}" for i in range(len(documents))])
        first, last = sorted(rng.integers(0, rows.count + 1, 2).tolist())
        for own, part in ((rows, expected), (rows.part(first, last), expected[first:last])):
            if not own.count:
                continue
            table = pa.Table.from_arrays(own.columns(names), schema=pa.schema(ROW_COLUMNS)).to_pydict()
            assert table[DOCUMENTS] == [[f"d{number}" for number, _ in row] for row in part]
            ends = [np.cumsum([0, *(len(own) for _, own in row)]).tolist() for row in part]
            assert table[CU_SEQLENS] == ends
            counted = [
                [k for own in [*(own for _, own in row), range(length - end[-1])] for k in range(len(own))]
                for row, end in zip(part, ends, strict=True)
            ]
            assert table[POSITIONS] == counted


def test_best_fit_wastes_less_than_each_document_in_its_own_row() -> None:
    rng = np.random.default_rng(1)
    sizes = rng.integers(1, 3_000, 2_000)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    cut, best, naive = (pack(offsets, 2_048, one) for one in ("cut", "best-fit", "none"))
    assert cut.padding < 2_048
    assert best.padding / (best.count * 2_048) < 0.01 < naive.padding / (naive.count * 2_048)
