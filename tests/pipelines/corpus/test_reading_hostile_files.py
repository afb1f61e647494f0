"""Small files that unpack to much, and Parquet files that contradict themselves: refused, or read within 1 GB."""

import io
import subprocess
import sys
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
from pipelines.corpus import json_lines, parquet, reading
from pipelines.corpus.bad_records import BadRecords
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
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.records import read_batches
from pipelines.corpus.sources import InputFile, Source
for name in sys.argv[1:]:
    stat, told, size = Path(name).stat(), "", 0
    file = InputFile(name, stat.st_size, stat.st_mtime_ns, Source(path=name, language="en"))
    try:
        for batch in read_batches(file, BadRecords("fail")):
            size += batch.num_rows
            del batch
    except DataError as error:
        told = str(error)
    peak = re.search("VmHWM: *([0-9]+) kB", Path("/proc/self/status").read_text().replace("\t", " "))
    print(Path(name).name, size, int(peak[1]) >> 10, told[:200])
"""


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
        data = parquet_bytes(table, row_group_size=2_000, data_page_size=10_000, **options)  # type: ignore[arg-type]
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
