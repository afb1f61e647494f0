"""A checkpoint gives back the rounds that were written, up to whatever happened to the file."""

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.tokenizer import Merges, same_merges
from pipelines.outputs import WriteFailed
from pipelines.train.checkpoint import Checkpoint

HEADER = len("babelmerge merges 1 \n") + 64

ids = st.integers(0, 2**31 - 1)
rounds = st.lists(
    st.lists(st.tuples(ids, ids, ids, st.integers(0, 2**62)), min_size=1, max_size=5).map(Merges.from_rows), max_size=6
)


def equal(one: Sequence[Merges], other: Sequence[Merges]) -> bool:
    return len(one) == len(other) and all(map(same_merges, one, other))


def write(path: Path, batches: Sequence[Merges], name: str = "f" * 64) -> None:
    path.unlink(missing_ok=True)
    with Checkpoint(path, name, every_s=0) as checkpoint:
        for batch in batches:
            checkpoint.add(batch)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checkpoints") / "c"


@given(rounds, rounds)
def test_what_was_added_is_read_and_can_be_gone_on_with(path: Path, first: list[Merges], more: list[Merges]) -> None:
    write(path, first)
    with Checkpoint(path, "f" * 64) as checkpoint:
        assert equal(checkpoint.read(), first)
        for batch in more:
            checkpoint.add(batch)
    assert equal(Checkpoint(path, "f" * 64).read(), [*first, *more])


@given(rounds, st.data())
def test_a_cut_file_gives_its_whole_rounds_and_heals(path: Path, batches: list[Merges], data: st.DataObject) -> None:
    write(path, batches)
    content = path.read_bytes() if batches else b""
    cut = data.draw(st.integers(0, len(content)))
    zeros = data.draw(st.sampled_from([0, 1, 7, 4096]))  # as a file system may leave behind
    path.write_bytes(content[:cut] + bytes(zeros))
    with Checkpoint(path, "f" * 64) as checkpoint:
        left = checkpoint.read()
        ends = accumulate((8 + 20 * len(batch) for batch in batches), initial=HEADER)
        assert len(left) >= sum(end <= cut for end in list(ends)[1:])
        assert equal(left, batches[: len(left)])
        for batch in batches[len(left) :]:
            checkpoint.add(batch)
    assert equal(Checkpoint(path, "f" * 64).read(), batches)


@given(rounds.filter(bool), st.data())
def test_a_changed_byte_ends_the_list_before_it(path: Path, batches: list[Merges], data: st.DataObject) -> None:
    write(path, batches)
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    left = Checkpoint(path, "f" * 64).read()
    assert len(left) < len(batches) and equal(left, batches[: len(left)])


def test_rounds_out_of_place_and_rounds_of_another_run_are_not_taken(tmp_path: Path) -> None:
    one, two = Merges.from_rows([(1, 2, 256, 9)]), Merges.from_rows([(3, 4, 257, 8)])
    write(tmp_path / "c", [one, two])
    content = (tmp_path / "c").read_bytes()
    (tmp_path / "c").write_bytes(content[:-56] + content[-28:] + content[-56:-28])
    assert Checkpoint(tmp_path / "c", "f" * 64).read() == []
    write(tmp_path / "c", [one, two], "e" * 64)
    assert Checkpoint(tmp_path / "c", "f" * 64).read() == []
    assert Checkpoint(tmp_path / "nothing", "f" * 64).read() == []


def test_little_is_written_and_only_now_and_then(tmp_path: Path) -> None:
    now, sizes = 0.0, []
    with Checkpoint(tmp_path / "c", "f" * 64, every_s=2, clock=lambda: now) as checkpoint:
        for _ in range(10):
            now += 0.5
            checkpoint.add(Merges.from_rows([(1, 2, 256, 9)]))
            sizes.append((tmp_path / "c").stat().st_size if (tmp_path / "c").exists() else 0)
    assert sizes == [0, 0, 0, *[HEADER + 4 * 28] * 4, *[HEADER + 8 * 28] * 3]
    assert (tmp_path / "c").stat().st_size == HEADER + 10 * 28
    checkpoint.remove()
    checkpoint.remove()
    assert not (tmp_path / "c").exists()


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(WriteFailed, match="cannot write"), Checkpoint(tmp_path / "no/c", "f" * 64) as checkpoint:
        checkpoint.add(Merges.from_rows([(1, 2, 256, 9)]))


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_bytes(b"mine")
    (tmp_path / "c").symlink_to(tmp_path / "theirs")
    with Checkpoint(tmp_path / "c", "f" * 64) as checkpoint:
        assert checkpoint.read() == []
        checkpoint.add(Merges.from_rows([(1, 2, 256, 9)]))
    assert (tmp_path / "theirs").read_bytes() == b"mine"
    assert len(Checkpoint(tmp_path / "c", "f" * 64).read()) == 1
