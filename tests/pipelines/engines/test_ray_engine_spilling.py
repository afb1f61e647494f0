"""Results beyond what Ray's object store holds go over the disk, and arrive as they were."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from operators.arrays import U8
from pipelines.engines.local_engine import LocalEngine
from pipelines.engines.ray_engine import RayEngine
from pipelines.engines.run_stats import run_of
from tests.pipelines.corpora import write_corpus
from tests.pipelines.train.test_step import merges_of

pytestmark = pytest.mark.ray

STORE_BYTES = 80 << 20  # Ray takes no smaller one
RESULT_BYTES = 24 << 20


@pytest.fixture(scope="module")
def engine() -> Iterator[RayEngine]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.engines.ray_connection.OBJECT_STORE_BYTES", STORE_BYTES)
        engine = RayEngine(2)
    yield engine
    engine.close()


def much(number: int) -> U8:
    return np.full(RESULT_BYTES, number, np.uint8)


def fill(engine: RayEngine) -> list[Any]:
    """Three results that nobody has fetched: less than one more fits into the store."""
    return [engine._ray.put(much(number)) for number in range(3)]


def unharmed(engine: RayEngine, filled: list[Any]) -> bool:
    return all((engine._ray.get(one) == number).all() for number, one in enumerate(filled))


class Holder:
    """A state whose answers are large, as the first report of a training shard may be."""

    def __init__(self, number: int) -> None:
        self._number = number

    def more_than_the_store(self) -> U8:
        return np.full(STORE_BYTES + RESULT_BYTES, self._number, np.uint8)


def test_what_tasks_and_workers_return_may_be_more_than_the_store_holds(engine: RayEngine) -> None:
    began = time.monotonic()
    engine.stats.drain("ray", 2, 0.0)
    filled = fill(engine)  # so that there is no room for any result, however soon the driver takes it
    kept = {index: result.copy() for index, result in engine.run(much, range(8))}
    assert sorted(kept) == list(range(8))
    assert all(len(result) == RESULT_BYTES and (result == index).all() for index, result in kept.items())
    workers = [engine.start(Holder, number) for number in (3, 4)]
    pending = [worker.call("more_than_the_store") for worker in workers]
    assert [(len(answer), set(np.unique(answer))) for answer in (one.result() for one in pending)] == [
        (STORE_BYTES + RESULT_BYTES, {3}),
        (STORE_BYTES + RESULT_BYTES, {4}),
    ]
    for worker in workers:
        worker.stop()
    run = run_of(engine, began)
    assert run.failures == 0
    assert run.spilled_bytes is not None and run.spilled_bytes >= RESULT_BYTES
    assert unharmed(engine, filled)


def test_training_beside_a_full_store_gives_the_same_bytes(engine: RayEngine, tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus", 100)
    merges_of(tmp_path / "corpus", tmp_path / "plain", LocalEngine(2), 500)
    filled = fill(engine)
    merges_of(tmp_path / "corpus", tmp_path / "full", engine, 500)
    assert unharmed(engine, filled)
    for name in ("tokenizer.json", "merges.parquet", "manifest.json"):
        assert (tmp_path / "full" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()
