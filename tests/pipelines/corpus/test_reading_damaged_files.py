"""Damage is noticed wherever it is; what was read before it counts only where the user said so."""

import gzip
import io
import lzma
import os
import random
import struct
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from pipelines.corpus.bad_records import BadRecord, BadRecords
from pipelines.corpus.errors import ChangedWhileRead, DamagedFile, MissingInput
from pipelines.corpus.records import read_batches
from pipelines.corpus.sources import InputFile
from pipelines.storage_errors import UnreadableInput
from tests.pipelines.corpus.corpora import arrow_bytes, encode, json_lines, rows_of, squeezed, texts_of, written

DRAW = random.Random(20)  # the same bytes each time: one flipped bit in thousands changes nothing that is decompressed
LINES = [f"line {i} {DRAW.randbytes(12).hex()}\n" for i in range(400)]
TEXT = "".join(LINES).encode()
ROWS = [(str(i), "x", line) for i, line in enumerate(LINES)]
WHOLE = {
    ".txt.gz": squeezed(TEXT, ".gz"),
    ".txt.zst": squeezed(TEXT, ".zst"),
    ".txt.bz2": squeezed(TEXT, ".bz2"),
    ".txt.xz": squeezed(TEXT, ".xz"),
    ".jsonl.gz": encode(ROWS, ".jsonl.gz"),
    ".jsonl.zst": encode(ROWS, ".jsonl.zst"),
    ".parquet": encode(ROWS, ".parquet"),
    ".arrow": encode(ROWS, ".arrow"),
    ".feather": encode(ROWS, ".feather"),
}
SQUEEZED = (".txt.gz", ".txt.zst", ".txt.bz2", ".txt.xz")

ARROW_END = b"\xff\xff\xff\xff\0\0\0\0"


def damage_of(file: InputFile) -> str:
    with pytest.raises(DamagedFile) as caught:
        list(read_batches(file, BadRecords("fail")))
    assert str(caught.value).startswith(file.path + ": ") and "\n" not in str(caught.value)
    return caught.value.reason


def kept_before_damage(file: InputFile) -> list[str]:
    bad = BadRecords("skip")
    texts = texts_of(file, bad)
    [row] = bad.table().to_pylist()
    assert row["path"] == file.path
    assert row["record"] == len(texts) + 1
    assert row["reason"].endswith("; nothing after it was read")
    return texts


@pytest.mark.parametrize("ending", WHOLE)
def test_a_file_cut_anywhere_is_damaged(tmp_path: Path, ending: str) -> None:
    data = WHOLE[ending]
    assert texts_of(written(tmp_path, f"x{ending}", data)) == LINES
    inside = range(17, len(data) - 17, len(data) // 13)
    for cut in [*range(17), *inside, *range(len(data) - 17, len(data))]:
        file = written(tmp_path, f"x{ending}", data[:cut])
        if ending == ".arrow" and data[cut:] == ARROW_END:
            assert texts_of(file) == LINES  # closed without a mark, which a writer may do
            continue
        damage_of(file)
        texts = kept_before_damage(file)
        assert texts == LINES[: len(texts)]


def test_a_stream_without_end_mark_is_damaged_unless_it_ends_between_two_messages(tmp_path: Path) -> None:
    """Compared with what pyarrow itself says of where messages end."""
    table = pa.table({"text": LINES})
    out = io.BytesIO()
    ends = []
    with pa.ipc.new_stream(out, table.schema) as writer:
        for batch in table.to_batches(max_chunksize=80):
            writer.write_batch(batch)
            ends.append(out.tell())
    data = out.getvalue()
    for i, end in enumerate(ends):
        assert texts_of(written(tmp_path, "x.arrow", data[:end])) == LINES[: 80 * (i + 1)]
        for cut in (*range(end - 9, end), *range(end + 1, min(end + 9, len(data)))):
            assert kept_before_damage(written(tmp_path, "x.arrow", data[:cut]))[:80] in (LINES[:80], [])


def test_what_comes_before_the_cut_counts(tmp_path: Path) -> None:
    """Several frames, so that the damage is far behind them; the line the cut goes through is not half read."""
    for ending in SQUEEZED:
        half = len("".join(LINES[:200])) + 5
        data = squeezed(TEXT[:half], ending) + squeezed(TEXT[half:], ending)[:-300]
        texts = kept_before_damage(written(tmp_path, f"x{ending}", data))
        assert 200 <= len(texts) < 400 and texts == LINES[: len(texts)]


def test_several_frames_and_members_are_read_to_the_end(tmp_path: Path) -> None:
    parts = [TEXT[:1000], b"", TEXT[1000:1001], TEXT[1001:]]
    skippable = struct.pack("<II", 0x184D2A53, 7) + b"skipped"
    frames = [zstandard.ZstdCompressor(write_content_size=i % 2 == 0).compress(part) for i, part in enumerate(parts)]
    assert texts_of(written(tmp_path, "x.txt.zst", skippable.join([b"", *frames, b""]))) == LINES
    members = b"".join(gzip.compress(part, mtime=0) for part in parts)
    assert texts_of(written(tmp_path, "x.txt.gz", members)) == LINES
    assert texts_of(written(tmp_path, "x.txt.gz", members + b"\0" * 700)) == LINES  # padded, as on tapes
    for ending in (".bz2", ".xz"):
        assert texts_of(written(tmp_path, f"x.txt{ending}", b"".join(squeezed(p, ending) for p in parts))) == LINES
    padded = b"".join(squeezed(part, ".xz") + bytes(8) for part in parts)
    assert texts_of(written(tmp_path, "x.txt.xz", padded)) == LINES  # a multiple of four bytes (.xz format, 2.2)
    many = b"".join(zstandard.compress(line.encode()) for line in LINES)
    assert texts_of(written(tmp_path, "x.txt.zst", many)) == LINES


@pytest.mark.parametrize("size", [1 << 20, (1 << 20) + 1, 3 << 20])
@pytest.mark.parametrize("ending", SQUEEZED)
def test_what_decompresses_to_whole_pieces_is_not_taken_for_cut(tmp_path: Path, size: int, ending: str) -> None:
    data = b"a" * (size - 1) + b"\n"
    assert texts_of(written(tmp_path, f"x{ending}", squeezed(data, ending))) == [data.decode()]
    damage_of(written(tmp_path, f"x{ending}", squeezed(data, ending)[:-4]))


@pytest.mark.parametrize("garbage", [b"garbage", b"\x28", b"\x1f", b"\n", b"\x28\xb5\x2f\xfd", b"\x1f\x8b\x08"])
@pytest.mark.parametrize("ending", SQUEEZED)
def test_garbage_behind_a_stream_is_damage(tmp_path: Path, ending: str, garbage: bytes) -> None:
    assert kept_before_damage(written(tmp_path, f"x{ending}", WHOLE[ending] + garbage)) == LINES


def test_a_changed_byte_is_noticed_by_the_checksum(tmp_path: Path) -> None:
    for ending in SQUEEZED:
        data = bytearray(WHOLE[ending])
        for position in range(20, len(data), len(data) // 20):
            data[position] ^= 0x10
            damage_of(written(tmp_path, f"x{ending}", bytes(data)))
            data[position] ^= 0x10


def test_a_changed_byte_of_a_checked_parquet_page_is_noticed(tmp_path: Path) -> None:
    out = io.BytesIO()
    table = pa.table({"text": LINES})
    pq.write_table(table, out, compression="none", use_dictionary=False, write_page_checksum=True)
    data = bytearray(out.getvalue())
    data[data.index(b"line 7 ") + 5] ^= 1
    damage_of(written(tmp_path, "x.parquet", bytes(data)))


@pytest.mark.parametrize(("log", "is_read"), [(27, True), (28, False), (31, False)])
def test_windows_are_read_up_to_those_of_zstd_itself(tmp_path: Path, log: int, is_read: bool) -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=log, enable_ldm=False)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    file = written(tmp_path, "x.txt.zst", compressor.compress(TEXT) + compressor.flush())
    if is_read:
        assert texts_of(file) == LINES
    else:
        with pytest.raises(DamagedFile, match="a window of more than 128 MiB; compress it anew"):
            texts_of(file)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("x.txt.zst", b"hello, no zstd", "damaged after byte 0"),
        ("x.txt.gz", b"hello, no gzip", "damaged after byte 0"),
        ("x.txt.gz", b"", "has 0 bytes"),
        ("x.txt.bz2", b"", "has 0 bytes"),
        ("x.txt.xz", b"", "has 0 bytes"),
        ("x.txt.bz2", b"hello, no bzip2", "damaged after byte 0"),
        ("x.txt.xz", b"hello, no xz", "damaged after byte 0"),
        ("x.txt", lzma.compress(b"a"), "is compressed with xz"),
        ("x.txt.zst", b"", "has 0 bytes"),
        ("x.arrow", b"", "has 0 bytes"),
        ("x.parquet", b"", "not of the format"),
        ("x.parquet", b"PAR1" + b"\xff" * 90 + b"PAR1", "not of the format"),
        ("x.arrow", b"\xff" * 100, "not of the format"),
        ("x.arrow", b"ARROW1\0\0" + b"\xff" * 90 + b"ARROW1", "not of the format"),
        ("x.txt", gzip.compress(b"a", mtime=0), "is compressed with gzip"),
        ("x.jsonl", zstandard.compress(b"{}"), "is compressed with zstd"),
    ],
)
def test_what_is_not_of_its_format_is_damage(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    file = written(tmp_path, name, data)
    assert reason in damage_of(file)
    assert kept_before_damage(file) == []


def test_two_arrow_streams_in_one_file_are_not_read_as_the_first(tmp_path: Path) -> None:
    stream = arrow_bytes(pa.table({"text": LINES}), stream=True)
    assert kept_before_damage(written(tmp_path, "x.arrow", stream + stream)) == LINES


def test_overwritten_columns_end_in_an_error_and_not_in_a_crash(tmp_path: Path) -> None:
    for stream in (True, False):
        data = arrow_bytes(pa.table({"text": pa.array(LINES, pa.string())}), stream=stream)
        offsets = data.index(struct.pack("<iii", 0, len(LINES[0]), len(LINES[0] + LINES[1])))
        data = data[: offsets + 8] + struct.pack("<i", 1 << 30) + data[offsets + 12 :]
        assert damage_of(written(tmp_path, "x.arrow", data))


def test_a_length_beyond_all_memory_is_damage(tmp_path: Path) -> None:
    stream = arrow_bytes(pa.table({"text": LINES}), stream=True)
    body = len(TEXT) + 4 * (len(LINES) + 1)
    lengths = [i for i in range(0, 1000, 8) if 0 <= struct.unpack_from("<q", stream, i)[0] - body < 200]
    assert lengths
    for i in lengths:
        damage_of(written(tmp_path, "x.arrow", stream[:i] + struct.pack("<q", 1 << 60) + stream[i + 8 :]))


def shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 3)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def rewrite(path: Path) -> None:
    """Change a file but not its length: only its time of change tells."""
    data, before = path.read_bytes(), path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))


@pytest.mark.parametrize("change", [shrink, grow, rewrite])
@pytest.mark.parametrize("ending", [*WHOLE, ".txt", ".jsonl"])
@pytest.mark.parametrize("on_bad", ["fail", "skip"])
def test_a_file_that_changes_is_refused(tmp_path: Path, ending: str, change: Any, on_bad: Any) -> None:
    data = WHOLE[ending] if ending in WHOLE else encode(ROWS, ending) if ending == ".jsonl" else TEXT
    file = written(tmp_path, f"x{ending}", data)
    change(Path(file.path))
    with pytest.raises(ChangedWhileRead):
        list(read_batches(file, BadRecords(on_bad)))


@pytest.mark.slow
@pytest.mark.parametrize("change", [shrink, grow, rewrite])
@pytest.mark.parametrize("on_bad", ["fail", "skip"])
@pytest.mark.parametrize("name", ["x.txt", "x.jsonl", "x.parquet", "x.arrow"])
def test_a_file_that_changes_between_two_batches_is_refused(
    tmp_path: Path, name: str, change: Any, on_bad: Any
) -> None:
    """9 MB that do not compress: more than any reader has read when the first batch comes."""
    rows = [{"text": os.urandom(30_000).hex()} for _ in range(150)]
    table = pa.Table.from_pylist(rows)
    out = io.BytesIO()
    pq.write_table(table, out, row_group_size=10, compression="none")
    data = {
        "x.txt": b"".join(row["text"].encode() + b"\n" for row in rows),
        "x.jsonl": json_lines(rows),
        "x.parquet": out.getvalue(),
        "x.arrow": arrow_bytes(table.combine_chunks(), stream=True),
    }[name]
    file = written(tmp_path, name, data)
    batches = read_batches(file, BadRecords(on_bad), batch_bytes=200_000)
    next(batches)
    change(Path(file.path))
    with pytest.raises(ChangedWhileRead):
        list(batches)


def test_a_file_that_is_gone_or_forbidden(tmp_path: Path) -> None:
    file = written(tmp_path, "x.txt", b"a")
    Path(file.path).chmod(0)
    if os.geteuid() != 0:
        with pytest.raises(UnreadableInput, match="permission denied"):
            rows_of(file)
    Path(file.path).unlink()
    with pytest.raises(MissingInput, match="no such file"):
        rows_of(file)


def test_the_first_bad_record_fails_and_says_where(tmp_path: Path) -> None:
    with pytest.raises(BadRecord) as caught:
        rows_of(written(tmp_path, "x.txt", b"a\nb\xff\nc\xff\n"))
    assert str(caught.value).startswith(f"{tmp_path}/x.txt, record 2: invalid UTF-8 at byte 2; ")


def test_an_xz_stream_that_asks_for_gigabytes_is_refused(tmp_path: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": 1 << 28}]
    file = written(tmp_path, "x.txt.xz", lzma.compress(TEXT, filters=filters))
    assert "needs more than 128 MiB of memory; compress it anew with xz -9" in damage_of(file)
    assert texts_of(written(tmp_path, "y.txt.xz", lzma.compress(TEXT, preset=6))) == LINES
