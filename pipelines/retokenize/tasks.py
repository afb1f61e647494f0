"""What a worker does: encode one split of a file into parts, each of which is there as soon as it is whole."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from operators.arrays import I32, I64
from operators.errors import DataError
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.content import ContentHash
from pipelines.corpus.reading import check_unchanged, open_input
from pipelines.corpus.records import Span, read_parts
from pipelines.corpus.sources import InputFile
from pipelines.engines.run_stats import TaskLost
from pipelines.outputs import replacing
from pipelines.retokenize.formats.megatron import MegatronShard
from pipelines.retokenize.formats.parquet import ParquetShard
from pipelines.retokenize.options import LARGE_BYTES, WORKBENCH, Workbench
from pipelines.retokenize.parts import (
    PART_BYTES,
    Counts,
    PartRecord,
    bad_records_path,
    finished,
    part_name,
    record_path,
    whole_parts,
)

BATCH_BYTES = 8 << 20
"""A batch is a row group, so another size makes other bytes."""


class Superseded(DataError):
    """Another run took the output over while this one was at work."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path}: its run has ended, and another writes here; nothing to do"


@dataclass(frozen=True)
class Split:
    """A file, or a span of it, to encode."""

    file: InputFile
    stem: str
    """What its shards' names begin with."""
    name: str
    """Names the file as it was found, and all that decides what becomes of it; "" where nobody can tell."""
    job: Path
    """The `Job` on disk; gone when another run begins."""
    number: int = 0
    span: Span | None = None
    lines_before: int | None = None

    @property
    def path(self) -> str:
        """The file's name, for messages."""
        return self.file.path

    @property
    def folder(self) -> Path:
        """Where its parts' records lie."""
        return self.job.parent / f"{self.stem}.{self.number}"

    @property
    def stored_bytes(self) -> int:
        """Bytes of the file that it takes; 0 where the storage does not say."""
        return self.file.size or 0 if self.span is None else self.span.stop - self.span.start


@dataclass(frozen=True)
class SplitDone:
    """What a task says of its work."""

    files: dict[str, int]
    counts: Counts
    bad_parts: tuple[Path, ...]
    """Where its bad records lie, in order."""
    bad_records: int
    content: str | None
    """The name of the file's content, where all of it was seen."""
    lost: str | None = None
    """Why there is none of it: workers were lost at it again and again."""


def encode_split(split: Split) -> SplitDone:
    """Encode what is not whole yet. Parts that are whole are passed over, or the file is not even opened."""
    bench = WORKBENCH.take(split.job)
    whole = whole_parts(split.folder, bench.job.directory, split.name) if split.name else {}
    records, content = finished(whole), None
    if records is None:
        records, content = _encode_parts(split, bench, whole)
    counts: Counts = {}
    for record in records:
        for language, figures in record.counts.items():
            counts[language] = add(counts.get(language, (0, 0, 0)), figures)
    numbers = [number for number, record in sorted(whole.items()) if record.bad_records]
    return SplitDone(
        {name: size for record in records for name, size in record.files.items()},
        counts,
        tuple(bad_records_path(split.folder, number) for number in numbers),
        sum(record.bad_records for record in records),
        records[-1].content if records else content,
    )


def unencoded(split: Split, lost: TaskLost) -> SplitDone:
    """In place of a split at which workers die."""
    del split
    return SplitDone({}, {}, (), 0, None, lost.verdict)


def add(one: tuple[int, int, int], other: tuple[int, int, int]) -> tuple[int, int, int]:
    """Documents, bytes and tokens of two together."""
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def _encode_parts(split: Split, bench: Workbench, whole: dict[int, PartRecord]) -> tuple[list[PartRecord], str | None]:
    """Encodes the parts that are not in `whole` and adds their records to it. Gives all records in order, and the name
    of the file's content where the split is all of it."""
    split.folder.mkdir(exist_ok=True)
    bad, content = BadRecords(bench.job.encoding.on_bad_record), ContentHash() if split.span is None else None
    known = frozenset(whole)
    part: _Part | None = None
    try:
        for number, batches in read_parts(
            split.file,
            bad,
            BATCH_BYTES,
            part_bytes=PART_BYTES,
            wanted=lambda number: number not in known,
            span=split.span,
            lines_before=split.lines_before,
            content=content,
        ):
            if part is not None:  # whole only now: the reader has seen that the file is still the same
                whole[part.number] = part.finish(whole, bad.take(), last=False, content=None)
            part = _Part(split, bench, number)
            part.write(batches)
        name = content.name() if content is not None else None
        if part is not None:
            last = part.number > max(known, default=-1)
            whole[part.number] = part.finish(whole, bad.take(), last=last, content=name if last else None)
    except BaseException as error:
        if part is not None:
            part.abandon(error)
        raise
    return [whole[number] for number in sorted(whole)], name


class _Part:
    """A part while it is made."""

    def __init__(self, split: Split, bench: Workbench, number: int) -> None:
        self.number, self._split, self._bench = number, split, bench
        made = MegatronShard if bench.job.encoding.format == "megatron" else ParquetShard
        self._shard = made(bench.job.directory, part_name(split.stem, number), bench.job.id_type)
        self._counts: Counts = {}

    def write(self, batches: Iterator[pa.RecordBatch]) -> None:
        """Encode and write."""
        separator = self._bench.job.encoding.separator
        for batch in batches:
            text = batch.column("text")
            self._bench.job.check_room(text.nbytes)
            ids, offsets = self._bench.encoder.encode(text, batch.column("id"))
            self._bench.job.check_room(text.nbytes, len(ids))
            is_large = text.nbytes > LARGE_BYTES
            if separator is not None:
                ids, offsets = separated(ids, offsets, separator)
            for language, figures in count_languages(batch, offsets).items():
                self._counts[language] = add(self._counts.get(language, (0, 0, 0)), figures)
            names = batch.select(["id", "language"])
            del batch, text  # of a long document, as long as its ids
            self._shard.write(names, ids, offsets)
            del ids, offsets
            if is_large:  # what Arrow keeps for later is given back
                pa.default_memory_pool().release_unused()
        self._shard.seal()

    def finish(self, whole: dict[int, PartRecord], bad: pa.Table, *, last: bool, content: str | None) -> PartRecord:
        """The part's files take their names, and its record is written."""
        split, number = self._split, self.number
        if not split.job.exists():
            raise Superseded(str(self._bench.job.directory))
        record = record_path(split.folder, number)
        record.unlink(missing_ok=True)
        made = PartRecord(
            task=split.name,
            before=max((other for other in whole if other < number), default=None),
            last=last,
            files=self._shard.finish(),
            counts=self._counts,
            bad_records=len(bad),
            content=content,
        )
        if len(bad):
            with replacing(bad_records_path(split.folder, number)) as part:
                pq.write_table(bad, part)
        with replacing(record, durable=False) as part:
            part.write_bytes(msgspec.json.encode(made, order="deterministic"))
        return made

    def abandon(self, error: BaseException) -> None:
        """Leave nothing of it."""
        self._shard.abandon(error)


def separated(ids: I32, offsets: I64, separator: int) -> tuple[I32, I64]:
    """The same documents, each with one more id at its end."""
    documents = np.arange(len(offsets), dtype=np.int64)
    longer = offsets + documents
    with_it = np.empty(len(ids) + len(offsets) - 1, np.int32)
    own = np.ones(len(with_it), bool)
    own[longer[1:] - 1] = False
    with_it[own] = ids
    with_it[longer[1:] - 1] = separator
    return with_it, longer


def count_languages(batch: pa.RecordBatch, offsets: I64) -> Counts:
    """Documents, bytes of text and tokens of each language. `offsets`: where each document's ids begin and end."""
    coded = batch.column("language").dictionary_encode()
    codes, languages = coded.indices.to_numpy(), coded.dictionary.to_pylist()
    text = batch.column("text")
    borders = np.frombuffer(text.buffers()[1] or bytes(8), np.int64)[text.offset :][: len(text) + 1]
    sums = np.zeros((3, len(languages)), np.int64)
    for row, figures in zip(sums, (np.ones(len(codes), np.int64), np.diff(borders), np.diff(offsets)), strict=True):
        np.add.at(row, codes, figures)
    return {language: (int(d), int(b), int(t)) for language, (d, b, t) in zip(languages, sums.T, strict=True)}


def name_content(file: InputFile) -> str:
    """The name of a file's content: reads all of it."""
    content = ContentHash()
    with open_input(file) as stream:
        stream.watcher = content.update
        content.complete(stream)
    check_unchanged(file)
    return content.name()
