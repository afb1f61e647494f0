"""Sources of words: the fields that name them, and the files that hold them beside the word tables."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa

from operators.arrays import U64
from operators.errors import DataError
from operators.kernels.word_sources import SKETCH
from operators.word_sources import SETS, capped, compacted, hashes_of, source_hash
from operators.word_table import runs_of
from pipelines.corpus.formats import format_of
from pipelines.corpus.sources import InputFile
from pipelines.outputs import replacing

OF_FILE: Final = "@file"
"""Value of `sources_field` by which each file is a source."""
SOURCES_SCHEMA: Final = pa.schema(
    [pa.field("language", pa.string(), nullable=False), pa.field("word", pa.uint64(), nullable=False), SETS]
)
"""Schema of the files: rows of a word table, in its order, with the hash of the word."""


class NoSources(DataError):
    """A file without fields, where one is to name the source."""

    path: str
    field: str
    message = "{path}: has no field {field} that names a document's source; write --sources-field @file for one a file"


def with_source(files: Sequence[InputFile], field: str) -> list[InputFile]:
    """Return files whose documents have their source as id. Raises NoSources."""
    if field == OF_FILE:
        return list(files)
    _require_fields(files, field)
    return [
        replace(file, source=msgspec.structs.replace(file.source, id_field=field), requires_ids=True) for file in files
    ]


def apart_by_source(files: Sequence[InputFile], field: str) -> list[InputFile]:
    """Return files whose documents have their source as language, so that words are counted by source.

    With OF_FILE a source is named by the file's path. Raises NoSources.
    """
    if field == OF_FILE:
        named = [{"language": file.path, "category": None} for file in files]
    else:
        _require_fields(files, field)
        named = [{"language": None, "category": None, "language_field": field}] * len(files)
    return [
        replace(file, source=msgspec.structs.replace(file.source, **how))
        for file, how in zip(files, named, strict=True)
    ]


def _require_fields(files: Sequence[InputFile], field: str) -> None:
    for file in files:
        how = format_of(file.path)
        if how is None or how.kind == "text":
            raise NoSources(file.path, field)


def sources_of(batch: pa.RecordBatch, field: str, path: str) -> pa.StringArray:
    """Return the source of each document: its id, or with OF_FILE the file's path."""
    if field == OF_FILE:
        return pa.repeat(pa.scalar(path, pa.string()), batch.num_rows)
    return batch.column("id")


def sources_file(partition: int) -> str:
    """Return the name of a partition's file of sources."""
    return f"sources-{partition:04}.arrow"


def write_sources(rows: pa.Table, path: Path) -> U64:
    """Write the sources of a partition's words (rows of SourcedCounter); return the smallest hashes of sources."""
    sets = compacted(rows.column("sources").combine_chunks()) if len(rows) else pa.array([], SETS.type)
    words = hashes_of(rows.column("word").combine_chunks()) if len(rows) else np.empty(0, np.uint64)
    columns = [rows.column("language").combine_chunks(), pa.array(words), sets]
    with (
        replacing(path) as temporary,
        pa.ipc.new_file(temporary, SOURCES_SCHEMA) as to,
    ):
        to.write_table(pa.Table.from_arrays(columns, schema=SOURCES_SCHEMA))
    return np.array(sets.values.dictionary.to_numpy()[:SKETCH])


def read_sources(
    paths: Sequence[Path], multipliers: Mapping[str, int] | None
) -> tuple[tuple[U64, U64], tuple[U64, U64]]:
    """Return the pairs of words and sources, and of words and languages (by hash), of some partitions, as `capped`.

    paths: word tables, beside which the sources lie. multipliers: names the languages to read; None: all.
    """
    words, sources, spoken = ([np.empty(0, np.uint64)] for _ in range(3))
    for path in paths:
        with pa.ipc.open_file(path.with_name(sources_file(int(path.stem.removeprefix("words-"))))) as file:
            table = file.read_all()
        for batch in table.to_batches():
            sets = batch.column("sources")
            offsets, indices = sets.offsets.to_numpy(), sets.values.indices.to_numpy()
            hashes = sets.values.dictionary.to_numpy()
            for language, first, last in runs_of(batch.column("language")):
                if multipliers is None or language in multipliers:
                    lengths, own = np.diff(offsets[first : last + 1]), indices[offsets[first] : offsets[last]]
                    words.append(np.repeat(batch.column("word").to_numpy()[first:last], lengths))
                    sources.append(hashes[own])
                    spoken.append(np.full(len(own), source_hash(language), np.uint64))
    all_words = np.concatenate(words)
    return capped(all_words, np.concatenate(sources)), capped(all_words, np.concatenate(spoken))
