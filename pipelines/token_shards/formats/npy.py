"""Token shards as OLMo's arrays: .npy holds raw ids without NumPy's header, .csv.gz the documents' bounds.

Raw little-endian ids (uint16 or uint32), which readers map into memory. The table has no heading; a row is: first id,
end, the document's id, the source and the place in the source (dolma, tokenizer/memmap_writer.py; OLMo-core reads the
first two). The source is the input's name here, the place the document's number in the shard, from 0.
"""

import csv
import gzip
import io
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from operators.arrays import I64
from pipelines.outputs import replacing
from pipelines.token_shards.formats import BadShard, Documents, Target
from pipelines.token_shards.formats.id_files import IdFileShard, beside, ids_of, sizes

NPY: Final = ".npy"
BOUNDS: Final = ".csv.gz"


class NpyShard(IdFileShard):
    """Writer of an array and the table of bounds (see TokenWriter); the table appears last."""

    ENDINGS: ClassVar[tuple[str, ...]] = (NPY, BOUNDS)

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._open = ExitStack()
        self._rows: gzip.GzipFile | None = None
        self._documents = self._tokens = 0

    def write(self, batch: pa.RecordBatch, ids: NDArray[Any], offsets: I64) -> None:
        """Append documents; the format has no place for their languages."""
        super().write(batch, ids, offsets)
        if self._rows is None:
            raw = self._open.enter_context(replacing(self._target.path(BOUNDS))).open("wb")
            self._open.enter_context(raw)
            self._rows = self._open.enter_context(gzip.GzipFile("", "wb", 1, raw, mtime=0))  # equal bytes at any time
        bounds = offsets + self._tokens
        last = self._documents + len(bounds) - 1
        columns = [pa.array(bounds[:-1]), pa.array(bounds[1:]), batch.column("id")]
        if "source" in batch.schema.names:  # of a shard that was read
            columns += [batch.column("source"), batch.column("place")]
        else:
            source = self._target.name.rpartition("-")[0] or self._target.name
            columns += [pa.repeat(source, len(bounds) - 1), pa.array(np.arange(self._documents, last))]
        self._rows.write(_as_csv(pa.RecordBatch.from_arrays(columns, list("abcde"))))
        self._documents, self._tokens = last, int(bounds[-1])

    def finish(self) -> dict[str, int]:
        """Give the files their names, that of the bounds last; return names and sizes, none where there was no id."""
        if not self._tokens:
            self.abandon(EOFError())
            return {}
        bounds = self._target.path(BOUNDS)
        bounds.unlink(missing_ok=True)
        self._ids.close()
        self._open.close()
        return sizes([self._ids.path, bounds])

    def abandon(self, error: BaseException) -> None:
        """Remove the unfinished files."""
        super().abandon(error)
        self._open.__exit__(type(error), error, error.__traceback__)


def _as_csv(rows: pa.RecordBatch) -> memoryview:
    """Return rows without a heading; only values that need them have quotes."""
    plain = pa.BufferOutputStream()
    try:
        pa_csv.write_csv(rows, plain, pa_csv.WriteOptions(include_header=False, quoting_style="none"))
        return memoryview(plain.getvalue())
    except pa.ArrowInvalid:  # a value needs quotes: ten times slower
        text = io.StringIO(newline="")
        columns = [column.to_pylist() for column in rows.columns]
        csv.writer(text, lineterminator="\n").writerows(zip(*columns, strict=True))
        return memoryview(text.getvalue().encode())


WRITER: Final = NpyShard


def read(path: Path, id_type: np.dtype[Any] | None = None) -> Iterator[Documents]:
    """Read an array by its table: all documents at once, mapped into memory. Raises BadShard."""
    del id_type
    table = beside(path, NPY, BOUNDS)
    ends, rest, at = [0], [], 0
    try:
        with gzip.open(table, "rt", encoding="utf-8", newline="") as rows:
            for start, end, *more in csv.reader(rows):
                if int(start) != at or int(end) < at:
                    raise BadShard(str(table), f"row {len(ends)} does not begin where the one before ends")
                at = int(end)
                ends.append(at)
                rest.append((*more, "", "", "")[:3])
    except (OSError, EOFError, ValueError, csv.Error) as error:
        raise BadShard(str(table), f"is no table of bounds ({str(error)[:80]})") from error
    names, sources, places = zip(*rest, strict=True) if rest else ((), (), ())
    columns = {"id": names, "language": [""] * len(names), "source": sources, "place": places}
    batch = pa.RecordBatch.from_pydict({name: pa.array(column, pa.string()) for name, column in columns.items()})
    yield Documents(ids_of(path, at), np.array(ends, np.int64), batch)
