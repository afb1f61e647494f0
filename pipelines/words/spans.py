"""Division of a corpus into tasks: groups of whole files, or of spans of files, of about equal size."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from pipelines.corpus.cutting import COMPRESSED, cuttable
from pipelines.corpus.formats import format_of
from pipelines.corpus.sources import InputFile
from pipelines.corpus.spans import Span

LARGEST_GROUP_BYTES: Final = 256 << 20
"""Work that a failed worker loses at most, unless one file that cannot be cut is larger."""
SMALLEST_SPAN_BYTES: Final = 1 << 20
"""Text of a span at least: one more task costs some milliseconds, as much as counting a tenth of this."""


@dataclass(frozen=True)
class FileSpan:
    """A file, or a span of it, and the multiplier of its counts."""

    file: InputFile
    multiplier: int
    span: Span | None = None

    @property
    def text_bytes(self) -> int:
        """Bytes of text, estimated."""
        how = format_of(self.file.path)
        is_of_columns = how is not None and how.kind in ("parquet", "arrow")
        if self.span is not None:
            return (self.span.stop - self.span.start) * (COMPRESSED if is_of_columns else 1)
        return (self.file.size or 0) * (COMPRESSED if is_of_columns or (how is not None and how.compression) else 1)

    @property
    def stored_bytes(self) -> int:
        """Stored bytes; 0 where the storage does not tell the size."""
        return self.span.stored_bytes if self.span is not None else self.file.size or 0


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
    if whole.text_bytes <= max(room, SMALLEST_SPAN_BYTES) + SMALLEST_SPAN_BYTES:
        return [whole]
    cuts = cuttable(whole.file)
    if cuts is None:
        return [whole]
    first = room if room >= SMALLEST_SPAN_BYTES else target
    texts = [0, *range(first, cuts.text_bytes - SMALLEST_SPAN_BYTES, target), cuts.text_bytes]
    borders = [text * cuts.size // cuts.text_bytes for text in texts]
    return [FileSpan(whole.file, whole.multiplier, cuts.span(start, stop)) for start, stop in pairwise(borders)]
