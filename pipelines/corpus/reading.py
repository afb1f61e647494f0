"""State of reading one file: its byte stream, the position, and checks that the file has not changed."""

import codecs
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeAlias, TypeVar

import numpy as np
import pyarrow as pa

from operators.arrays import I64
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.errors import ChangedWhileRead, DamagedFile, MissingInput
from pipelines.corpus.expansion import why_too_large
from pipelines.corpus.formats import language_of
from pipelines.corpus.lines import WHOLE
from pipelines.corpus.sources import InputFile, Role
from pipelines.corpus.spans import CannotCut, Span
from pipelines.corpus.storage import Storage, explained, is_uri, locate
from pipelines.retry import is_transient, is_transient_remote, retry
from pipelines.storage_errors import UnreadableInput

CORPUS_SCHEMA: Final = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
    ]
)
"""Schema of documents from every format."""

Parts: TypeAlias = Iterator[tuple[int, Iterator[pa.RecordBatch]]]
"""Parts of a file, in order: (number, documents). A part is the input of one output part of retokenize. Documents that
are not consumed are skipped."""
Wanted: TypeAlias = Callable[[int], bool]
"""Predicate on part numbers: True if the part is to be read."""

Opened = TypeVar("Opened")

_REMOTE_READ_BYTES: Final = 4 << 20
_LOCAL_READ_BYTES: Final = 1 << 20
_DECODED_BYTES: Final = 1 << 20
_REPEATED_BYTES: Final = 64 << 20
"""Largest column of one language, in bytes."""
_READ_BYTES: Final = 64 << 20
"""Largest single read."""


class InputStream:
    """Byte stream of a file, for our readers and pyarrow. A read returns fewer bytes only at the end of the file."""

    closed = False

    def __init__(self, path: str, open: Callable[[], Any]) -> None:
        self.path = path
        self._open, self._is_broken = open, False
        self.watcher: Callable[[int, bytes], None] | None = None  # receives (position, bytes) of every read
        self._handle = self._retry(open)

    def read(self, size: int) -> bytes:
        """Read `size` bytes, fewer only at the end. Allocates nothing ahead: a damaged file may ask for 2**60."""
        chunks: list[bytes] = []
        with explained(self.path):
            while size > 0:
                position = self.tell()
                chunk = self._piece(position, min(size, _READ_BYTES))
                if not chunk:
                    break
                if self.watcher is not None:
                    self.watcher(position, chunk)
                chunks.append(chunk)
                size -= len(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _piece(self, position: int, size: int) -> bytes:
        def read() -> bytes:
            if self._is_broken:
                self.end()
                self._handle = self._open()
                self._handle.seek(position)
            self._is_broken = True
            chunk = bytes(self._handle.read(size))
            self._is_broken = False
            return chunk

        return self._retry(read)

    def _retry(self, call: Callable[[], Opened]) -> Opened:
        return retry(call, is_transient_remote if is_uri(self.path) else is_transient)

    def end(self) -> None:
        """Close the file."""
        with suppress(Exception):  # all was read, or an earlier error is being raised
            self._handle.close()

    def seek(self, offset: int, whence: int = 0) -> int:
        """The new position."""
        with explained(self.path):
            self._handle.seek(offset, whence)
            return self.tell()

    def tell(self) -> int:
        """The position."""
        return int(self._handle.tell())

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def writable(self) -> bool:
        """Return False."""
        return False

    def close(self) -> None:
        """No-op: `open_input` closes the file."""


@dataclass
class Reading:
    """A file that is being read."""

    file: InputFile
    stream: InputStream
    bad: BadRecords
    batch_bytes: int
    span: Span | None = None
    """Span to read; None: the whole file."""
    with_ids: bool = True
    """False: documents get empty ids, which saves time."""
    part_bytes: int = WHOLE
    """Approximate bytes of a part: see `pipelines.corpus.records.read_parts`."""
    count_before: Callable[[], int] = lambda: 0
    """Counter of the lines before the span."""
    record: int = 0
    """Lines or rows read so far, from the span's beginning."""
    expanded_bytes: int = 0
    """Bytes of text so far, decompressed, shared values repeated: see `expand`."""
    is_damaged: bool = False
    """True once damage was met: the rest of the file is not read."""
    has_language: bool | None = None
    """True if the records of the file name their language, as the first does; None: not read yet."""

    def __post_init__(self) -> None:
        if self.file.source.requires("language"):
            self.has_language = True

    @property
    def roles(self) -> list[Role]:
        """Roles of the fields to read: no language where the source names it."""
        return ["text", "id"] if self.file.source.label is not None else ["text", "id", "language"]

    @property
    def fields(self) -> list[str]:
        """Names of the fields to read."""
        return [self.file.source.field(role) for role in self.roles]

    @property
    def read_bytes(self) -> int:
        """Bytes of one read: many on an object store, where each read is a request, few on local disks."""
        return _REMOTE_READ_BYTES if is_uri(self.file.path) else _LOCAL_READ_BYTES

    @cached_property
    def records_before(self) -> int:
        """Lines before the span; counted on first use."""
        return self.count_before()

    def damaged(self, reason: str) -> DamagedFile:
        """Return a DamagedFile for this file, which ends its reading."""
        self.is_damaged = True
        return DamagedFile(self.file.path, reason)

    def expand(self, size: int) -> None:
        """Count bytes of text against the file's budget (`pipelines.corpus.expansion`). Raises DamagedFile."""
        self.expanded_bytes += size
        stored = self.stream.tell() if self.file.size is None else self.file.size
        if (reason := why_too_large(self.expanded_bytes, stored)) is not None:
            raise self.damaged(reason)
        if self.span is not None and not self.span.runs:  # within its share, spans cannot exceed the budget together
            share = self.expanded_bytes * stored // max(self.span.stop - self.span.start, 1)
            if (reason := why_too_large(share, stored)) is not None:
                raise CannotCut(self.file.path, reason)

    def add_bad(self, record: int, reason: str) -> None:
        """List a bad record, or raise BadRecord. `record` counts from the span's beginning, from 1."""
        self.bad.add(self.file.path, self.records_before + record, reason)

    def ids(self, count: int) -> pa.Array:
        """Return ids of the next `count` records, which have none of their own: their numbers, from 1."""
        if not self.with_ids:
            return pa.repeat(pa.scalar("", pa.string()), count)
        return record_numbers(self.records_before + self.record + 1, count)

    @property
    def language_by_name(self) -> str:
        """Language by the source, else by the file name."""
        label = self.file.source.label
        if label is None:
            label = language_of(self.file.path)
        if not label:
            reason = "its language is unknown: no field, no name before its first dot; set language in the source"
            raise UnreadableInput(self.file.path, reason)
        return label

    def batches(self, ids: pa.Array, languages: pa.Array | str, texts: pa.Array) -> Iterator[pa.RecordBatch]:
        """Yield batches of CORPUS_SCHEMA with up to `batch_bytes` of text, at least one record each.

        `languages`: string array, or one language for all.
        """
        rows, language = len(texts), None
        if isinstance(languages, str):  # repeated for each batch: a file may have millions of lines, and a long name
            language = pa.scalar(languages, pa.string())
            rows = max(_REPEATED_BYTES // max(len(languages.encode()), 1), 1)
            languages = pa.nulls(len(texts), pa.string())
        batch = pa.record_batch([ids, languages, texts], ["id", "language", "text"])
        offsets: I64 = np.frombuffer(texts.buffers()[1] or bytes(8), np.int64)[texts.offset :][: len(texts) + 1]
        ends = offsets[1:] - offsets[0]
        start, taken = 0, 0
        slices: list[pa.RecordBatch] = []
        while start < len(ends):
            stop = max(int(np.searchsorted(ends, taken + self.batch_bytes, side="right")), start + 1)
            stop = min(stop, start + rows)
            slices.append(batch.slice(start, stop - start))
            start, taken = stop, int(ends[stop - 1])
        del ids, languages, texts, batch, offsets  # a document may be long: hold no second reference
        slices.reverse()
        while slices:
            yield _with_language(slices.pop(), language)


def _with_language(batch: pa.RecordBatch, language: pa.Scalar | None) -> pa.RecordBatch:
    """Return a batch of CORPUS_SCHEMA, with one language for all rows unless it is None."""
    ids, languages, texts = batch.columns
    languages = languages if language is None else pa.repeat(language, batch.num_rows)
    return pa.record_batch([ids, languages, texts], schema=CORPUS_SCHEMA)


@contextmanager
def open_input(file: InputFile) -> Iterator[InputStream]:
    """Open a file of a corpus. Raises MissingInput, UnreadableInput, or ChangedWhileRead if it has changed."""
    check_unchanged(file)
    storage, path = _place(file)
    with explained(file.path):
        stream = InputStream(file.path, lambda: storage.open(path))
    try:
        yield stream
    finally:
        stream.end()


def check_unchanged(file: InputFile) -> None:
    """Raise ChangedWhileRead if size or modification time have changed, MissingInput if the file is gone."""
    storage, path = _place(file)
    entry = retry(lambda: storage.stat(path))
    if entry is None:
        raise MissingInput(file.path)
    if file.size is not None and entry.size is not None and entry.size != file.size:
        raise ChangedWhileRead(file.path, f"it had {file.size} bytes and has {entry.size}")
    if file.modified_ns is not None and entry.modified_ns is not None and entry.modified_ns != file.modified_ns:
        raise ChangedWhileRead(file.path, "it was written to")


def _place(file: InputFile) -> tuple[Storage, str]:
    """Return storage and path. A URI is opened with its source's credentials and options, which its own path lacks."""
    storage, path = locate(file.source.path if is_uri(file.path) and is_uri(file.source.path) else file.path)
    return (storage, storage.inside(file.path)) if is_uri(file.path) else (storage, path)


def every_part(_: int) -> bool:
    """Return True: read all parts."""
    return True


def record_numbers(first: int, count: int) -> pa.Array:
    """Return ids of records without their own: `record_numbers(3, 2)` is ["3", "4"]."""
    return pa.array(np.arange(first, first + count, dtype=np.int64)).cast(pa.string())


def as_one(lines: bytes) -> pa.LargeBinaryArray:
    """Return bytes as one Arrow value, not copied."""
    ends = np.array([0, len(lines)], np.int64)
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), 1, [None, pa.py_buffer(ends), pa.py_buffer(lines)])


def invalid_utf8(texts: pa.Array) -> dict[int, str]:
    """Return a reason for each value that is not valid UTF-8, by index. `texts`: large_binary; nulls are skipped."""
    try:
        texts.view(pa.large_string()).validate(full=True)
    except pa.ArrowInvalid:
        _, _, data = texts.buffers()
        ends = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset :][: len(texts) + 1].tolist()
        held = memoryview(data or b"")
        given = ((i, held[ends[i] : ends[i + 1]]) for i in np.flatnonzero(texts.is_valid()).tolist())
        return {i: why for i, text in given if (why := why_invalid_utf8(text))}
    return {}


def why_invalid_utf8(text: bytes | memoryview) -> str | None:
    """Return None for valid UTF-8; else a reason with the first invalid byte, counted from 1."""
    if len(text) <= _DECODED_BYTES:
        try:
            str(text, "utf-8")
        except UnicodeDecodeError as error:
            return f"invalid UTF-8 at byte {error.start + 1}"
        return None
    decoder, pending = codecs.getincrementaldecoder("utf-8")(), 0  # decoding all at once may take four times the memory
    for start in range(0, len(text), _DECODED_BYTES):
        try:
            decoder.decode(bytes(text[start : start + _DECODED_BYTES]), start + _DECODED_BYTES >= len(text))
        except UnicodeDecodeError as error:
            return f"invalid UTF-8 at byte {start - pending + error.start + 1}"
        pending = len(decoder.getstate()[0])
    return None


def kept(columns: Sequence[pa.Array], dropped: Sequence[int]) -> list[pa.Array]:
    """Return the columns without the rows at the given indices."""
    mask = np.ones(len(columns[0]), bool)
    mask[list(dropped)] = False
    return [column.filter(pa.array(mask)) for column in columns]
