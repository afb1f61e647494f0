"""Counts of a run's changes, and their words."""

import pytest

from pipelines.retokenize.changes import changes_in_words, count_changes


def test_each_input_is_counted_once() -> None:
    removed = ["gone.txt-00000.parquet", "gone.txt-00001.parquet", "new.txt-00000.parquet", "no shard"]
    assert count_changes(
        {"gone.txt", "same.txt", "new.txt"}, ["same.txt", "new.txt", "first.txt"], {"same.txt"}, removed
    ) == {
        "added": 1,
        "redone": 1,
        "kept": 1,
        "removed": 1,
        "removed_shards": 2,
    }


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ((1, 0, 3, 0, 0), "1 input added, 0 redone, 3 kept, 0 removed"),
        ((0, 2, 0, 1, 1), "0 inputs added, 2 redone, 0 kept, 1 removed with its 1 shard"),
        ((1234, 0, 0, 2, 5), "1,234 inputs added, 0 redone, 0 kept, 2 removed with their 5 shards"),
    ],
)
def test_counts_are_said_in_words(counts: tuple[int, ...], words: str) -> None:
    names = ("added", "redone", "kept", "removed", "removed_shards")
    assert changes_in_words(dict(zip(names, counts, strict=True))) == words
    assert changes_in_words({}) == ""
