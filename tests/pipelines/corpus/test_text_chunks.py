"""JSON arrays: their elements are the documents that JSON lines of the same objects hold."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.corpus.bad_records import BadRecord, BadRecords
from pipelines.corpus.cutting import can_be_cut
from pipelines.corpus.errors import DamagedFile
from tests.pipelines.corpus.corpora import rows_of, squeezed, texts_of, written

OBJECTS: list[dict[str, Any]] = [
    {"id": "a", "language": "sv", "text": 'en "mus", [två] {tre}\n\\', "more": [1, {"x": [[]]}, "]", "\\\\"]},
    {"id": "b", "language": "sv", "text": ""},
    {"id": "c", "language": "sv", "text": "日本語 🙂\t", "more": {"text": "],["}},
]
ROWS = [(one["id"], one["language"], one["text"]) for one in OBJECTS]


@pytest.mark.parametrize("ending", [".json", ".json.gz", ".json.xz"])
@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_holds_the_documents_of_its_elements(tmp_path: Path, ending: str, indent: int | None) -> None:
    text = json.dumps(OBJECTS, indent=indent, ensure_ascii=indent is None)
    file = written(tmp_path, "x" + ending, squeezed(b"\xef\xbb\xbf \r\n" + text.encode(), ending))
    assert rows_of(file) == ROWS
    assert not can_be_cut(file)


def test_a_json_file_without_a_bracket_is_still_lines(tmp_path: Path) -> None:
    file = written(tmp_path, "x.json", b"".join(json.dumps(one).encode() + b"\n" for one in OBJECTS))
    assert rows_of(file) == ROWS
    assert can_be_cut(file)


@pytest.mark.parametrize(
    ("data", "reason", "whole"),
    [
        (b'[{"text":"a"},{"text":"b"', "its array is cut short after element 1", ["a"]),
        (b'[{"text":"a"},{"text":"b', "its array is cut short after element 1", ["a"]),
        (b'[{"text":"a"},{"text":"b"}', "its array is cut short after element 1", ["a"]),
        (b'[{"text":"a"},,{"text":"b"}]', "its array has nothing between two commas after element 1", ["a"]),
        (b'[{"text":"a"},]', "its array has nothing between two commas after element 1", ["a"]),
        (b'[{"text":"a"}]\n{"text":"b"}', "its array is followed by something else", ["a"]),
        (b"[", "its array is cut short after element 0", []),
    ],
)
def test_a_broken_array_is_damage_after_its_whole_elements(
    tmp_path: Path, data: bytes, reason: str, whole: list[str]
) -> None:
    file = written(tmp_path, "x.json", data)
    with pytest.raises(DamagedFile, match=reason):
        texts_of(file)
    bad = BadRecords("skip")
    assert texts_of(file, bad) == whole
    assert [reason in one for one in bad.table()["reason"].to_pylist()] == [True]


def test_an_element_that_is_no_document_is_a_bad_record_with_its_number(tmp_path: Path) -> None:
    file = written(tmp_path, "x.json", b'[{"text":"a"}, 7, {"text":"b\nc"}, {"text":"d"}]')
    bad = BadRecords("skip")
    assert texts_of(file, bad) == ["a", "d"]
    assert bad.table()["record"].to_pylist() == [2, 3]
    with pytest.raises(BadRecord, match="record 2: is not a JSON object but a number"):
        texts_of(file)


def test_an_empty_array_has_no_documents(tmp_path: Path) -> None:
    assert texts_of(written(tmp_path, "x.json", b" [ ] ")) == []


def test_an_archive_that_is_cut_holds_the_elements_before_the_cut(tmp_path: Path) -> None:
    data = squeezed(json.dumps([{"text": str(i)} for i in range(50_000)]).encode(), ".json.gz")
    bad = BadRecords("skip")
    found = texts_of(written(tmp_path, "x.json.gz", data[: len(data) // 2]), bad)
    assert found == [str(i) for i in range(len(found))]
    assert 10_000 < len(found) < 50_000
    assert len(bad) == 1
