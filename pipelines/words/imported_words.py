"""Import of word counts made elsewhere: Parquet files with the columns word, count and, if known, language.

Words are imported unchanged; the named pre-tokenizer is only recorded in the tokenizer. The output is that of counting
(`pipelines.words.counting`): the same partitions, the same facts.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from operators.arrays import I64
from operators.errors import DataError
from operators.shard import LARGEST_TOTAL, CountOverflow
from operators.text.pretokenize import Pretokenizer
from operators.word_table import WordCounter
from pipelines.context import Context
from pipelines.corpus.errors import EmptyCorpus
from pipelines.corpus.reading import open_input
from pipelines.corpus.sources import InputFile
from pipelines.engines.engine import Engine
from pipelines.memory import MEMORY_BYTES, should_flush
from pipelines.outputs import Output, describe_inputs
from pipelines.progress import Progress
from pipelines.stage import Made, Stage, Written, make
from pipelines.words.partitions import ScratchTables, add_up_all

NO_LANGUAGE: Final = "und"
"""Language of tables without a language column: the code of ISO 639 for undetermined."""
_BATCH_ROWS: Final = 1 << 16
_TEXT: Final = (pa.string(), pa.large_string(), pa.string_view())
_ACCEPTED: Final = {"word": (*_TEXT, pa.binary(), pa.large_binary(), pa.binary_view()), "language": _TEXT}
_KINDS: Final = {"word": pa.large_binary(), "language": pa.string()}
"""Types that columns are cast to; counts keep their type until they are checked."""


class BadWordTable(DataError):
    """A file that is no table of word counts, or holds invalid counts."""

    path: str
    reason: str
    message = (
        "{path}: {reason}; a table of word counts is a Parquet file with the columns word "
        "(string or binary), count (whole numbers) and, if known, language (string)"
    )


@dataclass(frozen=True)
class ImportTask:
    """A file to import. `into` is a directory that all workers can access."""

    file: InputFile
    index: int
    partitions: int
    memory_bytes: int
    into: Path

    @property
    def path(self) -> str:
        """The file's name, for messages."""
        return self.file.path


@dataclass(frozen=True)
class Imported:
    """Result of an import task."""

    rows: int
    zero_counts: int
    empty_words: int
    symbols: float
    files: tuple[str, ...]
    """Names of its scratch files."""


def import_file(task: ImportTask) -> Imported:
    """Worker task: add up the counts of one file into scratch files."""
    counter, tables = WordCounter(), ScratchTables(task.into, task.index, task.partitions)
    rows = zeros = empties = 0
    symbols = 0.0
    for words, counts, languages in _read(task.file):
        lengths = pc.binary_length(words).to_numpy(zero_copy_only=False).astype(np.float64)
        rows, zeros, empties = rows + len(words), zeros + int((counts == 0).sum()), empties + int((lengths == 0).sum())
        symbols += float(np.dot(lengths, counts.astype(np.float64)))
        if symbols >= LARGEST_TOTAL:  # before anything is added up that 64 bits do not hold
            raise CountOverflow(symbols)
        real = (counts > 0) & (lengths > 0)
        for language in languages.unique().to_pylist():
            own = real & pc.equal(languages, language).to_numpy(zero_copy_only=False)
            counter.table(language).add_rows(words.filter(pa.array(own)), counts[own])
        if should_flush(counter.memory_bytes, task.memory_bytes):
            tables.flush(counter)
            counter = WordCounter()
    tables.flush(counter)
    return Imported(rows, zeros, empties, symbols, tuple(tables.names))


def _read(file: InputFile) -> Iterator[tuple[pa.LargeBinaryArray, I64, pa.StringArray]]:
    """Yield words, counts (>= 0) and languages in batches, without nulls. Raises BadWordTable."""
    if not file.path.endswith(".parquet"):
        raise BadWordTable(file.path, "is no Parquet file by its name")
    with open_input(file) as stream:
        with _damage(file.path):
            parquet = pq.ParquetFile(stream, pre_buffer=False, page_checksum_verification=True)
        kinds = _columns(file.path, parquet.schema_arrow)
        batches = parquet.iter_batches(batch_size=_BATCH_ROWS, columns=[*kinds], use_threads=False)
        first = 1
        while True:
            with _damage(file.path):
                batch = next(batches, None)
                if batch is None:
                    return
                batch.validate(full=True)
                columns = {
                    name: batch.column(name).cast(_KINDS.get(name, _value(kind))) for name, kind in kinds.items()
                }
            _check_rows(file.path, columns, first)
            languages = columns.get("language", pa.repeat(pa.scalar(NO_LANGUAGE, pa.string()), batch.num_rows))
            yield columns["word"], columns["count"].cast(pa.int64()).to_numpy(zero_copy_only=False), languages
            first += batch.num_rows


@contextmanager
def _damage(path: str) -> Iterator[None]:
    """Raise errors of pyarrow as BadWordTable."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if "crypt" in str(error):
            raise BadWordTable(path, "is encrypted: decrypt it") from error
        raise BadWordTable(path, f"damaged, or no Parquet ({' '.join(str(error).split())[:200]})") from error


def _columns(path: str, schema: pa.Schema) -> dict[str, pa.DataType]:
    """Return the types of word, count and, where present, language. Raises BadWordTable for unusable ones."""
    kinds = {}
    for name in ("word", "count", "language"):
        if name == "language" and name not in schema.names:
            continue
        if schema.names.count(name) != 1:
            there = ", ".join(one[:40] for one in schema.names[:12]) or "none"
            how = "is missing" if name not in schema.names else "is there more than once"
            raise BadWordTable(path, f'the column "{name}" {how}; there are: {there}')
        kinds[name] = schema.field(name).type
        value = _value(kinds[name])
        if not (pa.types.is_integer(value) if name == "count" else value in _ACCEPTED[name]):
            needed = {"word": "strings or bytes", "count": "whole numbers", "language": "strings"}[name]
            raise BadWordTable(path, f'the column "{name}" holds {kinds[name]}, not {needed}')
    return kinds


def _value(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _check_rows(path: str, columns: dict[str, pa.Array], first: int) -> None:
    """Raise BadWordTable for the first row with a null, a count below 0 or above 2^62, or an empty language."""
    for name, column in columns.items():
        wrong: list[tuple[Any, str]] = [(column.is_null(), "is null")]
        if name == "count":
            wrong.append((pc.less(column, pa.scalar(0, column.type)), "is below 0"))
            if column.type.bit_width == 64:
                wrong.append((pc.greater(column, pa.scalar(LARGEST_TOTAL, column.type)), "is above 2^62"))
        if name == "language":
            wrong.append((pc.equal(pc.binary_length(column), 0), "is empty"))
        for rows, what in wrong:
            found = pc.indices_nonzero(pc.fill_null(rows, False))
            if len(found):
                row = found[0].as_py()
                value = "" if what in ("is null", "is empty") else f" ({column[row].as_py()})"
                raise BadWordTable(path, f"in row {first + row} {name} {what}{value}")


def import_words(
    files: list[InputFile], pretokenizer: str, directory: Path, context: Context, *, partitions: int = 16
) -> Made:
    """Import word counts made elsewhere into word tables in `directory`; rows of one language and word add up.

    Kept where they are up to date. The manifest's facts are those of `pipelines.words.counting.count_words`, without
    documents, and: rows, zero_counts and empty_words, the rows that were left out for these reasons.

    Raises BadWordTable, CountOverflow, EmptyCorpus, and what opening the files raises.
    """
    regex = Pretokenizer(pretokenizer).regex
    settings = {"pretokenizer": pretokenizer, "regex": regex, "partitions": partitions}
    names = [f"words-{i:04}.parquet" for i in range(partitions)]
    stage = Stage("imported words", settings, describe_inputs(files), names)
    with Output(directory, "words") as output:
        return make(stage, output, context, lambda scratch: _import(files, scratch, directory, context, partitions))


def _import(files: list[InputFile], scratch: Path, directory: Path, context: Context, partitions: int) -> Written:
    engine, progress, memory = context.engine, context.progress, context.memory_bytes
    tasks = [ImportTask(file, i, partitions, memory or MEMORY_BYTES, scratch) for i, file in enumerate(files)]
    figures, counted = _import_all(tasks, engine, progress)
    written, languages, _ = add_up_all(scratch, directory, counted, partitions, memory, engine, progress)
    if not languages:
        raise EmptyCorpus(len(files))
    return Written(written, {"documents": None, "bad_records": 0, **figures, "languages": languages})


def _import_all(tasks: list[ImportTask], engine: Engine, progress: Progress) -> tuple[dict[str, int], list[str]]:
    """Run the import tasks; return figures for the manifest and the names of the scratch files."""
    done: dict[int, Imported] = {}
    known = all(task.file.size is not None for task in tasks)
    with progress.stage("import words", sum(task.file.size or 0 for task in tasks) if known else None, "B") as advance:
        for index, imported in engine.run(import_file, tasks):
            done[index] = imported
            symbols = sum(done[i].symbols for i in sorted(done))
            if symbols >= LARGEST_TOTAL:
                raise CountOverflow(symbols)
            advance(tasks[index].file.size or 0)
    names = ("rows", "zero_counts", "empty_words")
    figures = {name: sum(getattr(one, name) for one in done.values()) for name in names}
    return figures, [name for one in done.values() for name in one.files]
