"""Documents are read back equal, in every format, in batches of any size."""

import io
import itertools
import json
import pickle
import random
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pipelines.corpus.bad_records import BadRecord, BadRecords, write_bad_records
from pipelines.corpus.formats import FORMATS
from pipelines.corpus.records import CORPUS_SCHEMA, read_batches
from pipelines.corpus.spans import Span
from tests.conftest import examples
from tests.pipelines.corpus.corpora import Row, encode, found, rows_of, squeezed, texts_of, written

EDGES = [
    "",
    "\r",
    "\r\n",
    "\n",
    "\u2028",
    "\u0085",
    "\x00",
    "\ufeff",
    "\U0010ffff",
    "\x1c",
    '"\\',
    "e\u0301",
    "\ufffd",
    "ü",
]
TEXTS = st.lists(st.sampled_from(EDGES) | st.text(max_size=5), max_size=5).map("".join)
NAMES = st.text(min_size=1, max_size=6)
DOCUMENTS = [ending for ending in FORMATS if FORMATS[ending].kind != "text"]
LINES = [ending for ending in FORMATS if FORMATS[ending].kind == "text"]


def huggingface_lines(text: str) -> list[str]:
    """Split text as the file trainer does: after every "\\n" a document ends."""
    lines = io.StringIO(text, newline="\n").readlines()
    assert "".join(lines) == text
    return lines


@pytest.mark.parametrize("ending", DOCUMENTS)
@examples(25)
@given(rows=st.lists(st.tuples(TEXTS, NAMES, TEXTS), max_size=8), batch_bytes=st.integers(1, 40))
def test_documents_come_back_equal(ending: str, rows: list[Row], batch_bytes: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = written(Path(folder), f"x{ending}", encode(rows, ending))
        assert rows_of(file, batch_bytes=batch_bytes) == rows


@pytest.mark.parametrize("ending", LINES)
@examples(25)
@given(text=TEXTS, batch_bytes=st.integers(1, 40))
def test_text_is_split_as_hugging_face_splits_it(ending: str, text: str, batch_bytes: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = written(Path(folder), f"swe_Latn.part{ending}", squeezed(text.encode(), ending))
        expected = [(str(i), "swe_Latn", line) for i, line in enumerate(huggingface_lines(text), 1)]
        assert rows_of(file, batch_bytes=batch_bytes) == expected


@examples(60)
@given(
    data=st.lists(st.sampled_from([b"a", b"\n", b"\xff", b"\xe2\x82", b"\xac", b"\r", b"\xed\xa0\x80"])).map(b"".join)
)
def test_every_line_of_a_text_file_is_a_document_or_listed(data: bytes) -> None:
    expected, invalid = [], []
    for i, line in enumerate(io.BytesIO(data).readlines(), 1):
        try:
            expected.append((str(i), "x", line.decode()))
        except UnicodeDecodeError as error:
            invalid.append((i, f"invalid UTF-8 at byte {error.start + 1}"))
    with tempfile.TemporaryDirectory() as folder:
        bad = BadRecords("skip")
        assert rows_of(written(Path(folder), "x.txt", data), bad) == expected
    assert [(row["record"], row["reason"]) for row in bad.table().to_pylist()] == invalid


@pytest.mark.parametrize("ending", DOCUMENTS)
def test_batches_hold_up_to_the_bytes_asked_for(tmp_path: Path, ending: str) -> None:
    rows = [(str(i), "x", "é" * (i * 7 % 50)) for i in range(2000)] + [("long", "x", "y" * 5000), ("", "x", "z")]
    file = written(tmp_path, f"x{ending}", encode(rows, ending))
    batches = list(read_batches(file, BadRecords("fail"), batch_bytes=1000))
    for batch in batches:
        assert batch.schema.equals(CORPUS_SCHEMA)
        batch.validate(full=True)
        assert sum(len(text.as_py().encode()) for text in batch.column("text")) <= 1000 or batch.num_rows == 1
    assert sum(batch.num_rows for batch in batches) == len(rows)
    assert len(batches) < 200  # and not one batch a record


@pytest.mark.parametrize("ending", FORMATS)
def test_no_documents_make_no_batches(tmp_path: Path, ending: str) -> None:
    data = squeezed(b"", ending) if ending in LINES else encode([], ending)
    assert list(read_batches(written(tmp_path, f"x{ending}", data), BadRecords("fail"))) == []


def test_files_of_zero_bytes_have_no_documents_where_the_format_allows_it(tmp_path: Path) -> None:
    assert texts_of(written(tmp_path, "x.txt", b"")) == []
    assert texts_of(written(tmp_path, "x.jsonl", b"")) == []


@pytest.mark.parametrize("ending", [".txt", ".jsonl", ".jsonl.gz", ".txt.zst"])
def test_a_document_far_longer_than_a_batch_is_one_record(tmp_path: Path, ending: str) -> None:
    long = "lång " * 2_000_000
    data = (long + "\nb\n").encode() if "txt" in ending else encode([("1", "x", long), ("2", "x", "b")], ".jsonl")
    rows = rows_of(written(tmp_path, f"x{ending}", squeezed(data, ending)), batch_bytes=1 << 16)
    assert [text.removesuffix("\n") for _, _, text in rows] == [long, "b"]


def test_files_and_errors_travel_to_workers(tmp_path: Path) -> None:
    file = written(tmp_path, "x.txt", b"a\n", weight=2.0)
    assert pickle.loads(pickle.dumps(file)) == file
    error = pickle.loads(pickle.dumps(BadRecord("p", 3, "text is null")))
    assert (error.path, error.record, error.reason) == ("p", 3, "text is null")
    assert str(error).startswith("p, record 3: text is null; ")


def test_endings_are_read_in_any_case(tmp_path: Path) -> None:
    assert texts_of(written(tmp_path, "X.TXT", b"a\nb")) == ["a\n", "b"]


def test_listed_records_form_a_table(tmp_path: Path) -> None:
    bad = BadRecords("skip")
    assert bad.table().num_rows == len(bad) == 0
    bad.add("s3://key:secret@bucket/x.txt", 1, "text is\nnull")
    assert bad.table().to_pylist() == [{"path": "s3://***@bucket/x.txt", "record": 1, "reason": "text is\\nnull"}]
    write_bad_records(bad.table(), tmp_path / "bad.parquet")
    assert pq.read_schema(tmp_path / "bad.parquet").types == [pa.string(), pa.int64(), pa.string()]
    with pytest.raises(BadRecord):
        BadRecords("fail").add("x", 1, "y")


def test_absolute_and_relative_paths_are_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path, "x.txt", b"a")
    monkeypatch.chdir(tmp_path)
    assert found("x.txt").path == found("./y/../x.txt").path == file.path
    monkeypatch.setenv("HOME", str(tmp_path))
    assert found("~/x.txt").path == file.path


def test_flores_is_read_as_pythons_json_reads_it(shared: Path) -> None:
    """1,000 sentences in each of 204 languages."""
    path = shared / "corpora/flores200_dev.jsonl.zst"
    lines = zstandard.ZstdDecompressor().decompressobj().decompress(path.read_bytes()).splitlines()
    records = (json.loads(line) for line in lines)
    assert rows_of(found(path)) == [(str(record["id"]), record["language"], record["text"]) for record in records]


@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_spans_that_tile_a_file_give_each_line_once(
    tmp_path: Path, ending: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.corpus.reading._LOCAL_READ_BYTES", 7)  # lines longer and shorter than a read
    draw = random.Random(3)
    lines = [b"x" * draw.choice([0, 1, 2, 5, 30]) + b"\n" for _ in range(60)]
    data = b"".join(lines).removesuffix(b"\n") + ending
    file = written(tmp_path, "en.txt", data)
    whole = [text for batch in read_batches(file, BadRecords("fail")) for text in batch.column("text").to_pylist()]
    for _ in range(40):
        borders = sorted({0, len(data), *draw.choices(range(len(data)), k=draw.randint(0, 6))})
        texts, ids = [], []
        for start, stop in itertools.pairwise(borders):
            for batch in read_batches(file, BadRecords("fail"), 50, span=Span(start, stop)):
                texts += batch.column("text").to_pylist()
                ids += batch.column("id").to_pylist()
        assert texts == whole
        assert ids == [str(number) for number in range(1, len(whole) + 1)]


def test_bad_lines_of_a_span_have_their_numbers_in_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, "en.txt", b"good\n" * 10 + b"bad \xff\n" + b"good\n" * 3)
    bad = BadRecords("skip")
    batches = list(read_batches(file, bad, span=Span(33, 70)))
    assert sum(batch.num_rows for batch in batches) == 6
    assert bad.table().column("record").to_pylist() == [11]
