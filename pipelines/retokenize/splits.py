"""Splits of input files: spans of 64 MiB where a file can be read from the middle on, else the whole file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipelines.corpus.content import CHUNK_BYTES, content_name, read_chunk
from pipelines.corpus.formats import format_of
from pipelines.corpus.records import Span, can_be_cut
from pipelines.corpus.sources import InputFile
from pipelines.engines.engine import Engine
from pipelines.outputs import fingerprint
from pipelines.progress import Progress
from pipelines.retokenize.tasks import Split

SPLIT_BYTES: Final = CHUNK_BYTES


@dataclass(frozen=True)
class _Chunk:
    file: InputFile
    number: int

    @property
    def path(self) -> str:
        """The file's name, for messages."""
        return self.file.path


def _read_chunk(chunk: _Chunk) -> tuple[bytes, int, bool]:
    return read_chunk(chunk.file, chunk.number)


def is_split(file: InputFile) -> bool:
    """True if a file is large and can be read from the middle on: plain lines, and Parquet by row groups."""
    how = format_of(file.path)
    columns = how is not None and how.kind == "parquet" and file.size is not None
    return (file.size or 0) > SPLIT_BYTES and (columns or can_be_cut(file))


def split_all(
    wholes: Sequence[Split], engine: Engine, progress: Progress
) -> tuple[list[list[Split]], list[str | None]]:
    """Return the splits of each file, and the hash of its content where it was computed on the way.

    The chunks of a large file are hashed first, in parallel, and their line endings counted: a split must know how many
    lines precede it, because the id of a document without one is its line number.
    """
    chunks = [_Chunk(whole.file, n) for whole in wholes if is_split(whole.file) for n in range(_chunks(whole.file))]
    found: dict[tuple[str, int], tuple[bytes, int, bool]] = {}
    if chunks:
        with progress.stage("hash large files", len(chunks) * CHUNK_BYTES, "B") as advance:
            for index, one in engine.run(_read_chunk, chunks):
                found[chunks[index].path, chunks[index].number] = one
                advance(CHUNK_BYTES)
    splits: list[list[Split]] = []
    names: list[str | None] = []
    for whole in wholes:
        if not is_split(whole.file):
            splits.append([whole])
            names.append(None)
            continue
        own = [found[whole.file.path, number] for number in range(_chunks(whole.file))]
        splits.append(list(_spans(whole, own)))
        names.append(content_name([digest for digest, _, _ in own]))
    return splits, names


def _spans(whole: Split, chunks: Sequence[tuple[bytes, int, bool]]) -> Iterator[Split]:
    before, at_line = 0, True
    for number, (_, endings, ends) in enumerate(chunks):
        span = Span(number * SPLIT_BYTES, min((number + 1) * SPLIT_BYTES, whole.file.size or 0))
        # A line that crosses the border belongs to the split where it begins.
        yield Split(whole.file, whole.stem, whole.name, whole.job, number, span, before + (not at_line))
        before, at_line = before + endings, ends


def _chunks(file: InputFile) -> int:
    return -(-(file.size or 0) // CHUNK_BYTES)


def planned(file: InputFile, stem: str, made_by: str, job: Path) -> Split:
    """Return a file as one split. Its name is empty where the time of change is unknown: it is encoded each time."""
    known = file.size is not None and file.modified_ns is not None
    name = fingerprint("split", {"made_by": made_by}, [{"size": file.size, "modified_ns": file.modified_ns}])
    return Split(file, stem, name if known else "", job)
