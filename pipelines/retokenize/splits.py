"""Splits of input files: spans of 64 MiB where a file can be read from the middle on, else the whole file.

A split is as long as a part of a file of lines, and as a chunk that is hashed, so that a part has one worker.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from pipelines.corpus.content import CHUNK_BYTES, content_name, read_chunk
from pipelines.corpus.cutting import Cuttable, cuttable
from pipelines.corpus.errors import DamagedFile
from pipelines.corpus.sources import InputFile
from pipelines.corpus.spans import CannotCut, FrameRun, Span
from pipelines.corpus.text_chunks import line_ends_in, run_sizes
from pipelines.engines.engine import Engine
from pipelines.outputs import fingerprint
from pipelines.progress import Progress
from pipelines.retokenize.tasks import Split

SPLIT_BYTES: Final = CHUNK_BYTES
_RUNS_AT_ONCE: Final = 64
"""Runs of frames, of 1 MiB and more, that a task measures."""
_LEAST_TO_LOOK: Final = 8
"""Fraction of SPLIT_BYTES, as a divisor, from which a file is looked into: smaller ones hold few parts if any."""


@dataclass(frozen=True)
class _Chunk:
    """Chunk of a stored file to hash, or span of a compressed one whose line ends are counted."""

    file: InputFile
    number: int
    span: Span | None = None

    @property
    def path(self) -> str:
        """The file's name, for messages."""
        return self.file.path


@dataclass(frozen=True)
class _Frames:
    """Runs of frames to measure."""

    file: InputFile
    runs: tuple[FrameRun, ...]

    @property
    def path(self) -> str:
        """The file's name, for messages."""
        return self.file.path


@dataclass(frozen=True)
class _Read:
    """Result for a chunk."""

    digest: bytes
    line_ends: int
    at_line: bool
    """True if its last byte is a line end."""
    is_sound: bool = True


def _read_chunk(chunk: _Chunk) -> _Read:
    if chunk.span is None:
        return _Read(*read_chunk(chunk.file, chunk.number))
    try:
        return _Read(b"", *line_ends_in(chunk.file, chunk.span))
    except (DamagedFile, CannotCut):
        return _Read(b"", 0, False, is_sound=False)


def cuts_of(file: InputFile) -> Cuttable | None:
    """Return the cuts of a file that is large and can be read in spans, else None."""
    if (file.size or 0) <= SPLIT_BYTES // _LEAST_TO_LOOK:
        return None
    cuts = cuttable(file)
    return cuts if cuts is not None and cuts.size > SPLIT_BYTES else None


def split_all(
    wholes: Sequence[Split], engine: Engine, progress: Progress
) -> tuple[list[list[Split]], list[str | None]]:
    """Return the splits of each file, and the hash of its content where it was computed on the way.

    The chunks of a large file are hashed first, in parallel, and its line endings counted: a split must know how many
    lines precede it, because the id of a document without one is its line number.
    """
    cuts = _exact([cuts_of(whole.file) for whole in wholes], [whole.file for whole in wholes], engine, progress)
    chunks = [[] if own is None else _chunks(whole.file, own) for whole, own in zip(wholes, cuts, strict=True)]
    every = [chunk for own in chunks for chunk in own]
    found: dict[int, _Read] = {}
    if every:
        with progress.stage("hash large files", len(every) * CHUNK_BYTES, "B") as advance:
            for index, one in engine.run(_read_chunk, every):
                found[index] = one
                advance(CHUNK_BYTES)
    in_order = (found[index] for index in range(len(every)))
    splits: list[list[Split]] = []
    names: list[str | None] = []
    for whole, own, parts in zip(wholes, cuts, chunks, strict=True):
        read = list(islice(in_order, len(parts)))
        stored = [one for one, part in zip(read, parts, strict=True) if part.span is None]
        lines = [one for one, part in zip(read, parts, strict=True) if part.span is not None] or stored
        is_sound = own is not None and all(one.is_sound for one in lines)
        splits.append(list(_splits(whole, own, lines)) if own is not None and is_sound else [whole])
        names.append(None if own is None else content_name([one.digest for one in stored]))
    return splits, names


def _exact(
    cuts: Sequence[Cuttable | None], files: Sequence[InputFile], engine: Engine, progress: Progress
) -> list[Cuttable | None]:
    """Return the cuts with exact places: frames that do not say how much text they hold are decompressed.

    None in place of those of a file that is damaged, or is small after all: it is one split.
    """
    tasks = [
        (i, _Frames(files[i], one.runs[first : first + _RUNS_AT_ONCE]))
        for i, one in enumerate(cuts)
        if one is not None and not one.is_exact
        for first in range(0, len(one.runs), _RUNS_AT_ONCE)
    ]
    found: dict[int, list[int]] = {}
    if tasks:
        with progress.stage("measure frames", len(tasks), "runs") as advance:
            for index, sizes in engine.run(_measure, [task for _, task in tasks]):
                found[index] = sizes
                advance(1)
    exact = list(cuts)
    for i in sorted({i for i, _ in tasks}):
        sizes = [size for index, (own, _) in enumerate(tasks) if own == i for size in found[index]]
        inexact = cuts[i]
        assert inexact is not None
        measured = inexact.measured(sizes) if len(sizes) == len(inexact.runs) else None
        exact[i] = measured if measured is not None and measured.size > SPLIT_BYTES else None
    return exact


def _measure(frames: "_Frames") -> list[int]:
    """Worker task: return the bytes of text of each run; none where one is damaged."""
    try:
        return run_sizes(frames.file, frames.runs)
    except DamagedFile:
        return []


def _chunks(file: InputFile, cuts: Cuttable) -> list[_Chunk]:
    stored = [_Chunk(file, number) for number in range(-(-(file.size or 0) // CHUNK_BYTES))]
    return stored + [_Chunk(file, number, span) for number, span in enumerate(_spans(cuts)) if span.runs]


def _spans(cuts: Cuttable) -> Iterator[Span]:
    for start in range(0, cuts.size, SPLIT_BYTES):
        yield cuts.span(start, min(start + SPLIT_BYTES, cuts.size))


def _splits(whole: Split, cuts: Cuttable, chunks: Sequence[_Read]) -> Iterator[Split]:
    before, at_line = 0, True
    for number, (span, chunk) in enumerate(zip(_spans(cuts), chunks, strict=True)):
        # A line that crosses the border belongs to the split where it begins.
        yield Split(whole.file, whole.stem, whole.name, whole.job, number, span, before + (not at_line))
        before, at_line = before + chunk.line_ends, chunk.at_line


def planned(file: InputFile, stem: str, made_by: str, job: Path) -> Split:
    """Return a file as one split. Its name is empty where the time of change is unknown: it is encoded each time."""
    known = file.size is not None and file.modified_ns is not None
    name = fingerprint("span", {"made_by": made_by}, [{"size": file.size, "modified_ns": file.modified_ns}])
    return Split(file, stem, name if known else "", job)
