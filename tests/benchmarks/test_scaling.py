"""Reports that are told again train what the shards trained."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.scaling import RecordedShards, goal_of, main, record, shown, simulate
from operators.shard import PairChanges
from pipelines.engines.local_engine import LocalEngine
from pipelines.train.rounds import ShardSource, TrainingShard

VOCABULARY = 400


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Word tables in eight partitions."""
    folder = tmp_path_factory.mktemp("scaling")
    draw = np.random.default_rng(7)
    known = ["".join(map(chr, draw.integers(0x61, 0x6D, draw.integers(2, 9)))) for _ in range(500)]
    lines = (" ".join(known[i] for i in draw.zipf(1.3, 12) % len(known)) for _ in range(800))
    (folder / "text.txt").write_text("\n".join(lines) + "\n")
    main(["words", str(folder / "text.txt"), "--into", str(folder / "words"), "--partitions", "8"])
    return folder / "words"


def test_every_number_of_shards_trains_the_same_and_is_told_apart(words: Path) -> None:
    engine = LocalEngine(2)
    try:
        rows = simulate(words, VOCABULARY, [2, 8], [0.0, 2.0], engine, hosts=3)
    finally:
        engine.close()
    assert [(row.shards, row.latency_ms) for row in rows] == [(2, 0.0), (2, 2.0), (8, 0.0), (8, 2.0)]
    for row in rows:
        assert row.merges == VOCABULARY - 256 and row.vocabulary == VOCABULARY
        assert row.seconds >= row.rounds * row.latency_ms / 1e3 and 0 < row.reducer_s < row.seconds
        assert row.report_bytes > 20 * row.rows and 0 < row.slowest_s < row.busy_s
    assert rows[2].rows > rows[0].rows  # a pair's change is told once by each shard that has it
    assert rows[2].batch_bytes == 4 * rows[0].batch_bytes  # each round goes to each shard
    assert "| 8 | 2 |" in shown(rows)


def test_a_report_is_what_the_shard_said(words: Path, tmp_path: Path) -> None:
    paths, goal = sorted(words.glob("words-*.parquet")), goal_of(VOCABULARY)
    recording = record(paths, 4, goal, tmp_path)
    told = RecordedShards(recording, [2], 0.0)
    shard = TrainingShard(*ShardSource(paths, 4, None, goal.start.byte_ids).arguments[2])
    same(told.report(2, 0, None), shard.initial())
    first = recording.merges[:1]
    same(told.report(2, 1, first), shard.apply(1, first))


def test_more_shards_than_partitions_are_refused(words: Path) -> None:
    with pytest.raises(SystemExit, match="8 partitions, 9 are needed"):
        main(["rounds", str(words), "--shards", "9", "--engine", "local"])


def same(one: PairChanges, other: PairChanges) -> None:
    """Row by row."""
    for name in ("step", "left", "right", "change"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
