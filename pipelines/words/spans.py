"""Division of a corpus into tasks: groups of whole files, or of spans of files, of about equal size."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from pipelines.corpus.formats import format_of
from pipelines.corpus.records import Span, can_be_cut
from pipelines.corpus.sources import InputFile

LARGEST_GROUP_BYTES: Final = 256 << 20
"""Work that a failed worker loses at most, unless one file that cannot be cut is larger."""
SMALLEST_SPAN_BYTES: Final = 1 << 20
_COMPRESSED: Final = 4
"""Assumed bytes of text for each byte of a compressed file."""


@dataclass(frozen=True)
class FileSpan:
    """A file, or a span of it, and the multiplier of its counts."""

    file: InputFile
    multiplier: int
    span: Span | None = None

    @property
    def text_bytes(self) -> int:
        """Bytes of text, estimated."""
        if self.span is not None:
            return self.span.stop - self.span.start
        how = format_of(self.file.path)
        compressed = how is not None and (how.compression or how.kind in ("parquet", "arrow"))
        return (self.file.size or 0) * (_COMPRESSED if compressed else 1)

    @property
    def stored_bytes(self) -> int:
        """Stored bytes; 0 where the storage does not tell the size."""
        return self.text_bytes if self.span is not None else self.file.size or 0


def even_groups(files: Sequence[InputFile], multipliers: Sequence[int], workers: int) -> list[tuple[FileSpan, ...]]:
    """Cut the files into spans, in order, and group them: at least one group for each worker if there is enough text.

    The grouping decides which task counts a span, and changes no result.
    """
    whole_files = [FileSpan(file, multiplier) for file, multiplier in zip(files, multipliers, strict=True)]
    total = sum(whole.text_bytes for whole in whole_files)
    groups = max(1, -(-total // (LARGEST_GROUP_BYTES * workers))) * workers  # as many for each worker
    target = max(-(-total // groups), SMALLEST_SPAN_BYTES)
    dealt: list[list[FileSpan]] = [[]]
    room = target
    for whole in whole_files:
        for span in _cut(whole, room, target):
            if dealt[-1] and room < min(SMALLEST_SPAN_BYTES, target):
                dealt.append([])
                room = target
            dealt[-1].append(span)
            room -= span.text_bytes
    return [tuple(group) for group in dealt if group]


def _cut(whole: FileSpan, room: int, target: int) -> list[FileSpan]:
    """Cut a file where `room` ends and then every `target` bytes, if its format allows; no span is a small rest."""
    size = whole.text_bytes
    if size <= max(room, SMALLEST_SPAN_BYTES) + SMALLEST_SPAN_BYTES or not can_be_cut(whole.file):
        return [whole]
    first = room if room >= SMALLEST_SPAN_BYTES else target
    borders = [0, *range(first, size - SMALLEST_SPAN_BYTES, target), size]
    return [FileSpan(whole.file, whole.multiplier, Span(start, stop)) for start, stop in pairwise(borders)]
