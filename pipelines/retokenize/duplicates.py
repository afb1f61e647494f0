"""Duplicates: documents whose text an earlier document of the corpus has, found out of core before anything is encoded.

Each part of the corpus is hashed once (BLAKE2, 16 bytes a document) into a file. Then each task takes a range of hashes
of all files, sorts them, and lists all but the first document of equal ones. Memory depends on the range alone.
"""

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa

from operators.arrays import I64
from pipelines.context import Context
from pipelines.corpus.bad_records import BadRecords, OnBadRecord
from pipelines.corpus.records import BATCH_BYTES, read_parts
from pipelines.corpus.sources import InputFile
from pipelines.corpus.spans import CannotCut, Span
from pipelines.engines.run_stats import TaskLost
from pipelines.outputs import writing
from pipelines.retokenize.parts import PART_BYTES, part_name

FOLDER: Final = ".duplicates"
RANGE_DOCUMENTS: Final = 1 << 22
BYTES_PER_DOCUMENT: Final = 80
"""Memory that a document of a range takes at most."""
_HASH_BYTES: Final = 16
_PARTS: Final = "parts.json"


@dataclass(frozen=True)
class HashTask:
    """A file, or a span of it, to hash."""

    file: InputFile
    stem: str
    """Beginning of its parts' names."""
    span: Span | None
    folder: Path = Path()
    """Folder of the hashes."""
    on_bad_record: OnBadRecord = "fail"

    @property
    def path(self) -> str:
        """The file's name, for messages."""
        return self.file.path


@dataclass(frozen=True)
class _RangeTask:
    folder: Path
    parts: tuple[str, ...]
    number: int
    ranges: int

    @property
    def path(self) -> str:
        """Name of the range, for messages."""
        return f"duplicates, range {self.number + 1} of {self.ranges}"


class Duplicates:
    """Duplicates of a corpus, found when they are first asked for."""

    def __init__(self, folder: Path) -> None:
        """Describe them; their number is None until they are found. folder: for scratch files that all workers see."""
        self.folder = folder
        self.count: int | None = None

    def find(self, tasks: Sequence[HashTask], context: Context) -> int:
        """Find the duplicates among the documents that these tasks read, in their order; return their number."""
        if self.count is None:
            with writing(self.folder):
                shutil.rmtree(self.folder, ignore_errors=True)
                self.folder.mkdir(parents=True)
            tasks = [replace(task, folder=self.folder, on_bad_record=context.on_bad_record) for task in tasks]
            named = _hash_all(tasks, context)
            names = tuple(name for name, _ in named)
            with writing(self.folder / _PARTS):
                (self.folder / _PARTS).write_bytes(msgspec.json.encode(names))
            room = RANGE_DOCUMENTS
            if context.memory_bytes is not None:
                room = max(1 << 12, min(room, context.memory_bytes // BYTES_PER_DOCUMENT))
            ranges = max(1, -(-sum(documents for _, documents in named) // room))
            searches = [_RangeTask(self.folder, names, number, ranges) for number in range(ranges)]
            with context.progress.stage("find duplicates", ranges, "ranges") as advance:
                self.count = 0
                for _, dropped in context.engine.run(_search_range, searches):
                    self.count += dropped
                    advance(1)
        return self.count

    def remove(self) -> None:
        """Remove the scratch files."""
        shutil.rmtree(self.folder, ignore_errors=True)


def duplicates_of(folder: Path, stem: str, number: int) -> I64:
    """Return the places of the duplicates among the documents of a part, rising. stem, number: of the part."""
    part = _parts_of(folder, (folder / _PARTS).stat().st_mtime_ns).get(part_name(stem, number))
    if part is None:
        return np.empty(0, np.int64)
    found = []
    for path in sorted(folder.glob("*.bounds.npy")):
        first, end = np.load(path, mmap_mode="r")[part : part + 2]
        found.append(np.load(_places_of(path), mmap_mode="r")[first:end])
    return np.sort(np.concatenate(found))


@lru_cache(maxsize=4)
def _parts_of(folder: Path, changed_ns: int) -> dict[str, int]:
    del changed_ns  # another run may use the same folder
    names = msgspec.json.decode((folder / _PARTS).read_bytes(), type=list[str])
    return {name: i for i, name in enumerate(names)}


def _places_of(bounds: Path) -> Path:
    return bounds.with_name(bounds.name.replace(".bounds.", ".places."))


def _hash_all(tasks: Sequence[HashTask], context: Context) -> list[tuple[str, int]]:
    """Hash all splits; return the parts and their documents, in order. A file that cannot be cut is hashed whole."""
    found: dict[int, list[tuple[str, int]] | None] = {}
    with context.progress.stage("hash documents", len(tasks), "files") as advance:
        for index, one in context.engine.run(_hash_split, tasks, on_lost=_unhashed):
            found[index] = one
            advance(1)
    uncut = {task.path for index, task in enumerate(tasks) if found[index] is None}
    if uncut:
        firsts = {task.path: index for index, task in reversed(list(enumerate(tasks))) if task.path in uncut}
        found |= {index: [] for index, task in enumerate(tasks) if task.path in uncut}
        wholes = [replace(tasks[index], span=None) for index in firsts.values()]
        for i, one in context.engine.run(_hash_split, wholes, on_lost=_unhashed):
            found[firsts[wholes[i].path]] = one
    return [part for index in sorted(found) for part in found[index] or []]


def _hash_split(task: HashTask) -> list[tuple[str, int]] | None:
    """Worker task: write the hashes of a split's documents, a file a part; return the parts and their documents.

    None: the file must be read whole.
    """
    try:
        return _hash_parts(task)
    except CannotCut:
        return None


def _hash_parts(task: HashTask) -> list[tuple[str, int]]:
    bad, made = BadRecords(task.on_bad_record), []
    parts = read_parts(task.file, bad, BATCH_BYTES, part_bytes=PART_BYTES, span=task.span, with_ids=False)
    for number, batches in parts:
        name, documents = part_name(task.stem, number), 0
        path = task.folder / name
        with writing(path), path.open("wb") as file:
            for batch in batches:
                file.write(_hashes(batch.column("text")))
                documents += len(batch)
        bad.take()  # encoding lists them
        made.append((name, documents))
    return made


def _unhashed(task: HashTask, lost: TaskLost) -> list[tuple[str, int]]:
    """Return the result for a file at which workers die: nothing of it is encoded either."""
    del task, lost
    return []


def _hashes(texts: pa.LargeStringArray) -> bytes:
    bounds = np.frombuffer(texts.buffers()[1] or bytes(8), np.int64)[texts.offset :][: len(texts) + 1].tolist()
    data = memoryview(texts.buffers()[2] or b"")
    return b"".join(
        hashlib.blake2b(data[first:end], digest_size=_HASH_BYTES).digest() for first, end in pairwise(bounds)
    )


def _search_range(task: _RangeTask) -> int:
    """Worker task: list the duplicates whose hashes are in a range, for each part; return their number."""
    first, end = ((edge << 64) // task.ranges for edge in (task.number, task.number + 1))
    hashes, places, counts = [], [], []
    for name in task.parts:
        own = np.fromfile(task.folder / name, "<u8").reshape(-1, 2)
        chosen = np.flatnonzero((own[:, 0] >= np.uint64(first)) & (own[:, 0] <= np.uint64(end - 1)))
        hashes.append(own[chosen])
        places.append(chosen)
        counts.append(len(chosen))
    words, placed = np.concatenate(hashes), np.concatenate(places)
    del hashes, places
    order = np.lexsort((words[:, 1], words[:, 0]))  # stable: of equal hashes, the first document comes first
    words = words[order]
    again = order[1:][(words[1:] == words[:-1]).all(axis=1)]
    del words, order
    again.sort()
    bounds = np.searchsorted(again, np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]))
    path = task.folder / f"{task.number:05}.bounds.npy"
    with writing(path):
        np.save(_places_of(path), placed[again].astype(np.int64))
        np.save(path, bounds.astype(np.int64))
    return len(again)
