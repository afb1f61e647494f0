"""Files that can be read in spans, each by another worker: which ones, and the spans of one.

A span is a range of bytes: of the text in files of lines, of the stored file in Parquet files. Spans that tile a file
hold each of its documents once, with the numbers that they have in the whole file, wherever their borders are.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Final

import pyarrow as pa
from pyarrow import ipc

from operators.reading.json_array import begins_array
from pipelines.corpus.encodings import HEAD_BYTES
from pipelines.corpus.expansion import why_too_large
from pipelines.corpus.formats import Format, format_of
from pipelines.corpus.frames import frame_runs
from pipelines.corpus.reading import open_input
from pipelines.corpus.sources import InputFile
from pipelines.corpus.spans import FrameRun, Span
from pipelines.corpus.storage import is_uri

COMPRESSED: Final = 4
"""Assumed bytes of text for each byte of a compressed file, or of one of columns."""
_IPC_FILE_MAGIC: Final = b"ARROW1"


@dataclass(frozen=True)
class Cuttable:
    """A file that can be read in spans."""

    size: int
    """Length of what spans are ranges of: bytes of text, or of the stored file."""
    text_bytes: int
    """Bytes of text, estimated for Parquet."""
    runs: tuple[FrameRun, ...] = ()
    """Runs of frames of a compressed file; they tile it."""

    @property
    def is_exact(self) -> bool:
        """True if places are those of the text, False if frames hold less than they have room for."""
        return all(run.is_exact for run in self.runs)

    def measured(self, sizes: Sequence[int]) -> "Cuttable":
        """Return it with exact places. sizes: bytes of text of each run."""
        ends = [0, *accumulate(sizes)]
        bounds = zip(self.runs, ends[:-1], ends[1:], strict=True)
        runs = tuple(FrameRun(run.stored, run.stored_stop, start, stop) for run, start, stop in bounds)
        return Cuttable(ends[-1], ends[-1], runs)

    def span(self, start: int, stop: int) -> Span:
        """Return the span between two places, 0 to `size`."""
        if not self.runs:
            return Span(start, stop)
        first = bisect_right(self.runs, max(start - 1, 0), key=lambda run: run.text) - 1
        last = bisect_right(self.runs, max(stop - 1, 0), key=lambda run: run.text)
        own, rest = self.runs[first:last], self.runs[last:]  # a line may go on behind the span
        return Span(start, stop, (*own, _joined(rest)) if rest else own)


def _joined(runs: tuple[FrameRun, ...]) -> FrameRun:
    exact = all(run.is_exact for run in runs)
    return FrameRun(runs[0].stored, runs[-1].stored_stop, runs[0].text, runs[-1].text_stop, exact)


def can_be_cut(file: InputFile) -> bool:
    """Return True if a file is of lines, not compressed, of known size and no array: reading may begin at any byte."""
    how = format_of(file.path)
    return _is_of_lines(file, how) and how is not None and not how.compression


def cuttable(file: InputFile) -> Cuttable | None:
    """Return a file's size and frames, if it can be read in spans; None: it is one task.

    These can: lines, plain or in frames that `pipelines.corpus.frames` finds, Parquet, and Arrow without dictionaries,
    which a stream may replace on the way. Compressed and Arrow files are opened to see that, unless they are remote:
    each look would be a request.
    """
    how, size = format_of(file.path), file.size
    if how is None or size is None:
        return None
    if how.kind == "parquet" or (how.kind == "arrow" and not is_uri(file.path) and not _has_dictionaries(file)):
        return Cuttable(size, size * COMPRESSED)
    if not _is_of_lines(file, how):
        return None
    if not how.compression:
        return Cuttable(size, size)
    if is_uri(file.path):
        return None
    with open_input(file) as stream:
        runs = frame_runs(stream, size, how.compression)
    if len(runs) < 2 or why_too_large(runs[-1].text_stop, size) is not None:
        return None
    return Cuttable(runs[-1].text_stop, runs[-1].text_stop, runs)


def _is_of_lines(file: InputFile, how: Format | None) -> bool:
    if how is None or how.kind not in ("text", "json") or file.size is None:
        return False
    return not how.may_be_array or not (how.compression or _is_array(file))


def _has_dictionaries(file: InputFile) -> bool:
    """Return True for an Arrow file of which that is not known to be wrong."""
    with open_input(file) as stream:
        try:
            is_file = stream.read(len(_IPC_FILE_MAGIC)) == _IPC_FILE_MAGIC
            stream.seek(0)
            schema = (ipc.open_file(stream) if is_file else ipc.open_stream(stream)).schema
        except (pa.ArrowException, OSError, ValueError, MemoryError):
            return True
    return any("dictionary" in str(field.type) for field in schema)


def _is_array(file: InputFile) -> bool:
    with open_input(file) as stream:
        for head in iter(partial(stream.read, HEAD_BYTES), b""):
            if (is_array := begins_array(head)) is not None:
                return is_array
    return False
