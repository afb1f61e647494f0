"""Sources beside word tables: scratch files of (word, source) pairs, added up into one file for each partition."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from operators.arrays import U64
from operators.errors import DataError
from operators.kernels.word_sources import SKETCH
from operators.text.pretokenize import PreTokens
from operators.word_sources import SOURCES_SCHEMA, SourceCounters, all_sources, capped, source_hash
from operators.word_table import runs_of
from pipelines.corpus.formats import format_of
from pipelines.corpus.sources import InputFile
from pipelines.engines.engine import Engine
from pipelines.memory import TooLittleMemory
from pipelines.outputs import replacing
from pipelines.progress import Progress
from pipelines.words.partitions import ScratchFiles

OF_FILE: Final = "@file"
"""Value of `sources_field` by which each file is a source."""
_COUNTED: Final = "sources.json"


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


class ScratchSources:
    """Sources of one attempt at a task: counted, and written to scratch files."""

    def __init__(self, scratch: Path, index: int, partitions: int, field: str | None) -> None:
        """field: as of `Counting`; None: nothing is counted."""
        self.is_field = field is not None and field != OF_FILE
        self._counters = None if field is None else SourceCounters()
        self._files, self._partitions = ScratchFiles(scratch, "sources", index, SOURCES_SCHEMA), partitions

    @property
    def names(self) -> list[str]:
        """Names of the files so far."""
        return self._files.names

    @property
    def memory_bytes(self) -> int:
        """Bytes held."""
        return 0 if self._counters is None else self._counters.memory_bytes

    def add(self, rows: PreTokens, batch: pa.RecordBatch, path: str) -> None:
        """Add the words of a batch; its ids are the sources, or else the file's path is."""
        if self._counters is not None:
            of_file = pa.repeat(pa.scalar(path, pa.string()), batch.num_rows)
            self._counters.add(rows, batch.column("language"), batch.column("id") if self.is_field else of_file)

    def flush(self) -> None:
        """Write a file of what is counted, and forget it."""
        if self._counters is not None:
            self._files.write(self._counters.tables(self._partitions))
            self._counters = SourceCounters()


@dataclass(frozen=True)
class AddSourcesTask:
    """A partition to add up."""

    partition: int
    scratch: Path
    into: Path
    memory_bytes: int | None


def sources_file(partition: int) -> str:
    """Return the name of a partition's file of sources."""
    return f"sources-{partition:04}.parquet"


def add_up_sources(task: AddSourcesTask) -> tuple[str, U64]:
    """Worker task: join a partition's pairs; return the file's name and the smallest hashes of its sources."""
    counters = SourceCounters()
    for name in msgspec.json.decode((task.scratch / _COUNTED).read_bytes(), type=list[str]):
        with pa.memory_map(str(task.scratch / name)) as mapped:
            batch = pa.ipc.open_file(mapped).get_batch(task.partition)
            for language, first, last in runs_of(batch.column("language")):
                words, sources = (np.array(batch.column(column).to_numpy()) for column in ("word", "source"))
                counters.add_pairs(language, words[first:last], sources[first:last])
        if task.memory_bytes is not None and counters.memory_bytes > task.memory_bytes // 2:
            remedy = "raise it, or cut the words into more partitions (--partitions)"
            raise TooLittleMemory("the sources of a partition", 2 * counters.memory_bytes, task.memory_bytes, remedy)
    table, name = counters.table(), sources_file(task.partition)
    with replacing(task.into / name) as temporary:
        pq.write_table(table, temporary, compression="lz4", use_dictionary=["language"], write_statistics=False)
    return name, np.unique(table.column("source").to_numpy())[:SKETCH]


def add_up_all_sources(
    scratch: Path, directory: Path, counted: Sequence[str], partitions: int, memory_bytes: int | None, engine: Engine,
    progress: Progress,
) -> tuple[list[str], int]:  # fmt: skip
    """Add up all partitions; return the files' names and the number of sources. Raises TooLittleMemory."""
    with replacing(scratch / _COUNTED, durable=False) as temporary:
        temporary.write_bytes(msgspec.json.encode(sorted(counted)))
    names, found = list[str](), list[U64]()
    with progress.stage("add up sources", partitions, "partitions") as advance:
        tasks = [AddSourcesTask(i, scratch, directory, memory_bytes) for i in range(partitions)]
        for _, (name, hashes) in engine.run(add_up_sources, tasks):
            names.append(name)
            found.append(hashes)
            advance(1)
    return sorted(names), all_sources(found)


def read_sources(
    paths: Sequence[Path], multipliers: Mapping[str, int] | None
) -> tuple[tuple[U64, U64], tuple[U64, U64]]:
    """Return the pairs of words and sources, and of words and languages (by hash), of some partitions, as `capped`.

    paths: word tables, beside which the sources lie. multipliers: names the languages to read; None: all.
    """
    words, sources, spoken = ([np.empty(0, np.uint64)] for _ in range(3))
    for path in paths:
        table = pq.read_table(path.with_name(path.name.replace("words-", "sources-")), use_threads=False)
        for batch in table.cast(SOURCES_SCHEMA).combine_chunks().to_batches():
            for language, first, last in runs_of(batch.column("language")):
                if multipliers is None or language in multipliers:
                    words.append(batch.column("word").to_numpy()[first:last])
                    sources.append(batch.column("source").to_numpy()[first:last])
                    spoken.append(np.full(last - first, source_hash(language), np.uint64))
    all_words = np.concatenate(words)
    return capped(all_words, np.concatenate(sources)), capped(all_words, np.concatenate(spoken))
