"""Shards that are tables of id, language and ids, as Parquet and Arrow: the columns, and the file being written."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from operators.arrays import I64
from pipelines.outputs import replacing
from pipelines.token_shards.formats import BadShard, Documents, Target


class TableShard:
    """Base of the writers of tables: the file has its name once it is finished, and is removed once abandoned."""

    ENDINGS: ClassVar[tuple[str, ...]]

    def __init__(self, target: Target) -> None:
        self._schema, self._path = shard_schema(target), target.path(self.ENDINGS[0])
        self._open = ExitStack()
        self._is_written = False

    def _begin(self) -> Path:
        """Return the path to write to, which becomes the shard."""
        self._is_written = True
        return self._open.enter_context(replacing(self._path))

    def seal(self) -> None:
        """Release what the writer holds of the last batch."""

    def finish(self) -> dict[str, int]:
        """Give the file its name; return name and size, none where nothing was written."""
        self.seal()
        if not self._is_written:
            return {}
        self._open.close()
        return {self._path.name: self._path.stat().st_size}

    def abandon(self, error: BaseException) -> None:
        """Remove the unfinished file."""
        self._open.__exit__(type(error), error, error.__traceback__)


def shard_schema(target: Target) -> pa.Schema:
    """Return the schema of shards whose ids are uint16 or uint32."""
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            pa.field("language", pa.string(), nullable=False),
            pa.field(target.column, pa.list_(pa.from_numpy_dtype(target.id_type)), nullable=False),
            *target.extra,
        ]
    )


def id_table(schema: pa.Schema, batch: pa.RecordBatch, ids: NDArray[Any], offsets: I64) -> pa.RecordBatch:
    """Return a batch of this schema. batch: columns id and language. ids: integers; int32 is viewed as uint32."""
    id_type = schema.field(2).type.value_type.to_pandas_dtype()
    if ids.dtype == np.int32 and id_type == np.uint32:
        ids = ids.view(np.uint32)
    values = pa.array(ids.astype(id_type, copy=False))
    lists = pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), values, schema.field(2).type)
    further = [batch.column(field.name) for field in list(schema)[3:]]
    return pa.RecordBatch.from_arrays([batch.column("id"), batch.column("language"), lists, *further], schema=schema)


def column_of(path: Path, schema: pa.Schema) -> str:
    """Return the name of the column of ids: the first list of integers. Raises BadShard."""
    for field in schema:
        if pa.types.is_list(field.type) and pa.types.is_integer(field.type.value_type):
            return str(field.name)
    raise BadShard(str(path), "has no column that is a list of integers")


def documents_of(batch: pa.RecordBatch, column: str) -> Documents:
    """Return the documents of a batch without copying their ids."""
    lists = batch.column(column)
    offsets = lists.offsets.to_numpy()
    names = {
        name: batch.column(name).cast(pa.string())
        if name in batch.schema.names
        else pa.array([""] * len(batch), pa.string())
        for name in ("id", "language")
    }
    ids = lists.values.to_numpy()[offsets[0] : offsets[-1]]
    return Documents(ids, (offsets - offsets[0]).astype(np.int64), pa.RecordBatch.from_pydict(names))
