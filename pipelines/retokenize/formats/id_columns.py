"""Columns of shards that are tables: id, language, and the ids, which Parquet and Arrow share."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from operators.arrays import I64
from pipelines.retokenize.formats import BadShard, Documents, Target


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
