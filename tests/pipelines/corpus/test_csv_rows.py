"""CSV and TSV as other programs write them; every row is a document or is listed."""

import bz2
import csv
import io
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.errors import DamagedFile, UnusableColumn
from pipelines.corpus.records import read_parts
from tests.pipelines.corpus.corpora import rows_of, texts_of, written

FIELDS = st.lists(st.sampled_from(["a", "é", ",", "\t", '"', '""', "\n", "\r\n", "\r", " ", ";", "\u2028", "\0"])).map(
    "".join
)


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize(("ending", "delimiter"), [(".csv", ","), (".tsv", "\t"), (".csv.bz2", ",")])
@given(rows=st.lists(st.tuples(FIELDS, FIELDS)), line_end=st.sampled_from(["\n", "\r\n"]), batch=st.integers(1, 50))
def test_what_pythons_writer_writes_comes_back_equal(
    quoting: Any, ending: str, delimiter: str, rows: list[tuple[str, str]], line_end: str, batch: int
) -> None:
    if quoting == csv.QUOTE_MINIMAL:
        line_end = "\r\n"  # else Python's writer leaves carriage returns unquoted, against RFC 4180
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=line_end)
    writer.writerow(["text", "id"])
    writer.writerows(rows)
    data = out.getvalue().encode()
    with tempfile.TemporaryDirectory() as folder:
        file = written(Path(folder), f"swe.x{ending}", bz2.compress(data) if ending.endswith("2") else data)
        assert rows_of(file, batch_bytes=batch) == [(id_, "swe", text) for text, id_ in rows]


def reasons(folder: Path, data: bytes, name: str = "x.csv") -> tuple[list[str], list[tuple[int, str]]]:
    bad = BadRecords("skip")
    texts = texts_of(written(folder, name, data), bad)
    return texts, [(row["record"], row["reason"]) for row in bad.table().to_pylist()]


def test_bad_rows_are_listed_and_those_after_them_are_read(tmp_path: Path) -> None:
    data = b'language,text\nen,a\nen\nen,b,c\n,d\n"en"x,e\nen,f\rg\nen,\xff\n\nen,"h\ni"\nen,\n'
    assert reasons(tmp_path, data) == (
        ["a", "h\ni", ""],
        [
            (2, "has 1 fields, and the first row has 2"),
            (3, "has 3 fields, and the first row has 2"),
            (4, "language is empty"),
            (5, "is not a row of CSV: a closing quote is followed by text"),
            (6, "is not a row of CSV: a carriage return stands outside quotes"),
            (7, "text is invalid UTF-8 at byte 1"),
        ],
    )


def test_a_quote_that_is_not_closed_is_damage_and_the_rows_before_it_count(tmp_path: Path) -> None:
    data = b'text\na\nb\n"c\n' + b"d\n" * 1000
    texts, [(record, reason)] = reasons(tmp_path, data)
    assert (texts, record) == (["a", "b"], 3)
    assert reason == "a quote is opened and never closed; nothing after it was read"
    with pytest.raises(DamagedFile, match="a quote is opened and never closed"):
        texts_of(written(tmp_path, "x.csv", data))


def test_a_row_that_grows_without_end_is_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.corpus.csv_rows.LONGEST_LINE_BYTES", 10_000)
    texts, [(record, reason)] = reasons(tmp_path, b'text\na\n"c\n' + b"d\n" * 100_000)
    assert (texts, record) == (["a"], 2)
    assert reason.startswith("holds a row of more than 10,000 bytes: is a quote not closed?")


def test_long_fields_are_read(tmp_path: Path) -> None:
    long = "x" * 1_000_000
    assert texts_of(written(tmp_path, "x.csv", f'text\n"{long}"\n'.encode())) == [long]


def test_columns_go_by_the_names_of_the_source(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbfbody,lang,doc\r\nhej,sv,7\r\n"
    file = written(tmp_path, "x.csv", data, text_field="body", id_field="doc", language_field="lang")
    assert rows_of(file) == [("7", "sv", "hej")]
    assert rows_of(written(tmp_path, "de.csv", data, text_field="body")) == [("1", "de", "hej")]
    assert rows_of(written(tmp_path, "x.csv", data, text_field="body", language="no")) == [("1", "no", "hej")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a,b\n1,2\n", 'column "text" is not in the first row, which has: a, b; name another field'),
        (b"text,text\n1,2\n", 'column "text" is there more than once'),
    ],
)
def test_a_header_without_the_column_is_one_line(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(UnusableColumn, match=message) as caught:
        texts_of(written(tmp_path, "x.csv", data))
    assert str(caught.value).isprintable()


def test_a_file_of_zero_bytes_has_no_documents(tmp_path: Path) -> None:
    assert texts_of(written(tmp_path, "x.csv", b"")) == []


def test_parts_depend_on_the_text_alone_and_can_be_left_out(tmp_path: Path) -> None:
    rows = "".join(f'"row {i}\n{"x" * (i % 90)}"\r\n' for i in range(300))
    file = written(tmp_path, "x.csv", f"text\r\n{rows}".encode())

    def parts(batch_bytes: int, wanted: Any = lambda _: True) -> dict[int, list[tuple[str, str]]]:
        found = read_parts(file, BadRecords("fail"), batch_bytes, part_bytes=1000, wanted=wanted)
        return {n: [(r["id"], r["text"]) for b in own for r in b.to_pylist()] for n, own in found}

    whole = parts(1 << 20)
    assert len(whole) > 10 and [int(i) for rows in whole.values() for i, _ in rows] == list(range(1, 301))
    assert parts(10) == whole
    assert parts(50, lambda n: n % 2 == 1) == {n: rows for n, rows in whole.items() if n % 2 == 1}


@pytest.mark.parametrize("role", ["text", "id", "language"])
def test_a_column_that_is_named_must_be_in_the_first_row(tmp_path: Path, role: str) -> None:
    file = written(tmp_path, "x.csv", b"text,nr\na,1\n", **{f"{role}_field": "doc"})
    with pytest.raises(UnusableColumn, match='column "doc" is not in the first row, which has: text, nr'):
        rows_of(file)
