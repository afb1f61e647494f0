"""Parts of a result while it is made: each has a record that says it is whole, so no part is made twice.

A record lies in a folder of its task, `.work/<task>/<part>.json`, and is written when the part's files are there under
their names; it is removed before any of them is replaced. The part's bad records lie beside it, `<part>.bad.parquet`.
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
"""Text of a part, about: what a lost worker costs."""

Counts = dict[str, tuple[int, int, int]]
"""Language to documents, bytes of text and tokens."""


class PartRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a part that is whole."""

    task: str
    """Names the input, as it was found, and all that decides what becomes of it."""
    before: int | None
    """Number of the part before it in the same task; None: it is the first."""
    last: bool
    files: dict[str, int]
    """Names and sizes of its shard's files; none where no document is in it."""
    counts: Counts
    bad_records: int
    content: str | None = None
    """Of the last part: the name of the whole file's content, if the task has seen it all."""


def part_name(stem: str, number: int) -> str:
    """`part_name("en.txt", 3)` is "en.txt-00003"."""
    return f"{stem}-{number:05}"


def whole_parts(folder: Path, directory: Path, task: str) -> dict[int, PartRecord]:
    """The parts of a task that are whole, by number: their records are there, and their files have the right sizes.

    `folder`: where the task's records lie; `directory`: where its shards lie.
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
    """None where there is none, or the machine failed while it was written."""
    with suppress(*UNREADABLE):
        return msgspec.json.decode(record_bytes(path), type=PartRecord)
    return None


def record_path(folder: Path, number: int) -> Path:
    """Where a part's record lies."""
    return folder / f"{number:05}.json"


def bad_records_path(folder: Path, number: int) -> Path:
    """Where a part's bad records lie, if it has any."""
    return folder / f"{number:05}.bad.parquet"


def finished(parts: Mapping[int, PartRecord]) -> list[PartRecord] | None:
    """A task's records in order, when they lead from its last part back to its first without a gap; else None."""
    number = max((number for number, record in parts.items() if record.last), default=None)
    chain: list[PartRecord] = []
    while number is not None:
        if number not in parts:
            return None
        chain.append(parts[number])
        number = parts[number].before
    return chain[::-1] or None
