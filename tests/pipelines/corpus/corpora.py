"""Writers of files in every format, by other means than the code reads them; shared by the tests of this folder."""

import bz2
import gzip
import io
import json
import lzma
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import zstandard
from pyarrow import ipc

from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.records import read_batches
from pipelines.corpus.sources import InputFile, Source, find_files

Row = tuple[str, str, str]
"""Id, language, text."""


def squeezed(data: bytes, ending: str) -> bytes:
    if ending.endswith(".gz"):
        return gzip.compress(data, mtime=0)
    if ending.endswith(".zst"):
        return zstandard.ZstdCompressor(write_checksum=True).compress(data)
    if ending.endswith(".bz2"):
        return bz2.compress(data)
    if ending.endswith(".xz"):
        return lzma.compress(data)
    return data


def json_lines(rows: Sequence[dict[str, Any]], ascii_only: bool = False) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=ascii_only).encode() + b"\n" for row in rows)


def arrow_bytes(table: pa.Table, stream: bool = False) -> bytes:
    out = io.BytesIO()
    with (ipc.new_stream if stream else ipc.new_file)(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


def encode(rows: Sequence[Row], ending: str) -> bytes:
    """A file of these documents. Parquet and Feather are written by Polars, the rest as the standard library can."""
    records = [dict(zip(("id", "language", "text"), row, strict=True)) for row in rows]
    frame = pl.DataFrame(records, schema={"id": pl.String, "language": pl.String, "text": pl.String})
    out = io.BytesIO()
    if ending == ".parquet":
        frame.write_parquet(out)
        return out.getvalue()
    if ending == ".feather":
        frame.write_ipc(out)
        return out.getvalue()
    if ending == ".arrow":
        return arrow_bytes(frame.to_arrow(), stream=True)
    if ending.startswith((".csv", ".tsv")):
        frame.write_csv(out, separator="," if ending.startswith(".csv") else "\t", quote_style="always")
        return squeezed(out.getvalue(), ending)
    return squeezed(json_lines(records, ascii_only=len(rows) % 2 == 0), ending)


def found(path: Path | str, **settings: Any) -> InputFile:
    [file] = find_files([Source(path=str(path), **settings)])
    return file


def written(folder: Path, name: str, data: bytes, **settings: Any) -> InputFile:
    (folder / name).write_bytes(data)
    return found(folder / name, **settings)


def rows_of(file: InputFile, bad: BadRecords | None = None, batch_bytes: int = 8 << 20) -> list[Row]:
    batches = read_batches(file, bad if bad is not None else BadRecords("fail"), batch_bytes)
    return [(row["id"], row["language"], row["text"]) for batch in batches for row in batch.to_pylist()]


def texts_of(file: InputFile, bad: BadRecords | None = None) -> list[str]:
    return [text for _, _, text in rows_of(file, bad)]
