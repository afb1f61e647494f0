"""Worker task: encode one split of a file into output parts, each committed atomically."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa

from operators.arrays import I32, I64
from operators.errors import DataError
from pipelines.corpus.bad_records import BadRecords, write_bad_records
from pipelines.corpus.content import ContentHash
from pipelines.corpus.reading import check_unchanged, open_input
from pipelines.corpus.records import read_parts
from pipelines.corpus.sources import InputFile
from pipelines.corpus.spans import CannotCut, Span
from pipelines.engines.run_stats import TaskLost
from pipelines.outputs import replacing, writing
from pipelines.retokenize.duplicates import duplicates_of
from pipelines.retokenize.mixing import Mix, copies, selected, spread, with_epochs
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
from pipelines.retokenize.read_ahead import read_ahead
from pipelines.token_shards.formats import writer_of

BATCH_BYTES = 8 << 20
"""Text of a batch. A batch is a row group, so another size makes other bytes."""


class Superseded(DataError):
    """An output that another run took over while this one was at work."""

    path: str
    message = "{path}: its run has ended, and another writes here; nothing to do"


@dataclass(frozen=True)
class Split:
    """A file, or a span of it, to encode."""

    file: InputFile
    stem: str
    """Beginning of its shards' names."""
    name: str
    """Fingerprint of the file's size and time of change and of all that decides its tokens; "" where unknown."""
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
        """Folder of its parts' records."""
        return self.job.parent / f"{self.stem}.{self.number}"

    @property
    def stored_bytes(self) -> int:
        """Bytes of the file that it covers; 0 where the storage does not say."""
        return self.file.size or 0 if self.span is None else self.span.stored_bytes

    @property
    def whole(self) -> "Split":
        """The file as one split, for a file that cannot be cut after all. Its parts are others."""
        return replace(self, name=f"{self.name}-whole" if self.name else "", number=0, span=None, lines_before=None)


@dataclass(frozen=True)
class SplitDone:
    """Result of the task: files, counts and bad records."""

    files: dict[str, int]
    counts: Counts
    bad_parts: tuple[Path, ...]
    """Paths of its bad records, in order."""
    bad_records: int
    read: int
    """Number of documents that were read, written or not."""
    content: str | None
    """Hash of the file's content, where the task has read all of it."""
    lost: str | None = None
    """Reason why nothing was encoded: workers were lost at it again and again."""
    is_uncut: bool = False
    """True if the file must be encoded whole, so that there is no result."""


def encode_split(split: Split) -> SplitDone:
    """Encode the parts that are not whole yet. Where all are, the file is not opened."""
    try:
        return _encode_split(split)
    except CannotCut:
        return SplitDone({}, {}, (), 0, 0, None, is_uncut=True)


def _encode_split(split: Split) -> SplitDone:
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
        sum(record.read for record in records),
        records[-1].content if records else content,
    )


def unencoded(split: Split, lost: TaskLost) -> SplitDone:
    """Return the result of a split that keeps killing its workers."""
    del split
    return SplitDone({}, {}, (), 0, 0, None, lost.verdict)


def add(one: tuple[int, int, int], other: tuple[int, int, int]) -> tuple[int, int, int]:
    """Add documents, bytes and tokens of two results."""
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def _encode_parts(split: Split, bench: Workbench, whole: dict[int, PartRecord]) -> tuple[list[PartRecord], str | None]:
    """Encode the parts that are not in `whole`, and add their records to it.

    Return all records in order, and the hash of the file's content where the split is all of it.
    """
    with writing(split.folder):
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
            with closing(read_ahead(batches, LARGE_BYTES)) as ahead:
                part.write(ahead)
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
    """An output part that is being written."""

    def __init__(self, split: Split, bench: Workbench, number: int) -> None:
        self.number, self._split, self._bench = number, split, bench
        writer = writer_of(bench.job.encoding.format)
        self._shard = writer(bench.job.target(part_name(split.stem, number)))
        self._counts: Counts = {}
        self._read = 0
        folder = bench.job.duplicates
        self._mix = bench.job.encoding.mix
        self._left_out = None if folder is None else duplicates_of(folder, split.stem, number)

    def write(self, batches: Iterator[pa.RecordBatch]) -> None:
        """Encode batches of documents and write their tokens."""
        for batch in batches:
            is_large = batch.column("text").nbytes > LARGE_BYTES
            documents = epochs = None
            if self._mix is not None:
                batch, documents, epochs = self._taken(batch, self._mix)
            else:
                self._read += len(batch)
            if len(batch):
                encoded = self._encoded(batch, documents)
                del batch  # of a long document, as long as its ids
                self._put(encoded, documents, epochs)
                del encoded
            if is_large:  # Arrow holds freed memory for later
                pa.default_memory_pool().release_unused()
        self._shard.seal()

    def _taken(self, batch: pa.RecordBatch, mix: Mix) -> tuple[pa.RecordBatch, I64, I64]:
        """Return the documents of a batch that are taken, and the document and epoch of each copy."""
        documents, epochs = copies(mix, batch)
        if self._left_out is not None:
            is_taken = ~np.isin(documents + self._read, self._left_out)
            documents, epochs = documents[is_taken], epochs[is_taken]
        self._read += len(batch)
        self._count(dict.fromkeys(batch.column("language").unique().to_pylist(), (0, 0, 0)))
        return *selected(batch, documents), epochs

    def _encoded(self, batch: pa.RecordBatch, documents: I64 | None) -> tuple[pa.RecordBatch, I32, I64]:
        """Encode and count documents; return their names, ids and bounds. documents: that of each copy."""
        job, text = self._bench.job, batch.column("text")
        begin, end = job.encoding.begin, job.encoding.end
        job.check_room(text.nbytes)
        ids, offsets = self._bench.encoder.encode(text, batch.column("id"))
        job.check_room(text.nbytes, len(ids))
        if begin is not None or end is not None:
            ids, offsets = bounded(ids, offsets, begin, end)
        self._count(count_languages(batch, offsets, None if documents is None else np.bincount(documents)))
        return batch.select(["id", "language"]), ids, offsets

    def _put(self, encoded: tuple[pa.RecordBatch, I32, I64], documents: I64 | None, epochs: I64 | None) -> None:
        if documents is None or epochs is None:
            self._shard.write(*encoded)
        elif self._bench.job.encoding.format == "shuffled":
            names, ids, offsets = encoded
            self._shard.write(with_epochs(names, documents, epochs), ids, offsets)
        else:
            for one in spread(*encoded, documents):
                self._shard.write(*one)

    def _count(self, counts: Counts) -> None:
        for language, figures in counts.items():
            self._counts[language] = add(self._counts.get(language, (0, 0, 0)), figures)

    def finish(self, whole: dict[int, PartRecord], bad: pa.Table, *, last: bool, content: str | None) -> PartRecord:
        """Give the part's files their names, then write its record."""
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
            read=self._read,
            content=content,
        )
        if len(bad):
            with replacing(bad_records_path(split.folder, number)) as temporary:
                write_bad_records(bad, temporary)
        with replacing(record, durable=False) as temporary:
            temporary.write_bytes(msgspec.json.encode(made, order="deterministic"))
        return made

    def abandon(self, error: BaseException) -> None:
        """Remove the unfinished files."""
        self._shard.abandon(error)


def bounded(ids: I32, offsets: I64, begin: int | None, end: int | None) -> tuple[I32, I64]:
    """Return the documents' ids and offsets with one more id in front of each, behind each, or both."""
    from operators.kernels.packing import with_boundaries

    longer = offsets + np.arange(len(offsets), dtype=np.int64) * ((begin is not None) + (end is not None))
    with_them = np.empty(int(longer[-1]), np.int32)
    with_boundaries(ids, offsets, -1 if begin is None else begin, -1 if end is None else end, with_them)
    return with_them, longer


def count_languages(batch: pa.RecordBatch, offsets: I64, times: I64 | None = None) -> Counts:
    """Count documents, bytes of text and tokens of each language. offsets: int64, bounds of each document's ids.
    times: of each document, how often it counts; None: once."""
    coded = batch.column("language").dictionary_encode()
    codes, languages = coded.indices.to_numpy(), coded.dictionary.to_pylist()
    text = batch.column("text")
    borders = np.frombuffer(text.buffers()[1] or bytes(8), np.int64)[text.offset :][: len(text) + 1]
    sums = np.zeros((3, len(languages)), np.int64)
    times = np.ones(len(codes), np.int64) if times is None else times
    for row, figures in zip(sums, (times, np.diff(borders) * times, np.diff(offsets) * times), strict=True):
        np.add.at(row, codes, figures)
    return {language: (int(d), int(b), int(t)) for language, (d, b, t) in zip(languages, sums.T, strict=True)}


def name_content(file: InputFile) -> str:
    """Hash a file's content, which reads all of it."""
    content = ContentHash()
    with open_input(file) as stream:
        stream.watcher = content.update
        content.complete(stream)
    check_unchanged(file)
    return content.name()
