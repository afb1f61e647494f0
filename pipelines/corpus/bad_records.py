"""Bad records: the first one fails the job, or all of them are listed."""

from typing import Literal

import pyarrow as pa

from operators.errors import DataError
from operators.redaction import shown

BAD_RECORDS_SCHEMA = pa.schema([("path", pa.string()), ("record", pa.int64()), ("reason", pa.string())])
"""Schema of bad_records.parquet. `record` counts lines or rows from 1; 0 is the whole file."""


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


class BadRecords:
    """The bad records of one task, in order."""

    def __init__(self, on_bad: Literal["fail", "skip"]) -> None:
        self.on_bad = on_bad
        self._rows: list[tuple[str, int, str]] = []

    def add(self, path: str, record: int, reason: str) -> None:
        """List a record under "skip", raise BadRecord under "fail". `record` of 0: the whole file."""
        if self.on_bad == "fail":
            raise BadRecord(path, record, reason)
        self._rows.append((shown(path), record, shown(reason)))

    def table(self) -> pa.Table:
        """Return all of them (BAD_RECORDS_SCHEMA), paths without credentials."""
        columns = list(zip(*self._rows, strict=True)) or [(), (), ()]
        return pa.Table.from_arrays(
            [pa.array(column, field.type) for column, field in zip(columns, BAD_RECORDS_SCHEMA, strict=True)],
            schema=BAD_RECORDS_SCHEMA,
        )

    def take(self) -> pa.Table:
        """Return all of them as `table` does, and clear the list."""
        table = self.table()
        self._rows = []
        return table

    def __len__(self) -> int:
        return len(self._rows)


BAD_RECORDS = "bad_records.parquet"

OnBadRecord = Literal["fail", "skip"]
