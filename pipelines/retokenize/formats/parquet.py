"""Token shards as Parquet files: id, language, tokens. These columns are a contract; more may follow them."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from operators.arrays import I32, I64
from pipelines.outputs import replacing

PARQUET: Final = ".parquet"
ENCODINGS: Final = {"tokens.list.element": "BYTE_STREAM_SPLIT"}
"""Encoding of the ids: written half as fast again as plain ids, and a tenth larger (docs/explanation/speed.md)."""


def tokens_schema(id_type: np.dtype[Any]) -> pa.Schema:
    """Return the schema of shards whose ids are uint16 or uint32."""
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            pa.field("language", pa.string(), nullable=False),
            pa.field("tokens", pa.list_(pa.from_numpy_dtype(id_type)), nullable=False),
        ]
    )


class ParquetShard:
    """Writer of a Parquet shard (see TokenWriter): a row group a batch."""

    ENDINGS: ClassVar[tuple[str, ...]] = (PARQUET,)

    def __init__(self, directory: Path, name: str, id_type: np.dtype[Any]) -> None:
        self._id_type, self._schema = id_type, tokens_schema(id_type)
        self._path = directory / f"{name}{PARQUET}"
        self._open = ExitStack()
        self._writer: pq.ParquetWriter | None = None
        self._is_written = False

    def write(self, batch: pa.RecordBatch, ids: I32, offsets: I64) -> None:
        """Append documents."""
        if self._writer is None:
            temporary = self._open.enter_context(replacing(self._path))
            self._writer = pq.ParquetWriter(
                temporary, self._schema, compression="zstd", use_dictionary=["language"], column_encoding=ENCODINGS
            )
            self._open.callback(self._writer.close)
        values = pa.array(ids.astype(self._id_type, copy=False) if self._id_type.itemsize == 2 else ids.view("uint32"))
        lists = pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), values, self._schema.field("tokens").type)
        columns = [batch.column("id"), batch.column("language"), lists]
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))

    def seal(self) -> None:
        """Release what the writer holds of the last batch: six bytes a byte of text."""
        if self._writer is not None:
            self._writer.close()  # may be done twice
            self._writer = None
            pa.default_memory_pool().release_unused()
            self._is_written = True

    def finish(self) -> dict[str, int]:
        """Give the file its name; return names and sizes, none where nothing was written."""
        self.seal()
        if not self._is_written:
            return {}
        self._open.close()
        return {self._path.name: self._path.stat().st_size}

    def abandon(self, error: BaseException) -> None:
        """Remove the unfinished file."""
        self._open.__exit__(type(error), error, error.__traceback__)


WRITER: Final = ParquetShard
