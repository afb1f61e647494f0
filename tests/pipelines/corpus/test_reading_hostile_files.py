"""Small files that unpack to much, and Parquet files that contradict themselves: refused, or read within 1 GB."""

import gzip
import io
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import ipc

from operators.errors import DataError
from operators.redaction import shown
from pipelines.corpus import expansion, json_lines, parquet, reading
from pipelines.corpus.bad_records import (
    BAD_RECORDS_SCHEMA,
    BadRecords,
    in_order,
    read_bad_records,
    write_bad_records,
)
from pipelines.corpus.errors import DamagedFile
from pipelines.corpus.parquet_pages import column_chunks, largest_page
from pipelines.corpus.reading import open_input
from pipelines.corpus.records import read_batches
from pipelines.corpus.thrift import read_structure
from tests.conftest import ROOT
from tests.pipelines.corpus.corpora import texts_of, written

PEAK = """
import re, sys
from pathlib import Path
from operators.errors import DataError
from operators.redaction import shown
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.records import read_batches
from pipelines.corpus.sources import InputFile, Source
for name in sys.argv[1:]:
    stat, told, size = Path(name).stat(), "", 0
    file = InputFile(name, stat.st_size, stat.st_mtime_ns, Source(path=name))
    try:
        for batch in read_batches(file, BadRecords("fail")):
            size += batch.num_rows
            del batch
    except DataError as error:
        told = str(error)
    peak = re.search("VmHWM: *([0-9]+) kB", Path("/proc/self/status").read_text().replace("\t", " "))
    print(Path(name).name, size, int(peak[1]) >> 10, told[:200])
"""


def peaks(*paths: Path) -> dict[str, tuple[int, int, str]]:
    """Read each file in a process of its own; return rows, peak memory in MiB and the error, by name."""
    read = {}
    for path in paths:
        command = [sys.executable, "-c", PEAK, str(path)]
        line = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        name, rows, peak, error = line.rstrip("\n").split(" ", 3)
        read[name] = (int(rows), int(peak), error)
    return read


def parquet_bytes(table: pa.Table, **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


@pytest.mark.slow
def test_what_unpacks_to_gigabytes_stays_below_one(tmp_path: Path) -> None:
    value = "a" * (15 << 20)
    shared = pa.DictionaryArray.from_arrays(pa.array([0] * 80, pa.int32()), pa.array([value], pa.large_string()))
    view = np.array([len(value), 0x61616161, 0, 0] * 100, np.int32)  # length, first four bytes, buffer, offset
    buffers = [None, pa.py_buffer(view), pa.py_buffer(value.encode())]
    views = pa.Array.from_buffers(pa.string_view(), 80, buffers)
    whole = pa.table({"text": [value * 18]})
    written(tmp_path, "repeated.parquet", parquet_bytes(pa.table({"text": shared}), dictionary_pagesize_limit=1 << 30))
    written(tmp_path, "page.parquet", parquet_bytes(whole, compression="zstd", use_dictionary=False))
    for name, column in (("repeated.arrow", shared), ("views.arrow", views)):
        with ipc.new_file(tmp_path / name, pa.schema([("text", column.type)])) as writer:
            writer.write_batch(pa.record_batch({"text": column}))
    parameters = zstandard.ZstdCompressionParameters(window_log=31, enable_ldm=False)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    (tmp_path / "window.txt.zst").write_bytes(compressor.compress(b"a\n") + compressor.flush())
    names = ["repeated.parquet", "repeated.arrow", "views.arrow", "page.parquet", "window.txt.zst"]
    command = [sys.executable, "-c", PEAK, *(str(tmp_path / name) for name in names)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line.split(" ", 3) for line in done.stdout.splitlines()]
    assert [line[:2] for line in lines] == [[name, "80" if i < 3 else "0"] for i, name in enumerate(names)]
    assert max(int(line[2]) for line in lines) < 1024, done.stdout
    assert "a page of 283," in lines[3][3] and "a window of more than" in lines[4][3]


def test_pages_are_what_was_written(tmp_path: Path) -> None:
    texts = ["x" * (i % 900) for i in range(5_000)]
    table = pa.table({"id": list(range(5_000)), "text": texts})
    for options in ({"data_page_version": "2.0"}, {"use_dictionary": False}, {"compression": "none"}):
        data = parquet_bytes(table, row_group_size=2_000, data_page_size=10_000, **options)
        file = written(tmp_path, "x.parquet", data)
        metadata = pq.ParquetFile(io.BytesIO(data)).metadata
        with open_input(file) as stream:
            chunks = column_chunks(stream)
            for i, group in enumerate(chunks):
                for j, chunk in enumerate(group):
                    column = metadata.row_group(i).column(j)
                    assert chunk.values == column.num_values
                    assert chunk.uncompressed_bytes == column.total_uncompressed_size
                    assert chunk.compressed_bytes == column.total_compressed_size
                    assert 0 < largest_page(stream, chunk) <= chunk.uncompressed_bytes
            longest = max(largest_page(stream, chunk) for group in chunks for chunk in group)
        assert len(chunks) == 3 and 8_000 < longest < 1 << 20
        assert texts_of(file) == texts


def test_a_page_over_the_limit_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path, "x.parquet", parquet_bytes(pa.table({"text": ["a" * 1_000]}), use_dictionary=False))
    monkeypatch.setattr(parquet, "LARGEST_PAGE_BYTES", 999)
    with pytest.raises(DamagedFile, match=r"a page of 1,0\d\d bytes, and up to 999 are read; write smaller pages"):
        texts_of(file)
    monkeypatch.setattr(parquet, "LARGEST_PAGE_BYTES", 1_100)
    assert texts_of(file) == ["a" * 1_000]


def test_every_cut_and_every_changed_byte_of_a_footer_is_one_line_or_documents(tmp_path: Path) -> None:
    data = bytearray(parquet_bytes(pa.table({"text": ["a", "b"], "language": ["x", "y"]}), store_schema=False))
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    refused = 0
    for place in range(start, len(data)):
        for byte in (0xFF, data[place] ^ 1):
            changed = bytes(data[:place] + bytes([byte]) + data[place + 1 :])
            try:
                for _ in read_batches(written(tmp_path, "x.parquet", changed), BadRecords("fail")):
                    pass
            except DataError as error:
                assert "\n" not in str(error) and str(error).startswith(str(tmp_path))
                refused += 1
    assert refused > 100


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", EOFError),
        (b"\x15", EOFError),
        (b"\x18\x7f", EOFError),
        (b"\x19\xfc\xff\xff\xff\xff\x0f\x00", EOFError),
        (b"\x1c" * 100, ValueError),
        (b"\x19\x19" * 100, ValueError),
        (b"\x1e\x00", ValueError),
        (b"\x16" + b"\xff" * 20, ValueError),
        (b"\x49\x4c\x00\x00\x00\x00\x00", ValueError),
    ],
)
def test_structures_that_are_none_are_refused(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        read_structure(data, {4: [{}]}, 3)


def test_wanted_fields_are_read_past_all_others() -> None:
    fields = b"\x11\x12\x13\x05\x17" + bytes(8) + b"\x18\x02ab\x1b\x01\x85\x01c\x02" + b"\x19\x22\x01\x02"
    data = fields + b"\x16\x05\x06\x80\x01\x00\x1c\x15\x08\x00\x00rest"
    assert read_structure(data, {8: None, 64: None, 65: {1: None}}, 0) == ({8: -3, 64: 0, 65: {1: 4}}, len(data) - 4)


@given(st.binary(max_size=9) | st.text(max_size=5).map(str.encode), st.integers(1, 4))
def test_the_first_byte_that_is_no_utf8_is_told_piece_by_piece(data: bytes, size: int) -> None:
    try:
        data.decode()
        expected = None
    except UnicodeDecodeError as error:
        expected = f"invalid UTF-8 at byte {error.start + 1}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "_DECODED_BYTES", size)
        assert reading.why_invalid_utf8(data) == expected


def test_a_long_line_is_read_where_it_is_plain_whatever_stands_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_lines, "_LONGEST_UNUSUAL", 100)
    short = ['{"text":"a"}', "[1]", "", '{"text":"c","x":1e5}']
    for extra, texts, bad_records in (("", ["a", "b" * 200, "c"], [2]), (',"x":1e5', ["a", "c"], [2, 3])):
        long = '{"text":"' + "b" * 200 + f'"{extra}}}'
        bad = BadRecords("skip")
        file = written(tmp_path, "x.jsonl", "\n".join([*short[:2], long, *short[2:]]).encode())
        found = pa.Table.from_batches(list(read_batches(file, bad)))
        assert found["text"].to_pylist() == texts
        assert found["id"].to_pylist()[-1] == "5"
        assert bad.table()["record"].to_pylist() == bad_records


@pytest.mark.parametrize("name", ["text", "language", "id", pytest.param("delta", marks=pytest.mark.slow)])
def test_a_few_values_repeated_often_are_read_up_to_a_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Dictionaries and delta encoding repeat a value of 1 MB for a few bits a row."""
    monkeypatch.setattr(expansion, "LEAST_BYTES", 200 << 20)
    value = "a" * (1 << 20)
    shared = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, pa.int32()), pa.array([value]))
    delta: dict[str, Any] = {"use_dictionary": False, "column_encoding": {"text": "DELTA_BYTE_ARRAY"}}
    columns = {"text": pa.array(["x"] * 20_000)} | {name: shared}
    options = delta if name == "delta" else {"dictionary_pagesize_limit": 1 << 30}
    table = pa.table({"text": [value] * 500} if name == "delta" else columns)
    file = written(tmp_path, "x.parquet", parquet_bytes(table, compression="zstd", **options))
    read = 0
    with pytest.raises(DamagedFile, match="expands to over 200 MiB, more than 1,000 times the size of the file; "):
        for batch in read_batches(file, BadRecords("fail")):
            read += batch.nbytes
    assert 100 << 20 < read <= 200 << 20
    monkeypatch.setattr(expansion, "EXPANSION", 1 << 40)
    few = read_batches(file, BadRecords("fail"))
    assert all(next(few)[name if name != "delta" else "text"][0].as_py() == value for _ in range(3))


@pytest.mark.slow
def test_delta_encoding_of_gigabytes_stays_below_one(tmp_path: Path) -> None:
    delta: dict[str, Any] = {"use_dictionary": False, "column_encoding": {"text": "DELTA_BYTE_ARRAY"}}
    table = pa.table({"text": ["a" * (1 << 20)] * 1200})
    written(tmp_path, "delta.parquet", parquet_bytes(table, compression="zstd", **delta))
    [(rows, peak, error)] = peaks(tmp_path / "delta.parquet").values()
    assert (rows, error) == (1200, "") and peak < 1000


@pytest.mark.slow
def test_line_ends_alone_do_not_repeat_a_long_name_in_memory(tmp_path: Path) -> None:
    written(tmp_path, f"{'n' * 240}.txt.gz", gzip.compress(b"\n" * 9_000_000))
    written(tmp_path, f"{'m' * 240}.txt", b"\n" * 9_000_000)
    read = peaks(*sorted(tmp_path.iterdir()))
    assert [rows for rows, _, _ in read.values()] == [9_000_000] * 2
    assert max(peak for _, peak, _ in read.values()) < 900  # 2.2 GB for the names alone, were they there at once


@given(st.lists(st.tuples(st.sampled_from(["a", "s3://k:s@b/x"]), st.integers(0, 9), st.text(max_size=9))))
def test_bad_records_are_listed_as_they_were_added(rows: list[tuple[str, int, str]]) -> None:
    bad = BadRecords("skip")
    for row in rows:
        bad.add(*row)
    assert len(bad) == len(rows)
    expected = [{"path": shown(path), "record": record, "reason": shown(reason)} for path, record, reason in rows]
    assert bad.take().to_pylist() == expected
    assert len(bad) == 0 and bad.table().schema == BAD_RECORDS_SCHEMA and not bad.table().num_rows


def test_bad_records_take_three_numbers_each_in_memory_and_in_a_file(tmp_path: Path) -> None:
    bad, paths = BadRecords("skip"), ["/b" + "p" * 4000, "/a" + "q" * 4000]
    tracemalloc.start()
    for i in range(100_000):
        bad.add(paths[i % 2], i, ("text is null", "is not a JSON object")[i % 3 == 0])
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    write_bad_records(bad.table(), tmp_path / "bad.parquet")
    read = read_bad_records(tmp_path / "bad.parquet")
    ordered = in_order([read.slice(0, 60_000), read.slice(60_000)])
    assert held < 100_000 * 24 and ordered.nbytes < 100_000 * 20  # a path alone is 4,002 bytes
    assert (tmp_path / "bad.parquet").stat().st_size < 100_000 * 20
    rows = ordered.select(["record"]).to_pydict()["record"]
    assert rows == [*range(1, 100_000, 2), *range(0, 100_000, 2)]
    assert ordered.slice(49_999, 2).to_pylist() == [
        {"path": paths[1], "record": 99_999, "reason": "is not a JSON object"},
        {"path": paths[0], "record": 0, "reason": "is not a JSON object"},
    ]


def test_reasons_met_long_ago_are_kept_again_and_said_again() -> None:
    bad = BadRecords("skip")
    reasons = [f"no field {i % 1500}" for i in range(4000)]
    for i, reason in enumerate(reasons):
        bad.add("a", i, reason)
    assert bad.table().column("reason").to_pylist() == reasons
