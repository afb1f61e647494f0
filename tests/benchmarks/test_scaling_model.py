"""The model of scale is the model of `plan`, told apart; what it adds behaves as clusters do."""

import dataclasses
import string
from pathlib import Path

import msgspec
import numpy as np
import pytest

from benchmarks.scaling_model import Cluster, Model, measure_shuffle, needs_of, shown
from operators.statistics.heaps_law import Interval
from pipelines.plan.needs import Needs

VOCABULARY = 32_768


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Words by Zipf's law, one a number."""
    draw = np.random.default_rng(3)
    letters = np.array(list(string.ascii_lowercase))

    def word(number: int) -> str:
        return "".join(letters[[number % 26, number // 26 % 26, number // 676 % 26, number // 17_576 % 26]])

    lines = (" ".join(map(word, draw.zipf(1.4, 12))) for _ in range(12_000))
    path = tmp_path_factory.mktemp("model") / "text.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def needs(text: Path) -> Needs:
    return needs_of(text, 300_000)


def test_its_parts_add_up_to_what_plan_says(needs: Needs) -> None:
    cluster = Cluster(network_bytes_per_second=float("inf"))
    model = Model(needs, cluster)
    for shards in (2, 24, 128):
        costs = msgspec.structs.replace(needs.costs, round_seconds=model.round_trip(shards))
        whole = dataclasses.replace(needs, text=Interval(1e12, 1e12, 1e12), costs=costs)
        told = model.training(whole, shards, VOCABULARY)
        assert sum(told) == pytest.approx(whole.training_seconds(VOCABULARY, shards).value)
        assert min(told) > 0


def test_what_is_shared_falls_with_nodes_and_what_is_not_grows(needs: Needs) -> None:
    model = Model(needs)
    few, many = (model.predict(1e13, nodes, 16, VOCABULARY) for nodes in (10, 100))
    assert few.count_s == pytest.approx(10 * many.count_s) and few.retokenize_s == pytest.approx(10 * many.retokenize_s)
    assert many.scratch_reads == pytest.approx(10 * few.scratch_reads, rel=0.05)  # whole tasks for each worker
    assert many.footer_bytes == pytest.approx(100 * few.footer_bytes, rel=0.05)
    assert (few.words, few.driver_bytes, few.rounds) == (many.words, many.driver_bytes, many.rounds)
    assert few.words_low < few.words < few.words_high


def test_no_number_of_shards_beats_the_best(needs: Needs) -> None:
    model = Model(needs)
    found = model.predict(1e12, 4, 16, VOCABULARY)
    whole = dataclasses.replace(needs, text=Interval(1e12, 1e12, 1e12))
    every = [sum(model.training(whole, shards, VOCABULARY)) for shards in range(1, 65)]
    assert min(every) <= found.best_train_s <= 1.02 * min(every)
    assert every[found.best_shards - 1] == pytest.approx(found.best_train_s)


@pytest.mark.parametrize("name", ["latency_seconds", "round_seconds_per_shard", "message_bytes", "row_bytes"])
def test_a_dearer_message_is_a_dearer_round(needs: Needs, name: str) -> None:
    usual = Cluster()
    dearer = msgspec.structs.replace(usual, **{name: 2 * getattr(usual, name)})
    more, before = (Model(needs, one).training(needs, 8, VOCABULARY)[2] for one in (dearer, usual))
    assert more > before


def test_tables(text: Path, needs: Needs) -> None:
    table = shown([Model(needs).predict(size, 10, 16, VOCABULARY) for size in (1e12, 1e13)]).splitlines()
    assert table[0] == "|  | 1,000 GB, 10 nodes | 10,000 GB, 10 nodes |"
    assert {line.count("|") for line in table} == {4}
    lines = measure_shuffle(text, text.stat().st_size, (4, 64))
    assert [line.split(":")[0] for line in lines] == ["4 partitions", "64 partitions"]
    rows = {line.split(", ")[1].split(" of ")[0] for line in lines}
    assert len(rows) == 1  # however they are cut
