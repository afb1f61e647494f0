"""Bad records: the first one fails the job, or all of them are listed."""

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from operators.errors import DataError
from operators.redaction import shown

_SHARED = pa.dictionary(pa.int32(), pa.string())
BAD_RECORDS_SCHEMA = pa.schema([("path", _SHARED), ("record", pa.int64()), ("reason", _SHARED)])
"""Schema of bad records in memory, where millions may share a path, which may be long, and a few reasons.

bad_records.parquet has plain strings. `record` counts lines or rows from 1; 0 is the whole file.
"""
_RECENT = 1000
"""Number of reasons of which each is kept once, however often it comes."""


class BadRecord(DataError):
    """A record that cannot be read. `record` is the number of its line or row, from 1; 0 is the whole file."""

    path: str
    record: int
    reason: str

    def __str__(self) -> str:
        where = f", record {self.record}" if self.record else ""
        what = "such records" if self.record else "it"
        return (
            f"{shown(self.path)}{where}: {shown(self.reason)}; "
            f"correct it, or leave {what} out with --on-bad-record skip"
        )


class TooManyBadRecords(DataError):
    """A corpus of which too large a share cannot be read."""

    bad: int
    records: int
    share: float
    first: str
    message = (
        "{bad:,} of {records:,} records cannot be read, a larger share than --max-bad-share {share:.3g} allows; the "
        "first is {first}; correct them, or raise it"
    )


def check_share(facts: Mapping[str, Any], largest: float, listed: Callable[[], pa.Table]) -> None:
    """Raise TooManyBadRecords if the bad records are more than the `largest` share of all records.

    facts: figures of a manifest, with bad_records and, where there are any, records, the number of all. listed: returns
    a table (BAD_RECORDS_SCHEMA) that begins with the first bad record.
    """
    bad = facts.get("bad_records", 0)
    if not bad or bad <= largest * (records := facts["records"]):
        return
    [one] = listed().slice(0, 1).to_pylist()
    where = f"{one['path']}, record {one['record']}" if one["record"] else one["path"]
    raise TooManyBadRecords(bad, records, largest, f"{where}: {one['reason']}")


def first_of(path: Path) -> pa.Table:
    """Return a table with the first of the bad records in a file."""
    with open_bad_records(path) as listed:
        return pa.Table.from_batches([next(listed.iter_batches(1))])


def in_order(tables: Sequence[pa.Table]) -> pa.Table:
    """Return tables of bad records as one, sorted by path and record."""
    whole = pa.concat_tables(tables)
    if not len(whole):
        return whole
    import pyarrow.compute as pc  # takes a while to import

    whole = whole.unify_dictionaries().combine_chunks()
    [paths] = whole.column("path").chunks
    ranks = pc.rank(paths.dictionary, sort_keys="ascending", tiebreaker="dense").take(paths.indices)
    keys = pa.table({"path": ranks, "record": whole.column("record")})
    return whole.take(pc.sort_indices(keys, [("path", "ascending"), ("record", "ascending")]))


def bad_records_writer(path: Path) -> Any:
    """Return a ParquetWriter for bad records, whose file has plain strings."""
    import pyarrow.parquet as pq

    return pq.ParquetWriter(path, BAD_RECORDS_SCHEMA, store_schema=False)


def open_bad_records(path: Path) -> Any:
    """Open a file of bad records as a ParquetFile that gives tables of BAD_RECORDS_SCHEMA."""
    import pyarrow.parquet as pq

    return pq.ParquetFile(path, read_dictionary=["path", "reason"])


def write_bad_records(table: pa.Table, path: Path) -> None:
    """Write a file of bad records."""
    with bad_records_writer(path) as writer:
        writer.write_table(table)


def read_bad_records(path: Path) -> pa.Table:
    """Read a file of bad records whole (BAD_RECORDS_SCHEMA)."""
    with open_bad_records(path) as listed:
        return listed.read()


@dataclass(frozen=True)
class LeftOut:
    """Bad records that a run leaves out, and what it read besides."""

    table: pa.Table
    """The bad records (BAD_RECORDS_SCHEMA)."""
    records: int
    """Number of all records, these among them."""
    empty_files: Sequence[str] = ()
    """Paths of files that hold no text, but line ends at most, and no bad record."""

    @classmethod
    def of(cls, bad: pa.Table, documents: int, files: Iterable[str], with_text: Set[str]) -> "LeftOut":
        """Return what a run left out of its files: `bad` records. with_text: paths of the files that hold text."""
        blamed = set(bad.column("path").unique().to_pylist()) if len(bad) else set()
        without = (shown(path) for path in files if path not in with_text)
        return cls(bad, len(bad) + documents, tuple(path for path in without if path not in blamed))

    @property
    def facts(self) -> dict[str, Any]:
        """Figures for the manifest: bad_records, records and files_without_text."""
        bad, empty = len(self.table), list(self.empty_files)
        return {"bad_records": bad, "records": self.records, "files_without_text": empty}

    def check(self, largest: float) -> None:
        """Raise TooManyBadRecords if they are more than the `largest` share."""
        check_share(self.facts, largest, lambda: self.table)


class BadRecords:
    """The bad records of one task, in order."""

    def __init__(self, on_bad: Literal["fail", "skip"]) -> None:
        self.on_bad = on_bad
        self._clear()

    def _clear(self) -> None:
        # Numbers, not rows: a hostile file has millions of bad records, of one path and of a few reasons.
        self._paths: dict[str, int] = {}
        self._path = array("i")
        self._record = array("q")
        self._reason = array("i")
        self._reasons, self._reason_ends = bytearray(), array("q", [0])
        self._recent: dict[str, int] = {}

    def add(self, path: str, record: int, reason: str) -> None:
        """List a record under "skip", raise BadRecord under "fail". `record` of 0: the whole file."""
        if self.on_bad == "fail":
            raise BadRecord(path, record, reason)
        number = self._recent.get(reason)
        self._path.append(self._paths.setdefault(path, len(self._paths)))
        self._record.append(record)
        self._reason.append(self._number(reason) if number is None else number)

    def _number(self, reason: str) -> int:
        """Keep a reason, and return its number. One that was met long ago may be kept again."""
        if len(self._recent) >= _RECENT:
            self._recent.clear()
        number = self._recent[reason] = len(self._reason_ends) - 1
        self._reasons += _printable(reason).encode()
        self._reason_ends.append(len(self._reasons))
        return number

    def table(self) -> pa.Table:
        """Return all of them (BAD_RECORDS_SCHEMA), paths without credentials."""
        if not len(self):
            return BAD_RECORDS_SCHEMA.empty_table()  # Arrow's functions take long to import
        paths = pa.array([shown(path) for path in self._paths], pa.string())
        ends = pa.py_buffer(self._reason_ends.tobytes())
        reasons = pa.LargeStringArray.from_buffers(len(self._reason_ends) - 1, ends, pa.py_buffer(bytes(self._reasons)))
        columns = [
            pa.DictionaryArray.from_arrays(_numbers(self._path, pa.int32()), paths),
            _numbers(self._record, pa.int64()),
            pa.DictionaryArray.from_arrays(_numbers(self._reason, pa.int32()), reasons.cast(pa.string())),
        ]
        return pa.Table.from_arrays(columns, schema=BAD_RECORDS_SCHEMA)

    def take(self) -> pa.Table:
        """Return all of them as `table` does, and clear the list."""
        table = self.table()
        self._clear()
        return table

    def __len__(self) -> int:
        return len(self._record)


def _numbers(numbers: "array[int]", kind: pa.DataType) -> pa.Array:
    return pa.Array.from_buffers(kind, len(numbers), [None, pa.py_buffer(numbers.tobytes())])


def _printable(reason: str) -> str:
    """Return shown(reason), at once for the usual reason, which has nothing to mask."""
    return reason if reason.isprintable() and ":/" not in reason and "=" not in reason else shown(reason)


BAD_RECORDS = "bad_records.parquet"

OnBadRecord = Literal["fail", "skip"]
