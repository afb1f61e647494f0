"""A machine that runs out of memory makes counting write its tables out early, and changes nothing else."""

from pathlib import Path

import pytest

from pipelines import memory
from pipelines.corpus.sources import Source, find_files
from pipelines.engines.local_engine import LocalEngine
from pipelines.memory import is_crowded, should_flush
from pipelines.outputs import Manifest
from pipelines.progress import Silent
from pipelines.words.partitions import ScratchTables
from tests.pipelines.corpora import write_corpus
from tests.pipelines.steps import count_words

GB = 1 << 30


def system(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, False),
        ({"proc/meminfo": "MemTotal:  1000 kB\nMemFree:  10 kB\nMemAvailable:  200 kB\n"}, False),
        ({"proc/meminfo": "MemTotal:  1000 kB\nMemFree:  10 kB\nMemAvailable:  140 kB\n"}, True),
        ({"sys/fs/cgroup/memory.max": "max\n", "sys/fs/cgroup/memory.current": f"{GB}\n"}, False),
        ({"sys/fs/cgroup/memory.max": f"{GB}\n", "sys/fs/cgroup/memory.current": f"{GB * 9 // 10}\n"}, True),
        ({"sys/fs/cgroup/memory.max": f"{GB}\n", "sys/fs/cgroup/memory.current": f"{GB * 9 // 10}\n",
          "sys/fs/cgroup/memory.stat": f"anon 5\ninactive_file {GB // 10}\n"}, False),
        ({"sys/fs/cgroup/memory/memory.limit_in_bytes": "1000", "sys/fs/cgroup/memory/memory.usage_in_bytes": "900",
          "sys/fs/cgroup/memory/memory.stat": "total_inactive_file 10\n"}, True),
        ({"sys/fs/cgroup/memory/memory.limit_in_bytes": str((1 << 63) - 4096),
          "sys/fs/cgroup/memory/memory.usage_in_bytes": "900"}, False),
    ],
)  # fmt: skip
def test_crowded_is_what_machine_or_container_say(tmp_path: Path, files: dict[str, str], expected: bool) -> None:
    assert is_crowded(system(tmp_path, files)) == expected


def test_small_tables_are_kept_even_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "is_crowded", lambda: True)
    assert not should_flush(16 << 20, GB) and should_flush((16 << 20) + 1, GB)
    monkeypatch.setattr(memory, "is_crowded", lambda: False)
    assert not should_flush(GB // 4, GB) and should_flush(GB // 4 + 1, GB)


def test_when_it_is_crowded_counting_flushes_and_counts_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Now and then crowded: 20 batches, of which every third is followed by a flush."""
    write_corpus(tmp_path / "corpus", 5000)
    monkeypatch.setattr("pipelines.words.counting.BATCH_BYTES", 1 << 16)
    flushes, asked = 0, 0

    def counted(out: str) -> Manifest:
        files = find_files([Source(path=str(tmp_path / "corpus"))])
        return count_words(files, "gpt4", tmp_path / out, LocalEngine(1), Silent())

    plain = counted("plain")
    genuine = ScratchTables.flush

    def flush(self: ScratchTables, counter: object) -> None:
        nonlocal flushes
        flushes += 1
        genuine(self, counter)  # type: ignore[arg-type]

    def now_and_then() -> bool:
        nonlocal asked
        asked += 1
        return asked % 3 == 0

    monkeypatch.setattr(ScratchTables, "flush", flush)
    monkeypatch.setattr(memory, "WORTH_FLUSHING_BYTES", 0)
    monkeypatch.setattr(memory, "is_crowded", now_and_then)
    assert counted("crowded") == plain
    assert flushes > 10
    for name in plain.files:
        assert (tmp_path / "crowded" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()
