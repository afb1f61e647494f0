"""Parquet and Arrow: column types, nulls, row numbers, and how much is held in memory."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import ipc

from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.errors import UnusableColumn
from pipelines.corpus.reading import InputStream
from pipelines.corpus.records import read_batches
from pipelines.corpus.sources import InputFile
from tests.conftest import examples
from tests.pipelines.corpus.corpora import Row, arrow_bytes, rows_of, texts_of, written

FORMATS = ["parquet", "file", "stream"]
TEXT_TYPES = [
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.binary(),
    pa.large_binary(),
    pa.binary_view(),
    pa.dictionary(pa.int8(), pa.string()),
    pa.dictionary(pa.int32(), pa.large_string()),
    pa.dictionary(pa.uint16(), pa.binary()),
]


def file_of(folder: Path, table: pa.Table, how: str, row_group: int = 3, **settings: Any) -> InputFile:
    if how != "parquet":
        return written(folder, "x.arrow", arrow_bytes(table, stream=how == "stream"), **settings)
    out = io.BytesIO()
    pq.write_table(table, out, row_group_size=row_group)
    return written(folder, "x.parquet", out.getvalue(), **settings)


def read(file: InputFile) -> tuple[list[Row], list[tuple[int, str]]]:
    bad = BadRecords("skip")
    rows = rows_of(file, bad)
    return rows, [(row["record"], row["reason"]) for row in bad.table().to_pylist()]


def typed(values: list[Any], kind: pa.DataType) -> pa.Array:
    if not pa.types.is_dictionary(kind):
        return pa.array(values, kind)
    distinct = list(dict.fromkeys(value for value in values if value is not None))
    indices = [None if value is None else distinct.index(value) for value in values]
    return pa.DictionaryArray.from_arrays(pa.array(indices, kind.index_type), pa.array(distinct, kind.value_type))


@pytest.mark.parametrize("how", FORMATS)
@pytest.mark.parametrize("kind", TEXT_TYPES, ids=str)
def test_every_type_of_text_is_read(tmp_path: Path, kind: pa.DataType, how: str) -> None:
    values = ["å", "", "a\x00b", None, "å", "\u2028\r\n", "long enough to be no inline view", None]
    table = pa.table({"text": typed(values, kind), "language": typed(["sv"] * 8, kind), "id": typed(values, kind)})
    rows, bad = read(file_of(tmp_path, table, how))
    assert rows == [(value, "sv", value) for value in values if value is not None]
    assert bad == [(4, "text is null"), (8, "text is null")]


@pytest.mark.parametrize("how", FORMATS)
@pytest.mark.parametrize("kind", TEXT_TYPES[:6], ids=str)
def test_bytes_that_are_no_utf8_are_bad_records(tmp_path: Path, kind: pa.DataType, how: str) -> None:
    binary = {"string": pa.binary(), "large_string": pa.large_binary(), "string_view": pa.binary_view()}
    values = [b"a", b"b\xff", None, b"\xe2\x82", b"\xed\xa0\x80", "ü".encode()]
    stored = pa.array(values, binary.get(str(kind), kind))
    if str(kind) == "string_view":  # neither can be viewed as the other; write them past the check
        stored = pa.Array.from_buffers(kind, len(values), stored.buffers())
    rows, bad = read(file_of(tmp_path, pa.table({"text": stored.view(kind)}), how))
    assert rows == [("1", "x", "a"), ("6", "x", "ü")]
    assert bad == [
        (2, "text is invalid UTF-8 at byte 2"),
        (3, "text is null"),
        (4, "text is invalid UTF-8 at byte 1"),
        (5, "text is invalid UTF-8 at byte 1"),
    ]


@pytest.mark.parametrize("how", FORMATS)
def test_a_language_of_null_or_nothing_is_a_bad_record(tmp_path: Path, how: str) -> None:
    table = pa.table({"text": list("abcde"), "language": ["sv", None, "", "de", None]})
    rows, bad = read(file_of(tmp_path, table, how))
    assert rows == [("1", "sv", "a"), ("4", "de", "d")]
    assert bad == [(2, "language is null"), (3, "language is empty"), (5, "language is null")]
    assert read(file_of(tmp_path, table, how, language="da"))[0][1] == ("2", "da", "b")
    assert read(file_of(tmp_path, table.drop(["language"]), how))[0][1] == ("2", "x", "b")


@pytest.mark.parametrize("how", FORMATS)
@pytest.mark.parametrize(
    "kind", [pa.int8(), pa.int64(), pa.uint64(), pa.string(), pa.dictionary(pa.int8(), pa.string())]
)
def test_ids_are_strings_integers_or_the_row_number(tmp_path: Path, kind: pa.DataType, how: str) -> None:
    values = [7, None, 100] if pa.types.is_integer(kind) else ["7", None, "100"]
    rows, _ = read(file_of(tmp_path, pa.table({"text": list("abc"), "id": typed(values, kind)}), how))
    assert [document for document, _, _ in rows] == ["7", "2", "100"]


@pytest.mark.parametrize("how", FORMATS)
@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"body": ["a"], "title": ["b"]}, 'column "text" is not there; there are: body, title'),
        ({"text": [1]}, 'column "text" holds int64, not strings'),
        ({"text": [["a"]]}, 'column "text" holds list<'),
        ({"text": ["a"], "language": [1]}, 'column "language" holds int64, not strings'),
        ({"text": ["a"], "id": [1.5]}, 'column "id" holds double, not strings or integers'),
    ],
)
@pytest.mark.parametrize("on_bad", ["fail", "skip"])
def test_columns_that_cannot_be_used(tmp_path: Path, how: str, columns: Any, message: str, on_bad: Any) -> None:
    with pytest.raises(UnusableColumn) as caught:
        rows_of(file_of(tmp_path, pa.table(columns), how), BadRecords(on_bad))
    assert str(caught.value).startswith(f"{tmp_path}/x.") and message in str(caught.value)


@pytest.mark.parametrize("how", ["file", "stream"])
def test_a_column_that_is_there_twice_is_refused(tmp_path: Path, how: str) -> None:
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    with pytest.raises(UnusableColumn, match="more than once"):
        texts_of(file_of(tmp_path, table, how))


@pytest.mark.parametrize("how", FORMATS)
def test_a_text_column_of_nulls_only_is_all_bad_records(tmp_path: Path, how: str) -> None:
    assert read(file_of(tmp_path, pa.table({"text": pa.nulls(2)}), how)) == (
        [],
        [(1, "text is null"), (2, "text is null")],
    )


@pytest.mark.parametrize("how", FORMATS)
def test_columns_go_by_the_names_of_the_source(tmp_path: Path, how: str) -> None:
    table = pa.table({"a.text": ["ö"], "doc id": [3], "lang": ["sv"], "a": [{"text": 1}], "text": [[1]]})
    file = file_of(tmp_path, table, how, text_field="a.text", id_field="doc id", language_field="lang")
    assert rows_of(file) == [("3", "sv", "ö")]


@examples(30)
@given(
    chunks=st.lists(st.lists(st.none() | st.text(max_size=3), max_size=5), max_size=4),
    how=st.sampled_from(FORMATS),
    batch_bytes=st.integers(1, 9),
)
def test_row_numbers_count_through_all_batches(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[list[str | None]], how: str, batch_bytes: int
) -> None:
    table = pa.table({"text": pa.chunked_array(chunks, pa.string())})
    flat = table["text"].to_pylist()
    bad = BadRecords("skip")
    rows = rows_of(file_of(tmp_path_factory.getbasetemp(), table, how), bad, batch_bytes)
    assert rows == [(str(i), "x", text) for i, text in enumerate(flat, 1) if text is not None]
    assert bad.table()["record"].to_pylist() == [i for i, text in enumerate(flat, 1) if text is None]


def test_more_rows_than_are_converted_at_once(tmp_path: Path) -> None:
    numbers = np.arange(50_000)
    table = pa.table({"text": typed(["a", "b"], pa.dictionary(pa.int8(), pa.string())).take(pa.array(numbers % 2))})
    for how in FORMATS:
        rows = rows_of(file_of(tmp_path, table, how, row_group=20_000))
        assert [i for i, _, _ in rows] == [str(i + 1) for i in numbers]
        assert "".join(text for _, _, text in rows) == "ab" * 25_000


@pytest.mark.parametrize("how", FORMATS)
def test_small_row_groups_do_not_make_small_batches(tmp_path: Path, how: str) -> None:
    file = file_of(tmp_path, pa.table({"text": ["a" * 100] * 500}), how, row_group=2)
    assert [batch.num_rows for batch in read_batches(file, BadRecords("fail"))] == [500]


def test_parquet_is_not_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """31 MB of text in one row group: what is asked of the file, and what Arrow holds, stay far below."""
    text = np.random.default_rng(0).bytes(256 * 60_000).hex()
    table = pa.table({"text": [text[i : i + 512] for i in range(0, len(text), 512)]})
    out = io.BytesIO()
    pq.write_table(table, out, use_dictionary=False)
    file = written(tmp_path, "x.parquet", out.getvalue())
    del table, out, text
    pieces: list[int] = []
    read = InputStream.read

    def counted(self: InputStream, size: int) -> bytes:
        pieces.append(size)
        return read(self, size)

    monkeypatch.setattr(InputStream, "read", counted)
    before, most = pa.total_allocated_bytes(), 0
    for _ in read_batches(file, BadRecords("fail"), batch_bytes=1 << 18):
        most = max(most, pa.total_allocated_bytes() - before)
    assert file.size is not None and sum(pieces) > file.size > 28 << 20
    assert max(pieces) <= 4 << 20 and 0 < most < 12 << 20


def test_compressed_arrow_is_read(tmp_path: Path) -> None:
    for codec in ("lz4", "zstd"):
        out = io.BytesIO()
        table = pa.table({"text": ["a" * 1000, "b"]})
        with ipc.new_file(out, table.schema, options=ipc.IpcWriteOptions(compression=codec)) as writer:
            writer.write_table(table)
        assert texts_of(written(tmp_path, "x.feather", out.getvalue())) == ["a" * 1000, "b"]


@pytest.mark.parametrize("how", FORMATS)
def test_a_column_may_lie_within_structs(tmp_path: Path, how: str) -> None:
    inner = pa.array(["da", "sv", "sv"]).dictionary_encode()
    meta = pa.StructArray.from_arrays([inner], ["lang"])
    doc = pa.StructArray.from_arrays(
        [pa.array(["a", "b", "c"]), meta, pa.array([1, 2, 3])],
        ["text", "meta", "n"],
        mask=pa.array([False, True, False]),
    )
    table = pa.table({"doc": doc, "other": [1, 2, 3]})
    fields: Any = {"text_field": "doc.text", "language_field": "doc.meta.lang", "id_field": "doc.n"}
    assert read(file_of(tmp_path, table, how, **fields)) == (
        [("1", "da", "a"), ("3", "sv", "c")],
        [(2, "doc.text is null")],
    )


@pytest.mark.parametrize("how", FORMATS)
@pytest.mark.parametrize("role", ["text", "id", "language"])
@pytest.mark.parametrize("name", ["body", "doc.body", "text.x"])
def test_a_column_that_is_named_and_missing_is_answered_with_those_there_are(
    tmp_path: Path, how: str, role: str, name: str
) -> None:
    table = pa.table({"text": ["a"], "doc": [{"a": "x", "b": 1}]})
    with pytest.raises(UnusableColumn) as caught:
        texts_of(file_of(tmp_path, table, how, 10, **{f"{role}_field": name}))
    assert f'column "{name}" is not there; there are: text, doc.a, doc.b; name another' in str(caught.value)
