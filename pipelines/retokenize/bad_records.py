"""Table of bad records of an incremental run: rows of kept files come from the earlier table, others from parts."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.corpus.bad_records import bad_records_writer, open_bad_records, read_bad_records
from pipelines.outputs import replacing
from pipelines.retokenize.ledger import Entry


def gather_bad_records(entries: Sequence[Entry], parts: Mapping[str, tuple[Path, ...]], into: Path) -> None:
    """Write `into` anew (BAD_RECORDS_SCHEMA), in the entries' order, a row group for each part that has bad records.

    parts: paths of the bad records of newly encoded entries, by the entries' names; the others' are in `into` already.
    """
    if into.is_file():
        with open_bad_records(into) as before:
            _write(entries, parts, into, before, _groups_by_path(before))
    else:
        _write(entries, parts, into, None, {})


def _groups_by_path(before: pq.ParquetFile) -> dict[str, list[int]]:
    """Map each path to its row groups; a row group holds one file's bad records."""
    found: dict[str, list[int]] = {}
    for i in range(before.metadata.num_row_groups):
        rows = before.read_row_group(i, ["path"])
        if len(rows):
            found.setdefault(rows.column("path")[0].as_py(), []).append(i)
    return found


def _write(
    entries: Sequence[Entry],
    parts: Mapping[str, tuple[Path, ...]],
    into: Path,
    before: pq.ParquetFile | None,
    groups: Mapping[str, list[int]],
) -> None:
    with replacing(into) as temporary, bad_records_writer(temporary) as writer:
        for entry in entries:
            if entry.bad_records:
                for table in _tables(entry, parts, before, groups):
                    writer.write_table(table)


def _tables(
    entry: Entry, parts: Mapping[str, tuple[Path, ...]], before: pq.ParquetFile | None, groups: Mapping[str, list[int]]
) -> Iterator[pa.Table]:
    if entry.name in parts:
        for path in parts[entry.name]:
            yield read_bad_records(path)
    elif before is not None:
        for i in groups.get(entry.path, []):
            yield before.read_row_group(i)
