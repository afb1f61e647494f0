"""Documents of a corpus whose ids change between two tokenizers, and those that change beside the new tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from operators.arrays import I32, I64
from operators.encoding.encode import Encoder
from operators.tokenizer import Tokenizer
from pipelines.context import Context
from pipelines.corpus.bad_records import BadRecords, OnBadRecord
from pipelines.corpus.records import read_batches
from pipelines.corpus.sources import InputFile

BATCH_BYTES = 1 << 23


@dataclass(frozen=True)
class ChangeTask:
    """One file to encode with both tokenizers."""

    file: InputFile
    before: Tokenizer
    after: Tokenizer
    pieces: dict[int, list[int]]
    """Old ids that spell each required token."""
    on_bad_record: OnBadRecord

    @property
    def path(self) -> str:
        """Path of the file, for messages."""
        return self.file.path


@dataclass(frozen=True)
class Changes:
    """Numbers of documents."""

    documents: int = 0
    changed: int = 0
    """Documents whose ids change."""
    elsewhere: int = 0
    """Documents whose ids would still differ with each required token written in its old pieces."""
    bad_records: int = 0

    def __add__(self, other: "Changes") -> "Changes":
        return Changes(
            self.documents + other.documents, self.changed + other.changed, self.elsewhere + other.elsewhere,
            self.bad_records + other.bad_records,
        )  # fmt: skip


def count_file(task: ChangeTask) -> Changes:
    """Worker task: count the documents of a file that change."""
    bad, found = BadRecords(task.on_bad_record), Changes()
    before, after = Encoder(task.before), Encoder(task.after)
    lengths, spelled = _table(task.pieces, len(task.after.tokens))
    for batch in read_batches(task.file, bad, BATCH_BYTES, with_ids=False):
        text = batch.column("text")
        old, new = before.encode(text), after.encode(text)
        found += Changes(len(text), _differing(old, new), _differing(old, _in_pieces(*new, lengths, spelled)))
    return found + Changes(bad_records=len(bad))


def count_changes(
    files: Sequence[InputFile], before: Tokenizer, after: Tokenizer, pieces: dict[int, list[int]], context: Context
) -> Changes:
    """Count the documents of a corpus that change. Raises TooManyBadRecords, and what reading raises."""
    tasks = [ChangeTask(file, before, after, pieces, context.on_bad_record) for file in files]
    total = Changes()
    with context.progress.stage("compare ids", len(tasks), "files") as advance:
        for _, found in context.engine.run(count_file, tasks):
            total += found
            advance(1)
    return total


def _table(pieces: dict[int, list[int]], tokens: int) -> tuple[I64, I32]:
    """Return how many ids each new id is written in, int64[tokens], and all of these ids, token by token."""
    listed = [pieces.get(i, [i]) for i in range(tokens)]
    lengths = np.array([len(one) for one in listed], np.int64)
    return lengths, np.array([i for one in listed for i in one], np.int32)


def _in_pieces(ids: I32, offsets: I64, lengths: I64, spelled: I32) -> tuple[I32, I64]:
    """Return ids and offsets of documents with each id written in its pieces."""
    first = np.cumsum(lengths) - lengths
    ends = np.concatenate([[0], np.cumsum(lengths[ids])]).astype(np.int64)
    inside = np.arange(ends[-1]) - np.repeat(ends[:-1], lengths[ids])
    return spelled[np.repeat(first[ids], lengths[ids]) + inside], ends[offsets]


def _differing(one: tuple[I32, I64], other: tuple[I32, I64]) -> int:
    """Count the documents whose ids differ."""
    (ids, offsets), (others, other_offsets) = one, other
    sizes, other_sizes = np.diff(offsets), np.diff(other_offsets)
    alike = sizes == other_sizes
    kept, kept_others = np.repeat(alike, sizes), np.repeat(alike, other_sizes)
    unequal = ids[kept] != others[kept_others]
    document = np.repeat(np.arange(len(sizes)), sizes)[kept]
    return int(np.count_nonzero(~alike)) + len(np.unique(document[unequal]))
