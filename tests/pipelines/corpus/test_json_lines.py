"""JSON lines: what a record is, where its id and language come from, and what is wrong with those that are none."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.corpus.bad_records import BadRecord, BadRecords
from pipelines.storage_errors import UnreadableInput
from tests.conftest import examples
from tests.pipelines.corpus.corpora import json_lines, rows_of, texts_of, written


def reasons(folder: Path, data: bytes, **settings: Any) -> list[tuple[int, str]]:
    bad = BadRecords("skip")
    rows_of(written(folder, "x.jsonl", data, **settings), bad)
    return [(row["record"], row["reason"]) for row in bad.table().to_pylist()]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"[1]", "is not a JSON object but an array"),
        (b"3", "is not a JSON object but a number"),
        (b"null", "is not a JSON object but null"),
        (b'"text"', "is not a JSON object but a string"),
        (b"true", "is not a JSON object but a boolean"),
        (b"hello", "is not a JSON object: Expecting value: line 1 column 1 (char 0)"),
        (b'{"text": "a"', "is not a JSON object: Expecting ',' delimiter: line 1 column 13 (char 12)"),
        (b'{"text": "a"} {', "is not a JSON object: Extra data: line 1 column 15 (char 14)"),
        (b'{"text": NaN}', "text is a number"),
        (b'{"text": "a", "id": NaN}', "id is a number, neither a string nor an integer"),
        (b'{"title": "a", "n": NaN}', 'no field "text"; it has: title, n'),
        (b'{"text": "a\tb"}', "is not a JSON object: Invalid control character at: line 1 column 12 (char 11)"),
        (b'{"text": null}', "text is null"),
        (b'{"text": 1.5}', "text is a number"),
        (b'{"text": true}', "text is a boolean"),
        (b'{"text": []}', "text is an array"),
        (b'{"text": {"text": "a"}}', "text is an object"),
        (b'{"id": 1, "title": "a"}', 'no field "text"; it has: id, title'),
        (b"{}", 'no field "text"; it has: none'),
        (b'{"text": "a", "id": 1.0}', "id is a number, neither a string nor an integer"),
        (b'{"text": "a", "id": []}', "id is an array, neither a string nor an integer"),
        (b'{"text": "\xe4"}', "invalid UTF-8 at byte 11"),
        (b'{"text": "a", "other": "\xff"}', "invalid UTF-8 at byte 25"),
        (b'{"text": "\xed\xa0\x80"}', "invalid UTF-8 at byte 11"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, line: bytes, reason: str) -> None:
    assert reasons(tmp_path, b'{"text": "fine"}\n' + line + b"\n") == [(2, reason)]
    with pytest.raises(BadRecord, match=r"record 2: "):
        rows_of(written(tmp_path, "x.jsonl", b'{"text": "fine"}\n' + line))


@pytest.mark.parametrize("escape", ["\\ud800", "\\udfff", "\\udc00\\ud800", "\\ud83d x"])
@pytest.mark.parametrize("field", ["text", "id", "language"])
def test_half_a_surrogate_pair_is_no_text(tmp_path: Path, escape: str, field: str) -> None:
    line = f'{{"text": "a", "{field}": "{escape}"}}\n'.encode()
    [(record, reason)] = reasons(tmp_path, line)
    assert record == 1 and reason.startswith(f"{field} holds half a surrogate pair")
    assert texts_of(written(tmp_path, "x.jsonl", b'{"text": "\\ud83d\\ude00"}')) == ["😀"]


@pytest.mark.parametrize("value", ["NaN", "-Infinity", '"\\ud800"', '{"a": ["\\udc00\\ud800", NaN]}', "1e999"])
def test_other_fields_may_hold_what_only_pythons_json_reads(tmp_path: Path, value: str) -> None:
    line = f'{{"other": {value}, "text": "a\\ud83d\\ude00", "id": 7, "language": "sv"}}'
    read = json.loads(line)
    data = b'{"text": "b", "language": "en"}\n' + line.encode() + b"\n"
    assert rows_of(written(tmp_path, "x.jsonl", data)) == [("1", "en", "b"), ("7", "sv", read["text"])]
    labelled = line.replace('"sv"', value).encode()
    assert rows_of(written(tmp_path, "y.jsonl", labelled, language="de")) == [("7", "de", read["text"])]


def test_lines_no_decoder_gets_through(tmp_path: Path) -> None:
    deep = b'{"text": "a", "x": ' + b"[" * 200_000
    long = b'{"text": "a", "id": ' + b"1" * 5_000 + b"}"
    bad = reasons(tmp_path, deep + b"\n" + long + b"\n" + deep + b"]" * 200_000 + b"}\n")
    assert [record for record, _ in bad] == [1, 2, 3]


def test_an_array_over_several_lines_is_explained(tmp_path: Path) -> None:
    [(first, reason), *_] = reasons(tmp_path, b'[\n{"text": "a"},\n{"text": "b"}\n]\n')
    assert first == 1 and reason.endswith("one line must hold one whole object")


def test_blank_lines_are_counted_and_passed_over(tmp_path: Path) -> None:
    data = b'\n  \t\r\n{"text": "a"}\r\n\n{"text": null}\n{"text": "b"}'
    bad = BadRecords("skip")
    assert rows_of(written(tmp_path, "x.jsonl", data), bad) == [("3", "x", "a"), ("6", "x", "b")]
    assert [row["record"] for row in bad.table().to_pylist()] == [5]


def test_a_byte_order_mark_before_the_first_object_is_no_part_of_a_text(tmp_path: Path) -> None:
    data = b'\xef\xbb\xbf{"text": "\xef\xbb\xbfa"}\n{"text": "b"}\n'
    assert texts_of(written(tmp_path, "x.jsonl", data)) == ["\ufeffa", "b"]
    assert [record for record, _ in reasons(tmp_path, b'{"text": "a"}\n\xef\xbb\xbf{"text": "a"}\n')] == [2]


def test_ids_are_strings_integers_or_the_record_number(tmp_path: Path) -> None:
    ids: list[Any] = ["a", 7, -(2**80), "", None]
    data = json_lines([{"id": i, "text": "x"} for i in ids] + [{"text": "x"}])
    assert [i for i, _, _ in rows_of(written(tmp_path, "x.jsonl", data))] == ["a", "7", str(-(2**80)), "", "5", "6"]


def test_fields_go_by_the_names_of_the_source(tmp_path: Path) -> None:
    data = json_lines([{"doc": 1, "lang": "sv", "body": "å", "text": "b", "language": "de", "id": "c"}])
    file = written(tmp_path, "x.jsonl", data, text_field="body", id_field="doc", language_field="lang")
    assert rows_of(file) == [("1", "sv", "å")]
    one_for_all = written(tmp_path, "y.jsonl", data, text_field="body", id_field="body", language_field="body")
    assert rows_of(one_for_all) == [("å", "å", "å")]


@pytest.mark.parametrize("setting", ["language", "category"])
def test_the_sources_language_comes_before_the_field_before_the_file_name(tmp_path: Path, setting: str) -> None:
    data = json_lines([{"language": "de", "text": "a"}])
    assert rows_of(written(tmp_path, "x.y.jsonl", data, **{setting: "sv"})) == [("1", "sv", "a")]
    assert rows_of(written(tmp_path, "x.y.jsonl", data)) == [("1", "de", "a")]
    assert rows_of(written(tmp_path, "x.y.jsonl", b'{"text": "a"}')) == [("1", "x", "a")]
    assert reasons(tmp_path, b'{"text": "a", "language": null}', **{setting: "sv"}) == []


def test_a_language_field_holds_for_all_records_or_none(tmp_path: Path) -> None:
    first, lacking = {"language": "de", "text": "a"}, {"text": "a"}
    others = [{"language": value, "text": "a"} for value in (None, 3, "")]
    assert reasons(tmp_path, json_lines([first, lacking, *others])) == [
        (2, 'no field "language", which the first record of this file has'),
        (3, "language is null"),
        (4, "language is a number"),
        (5, "language is empty"),
    ]
    assert reasons(tmp_path, json_lines([lacking, first])) == [
        (2, 'has a field "language", which the first record of this file lacks')
    ]


def test_a_name_that_starts_with_a_dot_gives_no_language(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match="its language is unknown"):
        rows_of(written(tmp_path, ".jsonl", b'{"text": "a"}'))
    assert rows_of(written(tmp_path, ".jsonl", b'{"text": "a"}', language="sv")) == [("1", "sv", "a")]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)
OBJECTS = st.dictionaries(st.sampled_from(["text", "id", "other"]), VALUES, max_size=3)
BYTES = st.lists(st.sampled_from([*b'{}[]":,\\u0d8eft \ntx']), max_size=12).map(bytes)


@examples(150)
@given(lines=st.lists((OBJECTS | VALUES).map(lambda value: json.dumps(value).encode()) | BYTES, max_size=6))
def test_a_line_is_read_exactly_where_pythons_json_finds_an_object_with_a_text(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    data = b"\n".join(lines)
    expected, bad_lines = [], []
    for number, line in enumerate(data.split(b"\n"), 1):
        try:
            value = json.loads(line)
            fine = isinstance(value["text"], str) and type(value.get("id", 0)) in (str, int, type(None))
            json.dumps(value, ensure_ascii=False).encode()
        except (ValueError, KeyError, TypeError, IndexError):
            fine = False
        if fine:
            given_id = value.get("id")
            expected.append((str(number if given_id is None else given_id), "x", value["text"]))
        elif line.strip(b" \t\r\n"):
            bad_lines.append(number)
    folder = tmp_path_factory.getbasetemp()
    bad = BadRecords("skip")
    assert rows_of(written(folder, "x.jsonl", data), bad, batch_bytes=3) == expected
    assert bad.table()["record"].to_pylist() == bad_lines


NESTED = [{"doc": {"text": f"t{i}", "meta": {"lang": "sv"}}, "nr": i, "a.b": f"dot{i}"} for i in range(3)]


def test_a_field_may_lie_within_objects(tmp_path: Path) -> None:
    file = written(
        tmp_path, "x.jsonl", json_lines(NESTED), text_field="doc.text", language_field="doc.meta.lang", id_field="nr"
    )
    assert rows_of(file) == [("0", "sv", "t0"), ("1", "sv", "t1"), ("2", "sv", "t2")]
    named_with_a_dot = written(tmp_path, "da.jsonl", json_lines(NESTED), text_field="a.b")
    assert rows_of(named_with_a_dot) == [("1", "da", "dot0"), ("2", "da", "dot1"), ("3", "da", "dot2")]


@pytest.mark.parametrize("role", ["text", "id", "language"])
@pytest.mark.parametrize("name", ["body", "doc.body", "doc.text.x"])
def test_a_field_that_is_named_and_missing_is_answered_with_those_there_are(
    tmp_path: Path, role: str, name: str
) -> None:
    fields = {"text_field": "doc.text"} | {f"{role}_field": name}
    file = written(tmp_path, "x.jsonl", json_lines(NESTED), **fields)
    with pytest.raises(BadRecord) as caught:
        rows_of(file)
    assert f'record 1: no field "{name}"; it has: doc.text, doc.meta, nr, a.b;' in str(caught.value)


def test_a_plain_text_with_a_named_id_or_language_that_some_lack(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [
        {"text": "a", "nr": 1, "lang": "sv"},
        {"text": "b"},
        {"text": "c", "nr": None, "lang": "da"},
    ]
    bad = BadRecords("skip")
    file = written(tmp_path, "x.jsonl", json_lines(records), id_field="nr", language_field="lang")
    assert rows_of(file, bad) == [("1", "sv", "a"), ("3", "da", "c")]
    assert bad.table()["reason"].to_pylist() == ['no field "nr"; it has: text']
