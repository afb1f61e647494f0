"""The benchmark of encoding tells the truth: about equal ids, ids that differ, and peers that fail."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import encode
from benchmarks.encode import Entry, Figures, judge, measure, parse, table
from benchmarks.processes import Failed
from pipelines.tokenizers import save_tokenizer
from tests.operators.curves.test_tokens_by_size import TEXTS, trained
from tests.pipelines.corpora import write_corpus


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Figures:
    folder = tmp_path_factory.mktemp("encode")
    write_corpus(folder / "corpus")
    (folder / "tokenizer").mkdir()
    save_tokenizer(trained(TEXTS, 400), folder / "tokenizer")
    asked = parse([str(folder / "corpus"), "--tokenizer", str(folder / "tokenizer"), "--rounds", "2", "--passes", "2",
                   "--threads", "2", "--peers", "tiktoken", "tokenizers"])  # fmt: skip
    return measure(asked, lambda line: None)


@pytest.mark.slow
def test_equal_ids_are_found_equal(figures: Figures) -> None:
    assert [(entry.name, entry.differing, entry.error, len(entry.rounds)) for entry in figures.entries] == [
        ("babelmerge", 0, "", 2), ("tiktoken", 0, "", 2), ("tokenizers", 0, "", 2),
    ]  # fmt: skip
    assert all(len(one.pass_s) == 2 and one.peak_bytes > 1 << 24 for entry in figures.entries for one in entry.rounds)
    shown = table(figures, None)
    assert shown.count("| equal |") == 3
    assert "Files to Parquet, whole process" in shown
    assert figures.files is not None and sum(figures.files.shares.values()) == pytest.approx(1)


def save(path: Path, documents: list[list[int]]) -> Path:
    ends = np.cumsum([0, *map(len, documents)]).astype(np.int64)
    np.savez(path, ids=np.array([i for one in documents for i in one], np.uint32), offsets=ends)
    return path


def test_ids_that_differ_are_counted(tmp_path: Path) -> None:
    ours = save(tmp_path / "ours.npz", [[1, 2], [3], [4, 5]])
    entry = Entry("peer", 1)
    judge(entry, save(tmp_path / "theirs.npz", [[1, 2], [3, 9], [4, 6]]), ours)
    assert (entry.differing, entry.first) == (2, "document 2")
    judge(entry, save(tmp_path / "fewer.npz", [[1, 2], [3]]), ours)
    assert entry.error == "2 documents instead of 3"


@pytest.mark.slow
def test_a_peer_that_fails_has_a_row(figures: Figures) -> None:
    shown = table(Figures(**{name: getattr(figures, name) for name in figures.__struct_fields__}), None)
    assert "failed" not in shown
    figures.entries.append(Entry("gigatoken", 2, error="exit status 1: no memory"))
    assert "| gigatoken | 2 | failed | | | | exit status 1: no memory |" in table(figures, None)
    figures.entries.pop()


def test_a_process_that_ends_badly_is_told(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="exit status 1"):
        encode.run_once(Entry("nobody", 1), tmp_path, "x", tmp_path / "none.arrow", 2, tmp_path / "out", 60)
