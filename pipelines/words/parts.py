"""A corpus dealt out to tasks: whole files, or parts of those that can be cut, in groups of about equal size."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from pipelines.corpus.formats import format_of
from pipelines.corpus.records import Span, can_be_cut
from pipelines.corpus.sources import InputFile

LARGEST_GROUP_BYTES: Final = 256 << 20
"""What a lost worker costs at most, unless one file that cannot be cut is larger."""
SMALLEST_PART_BYTES: Final = 1 << 20
_COMPRESSED: Final = 4
"""A guess of how many bytes of text a byte of a compressed file holds."""


@dataclass(frozen=True)
class Part:
    """A file, or a span of it, and what the counts of its words are multiplied with."""

    file: InputFile
    multiplier: int
    span: Span | None = None

    @property
    def text_bytes(self) -> int:
        """How much text it holds, roughly."""
        if self.span is not None:
            return self.span.stop - self.span.start
        how = format_of(self.file.path)
        compressed = how is not None and (how.compression or how.kind in ("parquet", "arrow"))
        return (self.file.size or 0) * (_COMPRESSED if compressed else 1)

    @property
    def stored_bytes(self) -> int:
        """Bytes of the file that it takes; 0 where the storage does not say."""
        return self.text_bytes if self.span is not None else self.file.size or 0


def even_groups(files: Sequence[InputFile], multipliers: Sequence[int], workers: int) -> list[tuple[Part, ...]]:
    """Parts that make up the files, in their order, in at least one group for each worker where there is enough.

    Which group a part is in decides nothing but who counts it.
    """
    whole = [Part(file, multiplier) for file, multiplier in zip(files, multipliers, strict=True)]
    total = sum(part.text_bytes for part in whole)
    groups = max(1, -(-total // (LARGEST_GROUP_BYTES * workers))) * workers  # as many for each worker
    target = max(-(-total // groups), SMALLEST_PART_BYTES)
    dealt: list[list[Part]] = [[]]
    room = target
    for part in whole:
        for piece in _cut(part, room, target):
            if dealt[-1] and room < min(SMALLEST_PART_BYTES, target):
                dealt.append([])
                room = target
            dealt[-1].append(piece)
            room -= piece.text_bytes
    return [tuple(group) for group in dealt if group]


def _cut(part: Part, room: int, target: int) -> list[Part]:
    """The part, cut where `room` ends and then every `target` bytes, if it can be; no piece is a small rest."""
    size = part.text_bytes
    if not can_be_cut(part.file) or size <= max(room, SMALLEST_PART_BYTES) + SMALLEST_PART_BYTES:
        return [part]
    first = room if room >= SMALLEST_PART_BYTES else target
    borders = [0, *range(first, size - SMALLEST_PART_BYTES, target), size]
    return [Part(part.file, part.multiplier, Span(start, stop)) for start, stop in pairwise(borders)]
