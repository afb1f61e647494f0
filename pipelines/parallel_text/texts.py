"""Scratch files of parallel text, decoded once, from which any language can be read separately."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.corpus.bad_records import BadRecords, OnBadRecord
from pipelines.corpus.formats import format_of
from pipelines.corpus.records import BATCH_BYTES, read_batches
from pipelines.corpus.sources import InputFile
from pipelines.engines.run_stats import TaskLost
from pipelines.outputs import replacing

TEXTS_SCHEMA: Final = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("characters", pa.int32(), nullable=False),
        pa.field("bytes", pa.int32(), nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
    ]
)


@dataclass(frozen=True)
class ReadTask:
    """A file to read."""

    file: InputFile
    index: int
    on_bad_record: OnBadRecord
    into: Path
    by_id: bool = False
    """True: documents of different ids, which are their sources, go to batches of their own."""

    @property
    def path(self) -> str:
        """The file's name, for messages."""
        return self.file.path

    @property
    def name(self) -> str:
        """Name of the scratch file that the task writes."""
        return f"texts-{self.index:06}.arrow"


@dataclass(frozen=True)
class Texts:
    """A scratch file of Arrow batches (TEXTS_SCHEMA), each of one language, in the order of the corpus."""

    path: Path
    batches: dict[str, list[int]]
    """Batch numbers by language."""
    bytes: dict[str, int]
    """Bytes of text by language."""
    documents: int = 0
    sources: tuple[tuple[str, int], ...] = ()
    """Id and bytes of text of each batch; only with `ReadTask.by_id`."""


def read_texts(task: ReadTask, batch_bytes: int = BATCH_BYTES) -> tuple[Texts, pa.Table]:
    """Worker task: read a file into a scratch file; return its index and the bad records.

    A document of a text file is a line; here it is without its line ending, which is no part of the sentence.
    """
    bad, batches, sizes, documents = BadRecords(task.on_bad_record), dict[str, list[int]](), Counter[str](), 0
    sources = list[tuple[str, int]]()
    path, written = task.into / task.name, 0
    how = format_of(task.file.path)
    lines = how is not None and how.kind == "text"
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with (
        replacing(path, durable=False) as temporary,
        pa.OSFile(str(temporary), "wb") as sink,
        pa.ipc.new_file(sink, TEXTS_SCHEMA, options=options) as writer,
    ):
        for batch in read_batches(task.file, bad, batch_bytes):
            text = _sentences(batch.column("text")) if lines else batch.column("text")
            documents += batch.num_rows
            size = pc.binary_length(text)
            columns = [batch.column("id"), pc.utf8_length(text).cast(pa.int32()), size.cast(pa.int32()), text]
            whole = pa.record_batch(columns, schema=TEXTS_SCHEMA)
            for language, part in _apart(whole, batch.column("language"), task.by_id):
                writer.write_batch(part)
                batches.setdefault(language, []).append(written)
                bytes_ = pc.sum(part.column("bytes")).as_py()
                sizes[language] += bytes_
                if task.by_id:
                    sources.append((part.column("id")[0].as_py(), bytes_))
                written += 1
    return Texts(path, batches, dict(sizes), documents, tuple(sources)), bad.table()


def _sentences(lines: pa.Array) -> pa.Array:
    """Return lines without their line endings, LF or CRLF."""
    return pc.replace_substring_regex(lines, r"\r?\n\z", "")


def skipped_file(task: ReadTask, lost: TaskLost) -> tuple[Texts, pa.Table]:
    """Fallback for a file that crashes its workers: no text, one bad record. Raises BadRecord under "fail"."""
    bad = BadRecords(task.on_bad_record)
    bad.add(task.path, 0, f"{lost.verdict}; nothing of it counts")
    return Texts(task.into / task.name, {}, {}), bad.table()


def _apart(whole: pa.RecordBatch, languages: pa.Array, by_id: bool) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield the documents of each language, or of each language and id."""
    for language, rows in _by_value(languages):
        part = whole if rows is None else whole.take(pa.array(rows))
        for _, own in _by_value(part.column("id")) if by_id else [("", None)]:
            yield language, part if own is None else part.take(pa.array(own))


def _by_value(column: pa.Array) -> list[tuple[str, np.ndarray[tuple[int], np.dtype[np.int64]] | None]]:
    """Return each value and its rows, in order; None: all rows."""
    encoded = column.dictionary_encode()
    names, codes = encoded.dictionary.to_pylist(), encoded.indices.to_numpy()
    if len(names) == 1:
        return [(names[0], None)]
    order = np.argsort(codes, kind="stable")
    rows = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    return [(names[codes[some[0]]], some) for some in rows if len(some)]


def language_column(texts: Sequence[Texts], language: str, column: str) -> pa.Array:
    """Return one column of all documents of a language, in the order of the corpus."""
    place = TEXTS_SCHEMA.get_field_index(column)
    options = pa.ipc.IpcReadOptions(included_fields=[place])
    found = [pa.array([], TEXTS_SCHEMA.field(place).type)]
    for one in texts:
        if language in one.batches:
            with pa.OSFile(str(one.path)) as source:
                reader = pa.ipc.open_file(source, options=options)
                found += [reader.get_batch(i).column(0) for i in one.batches[language]]
    return pa.concat_arrays(found)


def selected_places(selected: Path) -> dict[str, pa.Int64Array]:
    """Return the places of compared documents in the corpus, in the baseline's order, by language."""
    table = pl.read_parquet(selected, columns=["language", "place"], glob=False)
    parts = table.partition_by("language", maintain_order=True)
    return {part.item(0, "language"): pa.array(part["place"].to_numpy()) for part in parts}


def selected_text(texts: Sequence[Texts], places: dict[str, pa.Int64Array], language: str) -> pa.LargeStringArray:
    """Return the compared documents of a language, in the baseline's order."""
    return language_column(texts, language, "text").take(places[language])
