"""One file while it is read: its bytes, how far reading has come, and whether it is still the file that was found."""

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
from pipelines.corpus.formats import language_of
from pipelines.corpus.lines import WHOLE
from pipelines.corpus.sources import InputFile
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
"""What every format becomes."""

Parts: TypeAlias = Iterator[tuple[int, Iterator[pa.RecordBatch]]]
"""Parts of a file, in order: number and documents. What a part's iterator leaves is passed over with it."""
Wanted: TypeAlias = Callable[[int], bool]
"""Whether a part is to be read, by its number."""

Opened = TypeVar("Opened")

_REMOTE_READ_BYTES: Final = 4 << 20
_LOCAL_READ_BYTES: Final = 1 << 20
_DECODED_BYTES: Final = 1 << 20
_READ_BYTES: Final = 64 << 20
"""At once, at most."""


class InputStream:
    """The bytes of a file, for the readers here and for pyarrow. Reads whole pieces: fewer bytes mean the end."""

    closed = False

    def __init__(self, path: str, open: Callable[[], Any]) -> None:
        self.path = path
        self._open, self._is_broken = open, False
        self.watcher: Callable[[int, bytes], None] | None = None
        """Is told what was read, and from which position on."""
        self._handle = self._retry(open)

    def read(self, size: int) -> bytes:
        """`size` bytes, fewer at the end of the file only. A damaged file may ask for 2**60: no room is made ahead."""
        pieces: list[bytes] = []
        with explained(self.path):
            while size > 0:
                position = self.tell()
                piece = self._piece(position, min(size, _READ_BYTES))
                if not piece:
                    break
                if self.watcher is not None:
                    self.watcher(position, piece)
                pieces.append(piece)
                size -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _piece(self, position: int, size: int) -> bytes:
        def read() -> bytes:
            if self._is_broken:
                self.end()
                self._handle = self._open()
                self._handle.seek(position)
            self._is_broken = True
            piece = bytes(self._handle.read(size))
            self._is_broken = False
            return piece

        return self._retry(read)

    def _retry(self, call: Callable[[], Opened]) -> Opened:
        return retry(call, is_transient_remote if is_uri(self.path) else is_transient)

    def end(self) -> None:
        """Give the file back."""
        with suppress(Exception):  # all was read, or what failed before is what is told
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
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def writable(self) -> bool:
        """It is not."""
        return False

    def close(self) -> None:
        """Whoever opened the file ends it: `open_input`."""


@dataclass(frozen=True)
class Span:
    """What begins in a file's bytes `start` to `stop` (exclusive): lines of plain text, row groups of Parquet."""

    start: int
    stop: int


@dataclass
class Reading:
    """A file that is being read."""

    file: InputFile
    stream: InputStream
    bad: BadRecords
    batch_bytes: int
    span: Span | None = None
    """None for all of it."""
    with_ids: bool = True
    """Else documents have empty ids, which are never asked for."""
    part_bytes: int = WHOLE
    """Text of a part, about: see `pipelines.corpus.records.read_parts`."""
    lines_before: int | None = None
    """Lines before the span, where somebody has counted them."""
    record: int = 0
    """Lines or rows seen whole so far, from the span's beginning."""
    has_language: bool | None = None
    """Whether the first record of the file names its language; None until it was seen."""

    @property
    def read_bytes(self) -> int:
        """At once: much on an object store, where every read is a request, little where memory is all it costs."""
        return _REMOTE_READ_BYTES if is_uri(self.file.path) else _LOCAL_READ_BYTES

    @cached_property
    def records_before(self) -> int:
        """Lines before the span; read when somebody wants to know."""
        if self.span is None or self.span.start == 0:
            return 0
        if self.lines_before is not None:
            return self.lines_before
        lines, left = 0, self.span.start
        with open_input(self.file) as stream:
            while left and (piece := stream.read(min(left, _READ_BYTES))):
                lines, left, last = lines + piece.count(b"\n"), left - len(piece), piece[-1:]
        return lines + (last != b"\n")  # the span begins with the line behind the one it falls in

    def damaged(self, reason: str) -> DamagedFile:
        """The error to raise."""
        return DamagedFile(self.file.path, reason)

    def add_bad(self, record: int, reason: str) -> None:
        """Raises BadRecord where bad records fail the job. `record` counts from the span's beginning, from 1."""
        self.bad.add(self.file.path, self.records_before + record, reason)

    def ids(self, count: int) -> pa.Array:
        """Ids for the next `count` records, which have none of their own: their numbers, from 1."""
        if not self.with_ids:
            return pa.repeat(pa.scalar("", pa.string()), count)
        return record_numbers(self.records_before + self.record + 1, count)

    @property
    def language_by_name(self) -> str:
        """The source's, else the file name's."""
        label = self.file.source.label
        if label is None:
            label = language_of(self.file.path)
        if not label:
            reason = "its language is unknown: no field, no name before its first dot; set language in the source"
            raise UnreadableInput(self.file.path, reason)
        return label

    def batches(self, ids: pa.Array, languages: pa.Array | str, texts: pa.Array) -> Iterator[pa.RecordBatch]:
        """Of CORPUS_SCHEMA, each with up to `batch_bytes` of text, at least one record; none where there is no record.

        `languages`: string array, or one language for all.
        """
        if isinstance(languages, str):
            languages = pa.repeat(pa.scalar(languages, pa.string()), len(texts))
        batch = pa.record_batch([ids, languages, texts], schema=CORPUS_SCHEMA)
        offsets: I64 = np.frombuffer(texts.buffers()[1] or bytes(8), np.int64)[texts.offset :][: len(texts) + 1]
        ends = offsets[1:] - offsets[0]
        start, taken = 0, 0
        slices: list[pa.RecordBatch] = []
        while start < len(ends):
            stop = max(int(np.searchsorted(ends, taken + self.batch_bytes, side="right")), start + 1)
            slices.append(batch.slice(start, stop - start))
            start, taken = stop, int(ends[stop - 1])
        del ids, languages, texts, batch, offsets  # a document may be long, and is the reader's alone from here
        slices.reverse()
        while slices:
            yield slices.pop()


@contextmanager
def open_input(file: InputFile) -> Iterator[InputStream]:
    """Raises MissingInput, UnreadableInput, or ChangedWhileRead when it is not the file that was found."""
    check_unchanged(file)
    storage, path = _place(file)
    with explained(file.path):
        stream = InputStream(file.path, lambda: storage.open(path))
    try:
        yield stream
    finally:
        stream.end()


def check_unchanged(file: InputFile) -> None:
    """Raises ChangedWhileRead where size or time of change are not what they were, MissingInput where it is gone."""
    storage, path = _place(file)
    entry = retry(lambda: storage.stat(path))
    if entry is None:
        raise MissingInput(file.path)
    if file.size is not None and entry.size is not None and entry.size != file.size:
        raise ChangedWhileRead(file.path, f"it had {file.size} bytes and has {entry.size}")
    if file.modified_ns is not None and entry.modified_ns is not None and entry.modified_ns != file.modified_ns:
        raise ChangedWhileRead(file.path, "it was written to")


def _place(file: InputFile) -> tuple[Storage, str]:
    """A URI is opened as its source says, which may hold credentials and options that the file's own URI lacks."""
    storage, path = locate(file.source.path if is_uri(file.path) and is_uri(file.source.path) else file.path)
    return (storage, storage.inside(file.path)) if is_uri(file.path) else (storage, path)


def every_part(_: int) -> bool:
    """All parts are wanted."""
    return True


def record_numbers(first: int, count: int) -> pa.Array:
    """Ids of records that have none: `record_numbers(3, 2)` is ["3", "4"]."""
    return pa.array(np.arange(first, first + count, dtype=np.int64)).cast(pa.string())


def as_one(block: bytes) -> pa.LargeBinaryArray:
    """A block as one value, not copied."""
    ends = np.array([0, len(block)], np.int64)
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), 1, [None, pa.py_buffer(ends), pa.py_buffer(block)])


def invalid_utf8(texts: pa.Array) -> dict[int, str]:
    """Why some of these bytes are no text, by index. `texts`: large_binary; nulls are passed over."""
    try:
        texts.view(pa.large_string()).validate(full=True)
    except pa.ArrowInvalid:
        given = ((i, memoryview(text.as_buffer())) for i, text in enumerate(texts) if text.is_valid)
        return {i: why for i, text in given if (why := why_invalid_utf8(text))}
    return {}


def why_invalid_utf8(text: bytes | memoryview) -> str | None:
    """None where it is valid; else the first byte that is not, counted from 1."""
    decoder, pending = codecs.getincrementaldecoder("utf-8")(), 0  # all at once may take four times the text
    for start in range(0, len(text), _DECODED_BYTES):
        try:
            decoder.decode(bytes(text[start : start + _DECODED_BYTES]), start + _DECODED_BYTES >= len(text))
        except UnicodeDecodeError as error:
            return f"invalid UTF-8 at byte {start - pending + error.start + 1}"
        pending = len(decoder.getstate()[0])
    return None


def kept(columns: Sequence[pa.Array], dropped: Sequence[int]) -> list[pa.Array]:
    """Without the rows at the given indices."""
    mask = np.ones(len(columns[0]), bool)
    mask[list(dropped)] = False
    return [column.filter(pa.array(mask)) for column in columns]
