"""Records of output parts: a part with a record is whole, so no part is written twice.

A record lies in a folder of its task, `.work/<task>/<part>.json`, and is written when the part's files have their
names; it is removed before any of them is replaced. The part's bad records lie beside it, `<part>.bad.parquet`.
The work folder goes once the manifest is there, which holds all that records say.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from pipelines.corpus.content import CHUNK_BYTES
from pipelines.outputs import UNREADABLE, are_there, record_bytes

WORK: Final = ".work"
PART_BYTES: Final = CHUNK_BYTES
"""Approximate text of a part: the work that a lost worker costs at most."""

Counts = dict[str, tuple[int, int, int]]
"""Language to documents, bytes of text and tokens."""


class PartRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Record of a part that is whole."""

    task: str
    """Fingerprint of the input and of all that decides its tokens."""
    before: int | None
    """Number of the previous part of the same task; None for the first."""
    last: bool
    files: dict[str, int]
    """Names and sizes of its shard's files; empty where it has no document."""
    counts: Counts
    bad_records: int
    read: int = 0
    """Number of documents that were read, written or not."""
    content: str | None = None
    """Hash of the whole file's content, in the last part, if the task has read all of it."""


_RECORDS: Final = msgspec.json.Decoder(PartRecord)  # made once: two threads may need it at once


def part_name(stem: str, number: int) -> str:
    """`part_name("en.txt", 3)` is "en.txt-00003"."""
    return f"{stem}-{number:05}"


def whole_parts(folder: Path, directory: Path, task: str) -> dict[int, PartRecord]:
    """Find the parts of a task that are whole, by number: with a record, and files of the right sizes.

    folder: of the task's records. directory: of its shards.
    """
    found: dict[int, PartRecord] = {}
    for path in folder.glob("[0-9]*.json"):
        if not path.stem.isdecimal():
            continue
        record = read_record(path)
        if record is not None and record.task == task and are_there(directory, record.files):
            found[int(path.stem)] = record
    return found


def read_record(path: Path) -> PartRecord | None:
    """Read a record; None where there is none, or the machine failed while it was written."""
    with suppress(*UNREADABLE):
        return _RECORDS.decode(record_bytes(path))
    return None


def record_path(folder: Path, number: int) -> Path:
    """Return the path of a part's record."""
    return folder / f"{number:05}.json"


def bad_records_path(folder: Path, number: int) -> Path:
    """Return the path of a part's bad records."""
    return folder / f"{number:05}.bad.parquet"


def finished(parts: Mapping[int, PartRecord]) -> list[PartRecord] | None:
    """Return a task's records in order, if they lead from its last part back to its first without a gap; else None."""
    number = max((number for number, record in parts.items() if record.last), default=None)
    chain: list[PartRecord] = []
    while number is not None:
        if number not in parts:
            return None
        chain.append(parts[number])
        number = parts[number].before
    return chain[::-1] or None
