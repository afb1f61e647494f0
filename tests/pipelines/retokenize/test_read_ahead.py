"""Batches read ahead: the same batches, errors and all, and no two large ones at once."""

import time
from collections.abc import Iterator
from contextlib import closing

import pyarrow as pa
import pytest

from pipelines.retokenize.read_ahead import read_ahead


def batch(size: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"text": pa.array(["x" * size], pa.large_string())})


def test_one_batch_is_read_ahead_but_none_while_a_large_one_is_used() -> None:
    begun: list[int] = []

    def reading() -> Iterator[pa.RecordBatch]:
        for size in (1, 2, 1_000, 3, 4):
            begun.append(size)
            yield batch(size)
        raise ValueError("the end")

    sizes = []
    with pytest.raises(ValueError, match="the end"), closing(read_ahead(reading(), 500)) as ahead:
        for one in ahead:
            sizes.append(len(one.column("text")[0].as_py()))
            until = time.monotonic() + 5
            while len(begun) == len(sizes) < 5 and sizes[-1] != 1_000 and time.monotonic() < until:
                time.sleep(0.001)
            assert len(begun) == min(5, len(sizes) + (sizes[-1] != 1_000))
    assert sizes == begun == [1, 2, 1_000, 3, 4]


def test_closing_waits_for_the_batch_that_is_being_read() -> None:
    ended: list[int] = []

    def reading() -> Iterator[pa.RecordBatch]:
        yield batch(1)
        time.sleep(0.05)
        ended.append(1)
        yield batch(1)

    with closing(read_ahead(reading(), 500)) as ahead:
        next(ahead)
    assert ended == [1]
