"""Token shards as Parquet: id, language, tokens. These columns are a contract; more may follow them."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from operators.arrays import I32, I64
from pipelines.outputs import replacing

PARQUET: Final = ".parquet"
ENCODINGS: Final = {"tokens.list.element": "BYTE_STREAM_SPLIT"}
"""Half as fast again as plain ids, and a tenth larger (docs/explanation/speed.md has figures)."""


def tokens_schema(id_type: np.dtype[Any]) -> pa.Schema:
    """Of shards whose ids are uint16 or uint32."""
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            pa.field("language", pa.string(), nullable=False),
            pa.field("tokens", pa.list_(pa.from_numpy_dtype(id_type)), nullable=False),
        ]
    )


class ParquetShard:
    """A shard that is being written, a row group a batch; it appears under its name when it is finished."""

    def __init__(self, directory: Path, name: str, id_type: np.dtype[Any]) -> None:
        self._id_type, self._schema = id_type, tokens_schema(id_type)
        self._path = directory / f"{name}{PARQUET}"
        self._open = ExitStack()
        self._writer: pq.ParquetWriter | None = None
        self._is_written = False

    def write(self, batch: pa.RecordBatch, ids: I32, offsets: I64) -> None:
        """Documents (id, language), their token ids and where each one's begin and end."""
        if self._writer is None:
            part = self._open.enter_context(replacing(self._path))
            self._writer = pq.ParquetWriter(
                part, self._schema, compression="zstd", use_dictionary=["language"], column_encoding=ENCODINGS
            )
            self._open.callback(self._writer.close)
        values = pa.array(ids.astype(self._id_type, copy=False) if self._id_type.itemsize == 2 else ids.view("uint32"))
        lists = pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), values, self._schema.field("tokens").type)
        columns = [batch.column("id"), batch.column("language"), lists]
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))

    def seal(self) -> None:
        """Nothing follows: what the writer keeps of the last batch, six bytes a byte of text, is given back."""
        if self._writer is not None:
            self._writer.close()  # may be done twice
            self._writer = None
            pa.default_memory_pool().release_unused()
            self._is_written = True

    def finish(self) -> dict[str, int]:
        """Names and sizes of the files that are whole now; none where nothing was written."""
        self.seal()
        if not self._is_written:
            return {}
        self._open.close()
        return {self._path.name: self._path.stat().st_size}

    def abandon(self, error: BaseException) -> None:
        """Leave nothing of it."""
        self._open.__exit__(type(error), error, error.__traceback__)
