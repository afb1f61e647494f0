"""Spans of a file, wherever their borders are, give what the whole file gives: documents, ids and bad records."""

import gzip
import io
import json
import struct
import tempfile
import zlib
from itertools import pairwise
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from operators.tokenizer import Tokenizer
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.cutting import cuttable
from pipelines.corpus.errors import WrongEncoding
from pipelines.corpus.records import read_batches
from pipelines.corpus.sources import InputFile, Source, find_files
from pipelines.corpus.spans import CannotCut, Span
from pipelines.engines.local_engine import LocalEngine
from pipelines.progress import Silent
from pipelines.retokenize.options import Encoding
from pipelines.retokenize.splits import cuts_of
from tests.conftest import examples
from tests.pipelines.corpus.corpora import found, json_lines, written
from tests.pipelines.retokenize.corpora import encoded, files_of
from tests.pipelines.retokenize.test_splits import make_parts_small
from tests.pipelines.steps import count_words

EDGES = [
    b"", b"\r", b"x\r", b"\xef\xbb\xbf", "\u65e5\u672c\u8a9e \U0001f642".encode(), b"\xff", b"\xe6\x97", b" ", b"{}",
    b'{"text": "a\\nb\\r\\n", "id": 7}', '{"text": "\U0001f642 \\ud83d\\ude42", "language": "sv"}'.encode(),
    b'{"text": "a"}',
    b'{"text": "' + "\u00fc".encode() * 30 + b'"}', b'{"text": 7}', b'{"text": "\\ud83d"}', b'{"id": "b", "text": ""}',
]  # fmt: skip
LINES = st.lists(st.sampled_from(EDGES) | st.binary(max_size=6).map(lambda line: line.replace(b"\n", b"")), max_size=12)
PLACES = st.lists(st.floats(0, 1), max_size=5)
KINDS = ["x.txt", "x.jsonl", "x.txt.gz", "x.jsonl.zst"]


def framed(data: bytes, places: list[float], ending: str) -> bytes:
    """A compressed file whose frames end at these places of its text; an empty frame among them."""
    cuts = sorted({0, len(data), *(int(place * len(data)) for place in places)})
    texts = [data[start:stop] for start, stop in pairwise(cuts)] or [b""]
    texts.insert(len(texts) // 2, b"")
    if ending.endswith(".gz"):
        return b"".join(map(bgzf_member, texts))
    if not ending.endswith(".zst"):
        return data
    if len(places) % 3:  # frames that do not state their size, and a table that does
        frames = [zstandard.ZstdCompressor(write_content_size=False).compress(text) for text in texts]
        if len(places) % 3 == 1:
            return b"".join(frames)
        return b"".join(frames) + seek_table([(len(f), len(t)) for f, t in zip(frames, texts, strict=True)])
    skippable = struct.pack("<II", 0x184D2A53, 3) + b"\n\n\n"
    return skippable + b"".join(zstandard.ZstdCompressor(write_checksum=True).compress(text) for text in texts)


def bgzf_member(text: bytes) -> bytes:
    squeezer = zlib.compressobj(wbits=-15)
    body = squeezer.compress(text) + squeezer.flush()
    head = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff" + struct.pack("<H2sHH", 6, b"BC", 2, len(body) + 25)
    return head + body + struct.pack("<II", zlib.crc32(text), len(text))


def seek_table(frames: list[tuple[int, int]]) -> bytes:
    entries = b"".join(struct.pack("<II", *frame) for frame in frames)
    return struct.pack("<II", 0x184D2A5E, len(entries) + 9) + entries + struct.pack("<IBI", len(frames), 0, 0x8F92EAB1)


def columns_of(rows: list[bytes], groups: int, kind: str) -> bytes:
    """A file of columns with so many rows in a group: Parquet, an IPC file (.feather), or a stream (.arrow)."""
    out, texts = io.BytesIO(), [None if row == b" " else row for row in rows]
    table = pa.table({"text": pa.array(texts, pa.binary()).view(pa.string()), "n": list(range(len(rows)))})
    if kind == "x.parquet":
        pq.write_table(table, out, row_group_size=groups, data_page_size=20, write_page_checksum=True)
    else:
        with (pa.ipc.new_stream if kind == "x.arrow" else pa.ipc.new_file)(out, table.schema) as writer:
            writer.write_table(table, max_chunksize=groups)
    return out.getvalue()


def read(file: InputFile, spans: list[Span | None]) -> tuple[list[tuple[str, str, str]], list[tuple[int, str]]]:
    """Documents and bad records of spans, one after the other."""
    bad, rows = BadRecords("skip"), []
    for span in spans:
        for batch in read_batches(file, bad, 40, span=span):
            rows += [(row["id"], row["language"], row["text"]) for row in batch.to_pylist()]
    return rows, [(row["record"], row["reason"]) for row in bad.table().to_pylist()]


def outcome(file: InputFile, spans: list[Span | None]) -> object:
    """Result or error of spans; that of the whole file where a span is no answer, as in the code that uses them."""
    try:
        return read(file, spans)
    except WrongEncoding as error:
        return str(error)
    except CannotCut:
        return outcome(file, [None])


def tiles(file: InputFile, places: list[float]) -> list[Span | None]:
    cuts = cuttable(file)
    if cuts is None:
        return [None]
    borders = sorted({0, cuts.size, *(int(place * cuts.size) for place in places)})
    return [cuts.span(start, stop) for start, stop in pairwise(borders)]


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads of 7 bytes and runs of one frame, so that every border falls everywhere."""
    monkeypatch.setattr("pipelines.corpus.reading._LOCAL_READ_BYTES", 7)
    monkeypatch.setattr("pipelines.corpus.frames.RUN_BYTES", 1)


@pytest.mark.parametrize("kind", KINDS)
@examples(100)
@given(lines=LINES, ending=st.sampled_from([b"", b"\n"]), frames=PLACES, places=PLACES)
def test_spans_of_lines_give_what_the_file_gives(
    kind: str, lines: list[bytes], ending: bytes, frames: list[float], places: list[float]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = written(Path(folder), kind, framed(b"\n".join(lines) + ending, frames, kind))
        assert outcome(file, tiles(file, places)) == outcome(file, [None])


@pytest.mark.parametrize("kind", ["x.parquet", "x.feather", "x.arrow"])
@examples(60)
@given(rows=LINES, groups=st.integers(1, 4), places=PLACES)
def test_spans_of_rows_give_what_the_file_gives(kind: str, rows: list[bytes], groups: int, places: list[float]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = written(Path(folder), kind, columns_of(rows, groups, kind))
        assert outcome(file, tiles(file, places)) == outcome(file, [None])


@pytest.mark.parametrize("kind", ["x.jsonl.zst", "x.jsonl.gz", "x.jsonl", "x.parquet", "x.arrow", "x.feather"])
def test_a_file_of_several_frames_or_groups_is_cut_and_other_files_are_not(tmp_path: Path, kind: str) -> None:
    lines = [b'{"text": "%d"}' % i for i in range(50)]
    data = b"\n".join(lines) if kind.startswith("x.json") else columns_of(lines, 10, kind)
    file = written(tmp_path, kind, framed(data, [0.1, 0.5, 0.7], kind))
    assert len(tiles(file, [0.3, 0.6])) == 3
    whole = {"x.jsonl.zst": zstandard.ZstdCompressor().compress(data), "x.jsonl.gz": gzip.compress(data) * 2}
    if kind in whole:
        assert tiles(written(tmp_path, kind, whole[kind]), [0.3, 0.6]) == [None]
        assert tiles(written(tmp_path, kind, framed(data, [0.1, 0.5], kind)[:-5]), [0.3]) == [None]  # cut short


@pytest.mark.parametrize("size", [0, 2, 16, 1 << 15])
def test_members_of_sizes_that_cannot_be_are_not_cut(tmp_path: Path, size: int) -> None:
    member = bytearray(bgzf_member(b"words") * 2)
    member[16:18] = struct.pack("<H", size)
    assert cuttable(written(tmp_path, "x.txt.gz", bytes(member))) is None


def damaged(kind: str) -> bytes:
    """A file that is damaged in the middle."""
    lines = [json.dumps({"text": f"the {i} dogs of {i * i}"}).encode() for i in range(600)]
    if kind == "x.jsonl":
        lines[300] = b'{"text": "' + b"x" * 3000 + b'"}'
        return b"\n".join(lines)
    if kind == "x.parquet":
        data = bytearray(columns_of(lines, 50, kind))
        data[data.index(b"the 300 dogs")] ^= 255
        return bytes(data)
    if kind == "x.arrow":
        return columns_of(lines, 50, kind)[:-500]
    parts = [framed(b"\n".join(lines[i : i + 50]) + b"\n", [0.2, 0.4, 0.6], kind) for i in range(0, 600, 50)]
    if kind.endswith(".zst"):
        parts[6] = parts[6][:-2] + bytes([parts[6][-2] ^ 1]) + parts[6][-1:]  # its checksum
    else:
        parts[6] = parts[6][:-7] + bytes([parts[6][-7] ^ 1]) + parts[6][-6:]
    return b"".join(parts)


@pytest.mark.parametrize("kind", ["x.jsonl", "x.parquet", "x.arrow", "x.jsonl.zst", "x.jsonl.gz"])
def test_a_file_that_is_damaged_counts_up_to_the_damage_in_one_span_and_in_many(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words, bad records and token shards are those of the file that is read whole."""
    monkeypatch.setattr("pipelines.corpus.compression.LONGEST_LINE_BYTES", 2000)
    monkeypatch.setattr("pipelines.words.spans.SMALLEST_SPAN_BYTES", 500)
    (tmp_path / "c").mkdir()
    written(tmp_path / "c", "a.jsonl", json_lines([{"text": "and a sound file"}] * 99))
    file = written(tmp_path / "c", kind, damaged(kind))
    with pytest.raises(CannotCut):
        read(file, tiles(file, [i / 9 for i in range(9)]))
    made = []
    for name in ("many", "whole"):
        if name == "whole":
            monkeypatch.setattr("pipelines.words.spans.cuttable", lambda file: None)
        files = find_files([Source(path=str(tmp_path / "c"))])
        facts = count_words(files, "gpt4", tmp_path / name, LocalEngine(2), Silent(), on_bad_record="skip").facts
        made.append((facts, files_of(tmp_path / name)))
    assert made[0] == made[1]
    assert made[0][0]["bad_records"] == 1 and 99 <= made[0][0]["documents"] < 699


@pytest.mark.parametrize(("kind", "frames"), [("x.jsonl.gz", 99), ("x.jsonl.zst", 97), ("x.jsonl.zst", 0)])
def test_shards_of_frames_are_those_of_the_file_read_whole(
    tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, frames: int
) -> None:
    """Sound frames, frames without a size, and a damaged file: it has the documents before the damage."""
    lines = [json.dumps({"text": f"the {i} dogs of {i * i}"}).encode() for i in range(600)]
    data = framed(b"\n".join(lines), [i / frames for i in range(frames)], kind) if frames else damaged(kind)
    file = written(tmp_path, kind, data)
    make_parts_small(monkeypatch)
    rows, bad = read(file, [None])
    skip = Encoding(on_bad_record="skip")
    assert cuts_of(file) is not None
    facts = encoded(tokenizer, Path(file.path), tmp_path / "many", skip).facts
    monkeypatch.setattr("pipelines.retokenize.splits.cuttable", lambda file: None)
    encoded(tokenizer, Path(file.path), tmp_path / "whole", skip)
    assert files_of(tmp_path / "many") == files_of(tmp_path / "whole")
    ids = pl.concat(pl.read_parquet(path) for path in sorted((tmp_path / "many").glob("*-[0-9]*.parquet")))["id"]
    assert ids.to_list() == [one for one, _, _ in rows]
    assert len(rows) == facts["languages"]["x"]["documents"]
    assert [record for record, _ in bad] == ([] if frames else [len(rows) + 1])


def test_a_span_that_expands_beyond_its_share_of_the_budget_is_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, "x.parquet", columns_of([b"x" * 1000] * 40, 10, "x.parquet"))
    monkeypatch.setattr("pipelines.corpus.expansion.LEAST_BYTES", 60_000)
    monkeypatch.setattr("pipelines.corpus.expansion.EXPANSION", 1)
    assert len(read(file, [None])[0]) == 40
    with pytest.raises(CannotCut):
        read(file, tiles(file, [0.01]))
    assert found(file.path) == file
