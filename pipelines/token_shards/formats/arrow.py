"""Token shards as Arrow streams: id, language, input_ids, in a folder that `datasets.load_from_disk` opens.

state.json names the shards, and dataset_info.json stands beside it, as `Dataset.save_to_disk` writes them; the types of
the columns are those of the files.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from operators.arrays import I64
from pipelines.outputs import replacing
from pipelines.token_shards.formats import BadShard, Documents, Target
from pipelines.token_shards.formats.id_columns import TableShard, column_of, documents_of, id_table

ARROW: Final = ".arrow"
STATE: Final = "state.json"
INFO: Final = "dataset_info.json"


class ArrowShard(TableShard):
    """Writer of an Arrow stream (see TokenWriter): a record batch a batch."""

    ENDINGS: ClassVar[tuple[str, ...]] = (ARROW,)
    INDICES: ClassVar[tuple[str, ...]] = (INFO, STATE)

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._writer: pa.RecordBatchStreamWriter | None = None

    def write(self, batch: pa.RecordBatch, ids: NDArray[Any], offsets: I64) -> None:
        """Append documents."""
        if self._writer is None:
            sink = self._open.enter_context(pa.OSFile(str(self._begin()), "wb"))
            self._writer = self._open.enter_context(pa.ipc.new_stream(sink, self._schema))
        rows = id_table(self._schema, batch, ids, offsets)
        columns = [_exact(column) if pa.types.is_string(column.type) else column for column in rows.columns]
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))

    @classmethod
    def write_indices(cls, target: Target, shards: Sequence[str]) -> None:
        """Write dataset_info.json and state.json."""
        sizes = [[name, (target.directory / name).stat().st_size] for name in shards]
        state: dict[str, Any] = {
            "_data_files": [{"filename": name} for name in shards],
            "_fingerprint": hashlib.sha256(json.dumps([target.tokenizer, sizes]).encode()).hexdigest()[:16],
            "_format_columns": None,
            "_format_kwargs": {},
            "_format_type": None,
            "_output_all_columns": False,
            "_split": None,
        }
        about = {"citation": "", "description": "", "homepage": "", "license": ""}
        for name, content in ((INFO, about), (STATE, state)):
            with replacing(target.directory / name) as temporary:
                temporary.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")


def _exact(column: pa.StringArray) -> pa.StringArray:
    """Return the same strings in buffers that end where they do.

    Arrow fills what it writes up to 64 bytes with what stands behind in the buffer, which no one may have written.
    """
    if not len(column):
        return pa.array([], pa.string())
    _, offsets, data = column.buffers()
    bounds = np.frombuffer(offsets, np.int32)[column.offset :][: len(column) + 1]
    first, size = int(bounds[0]), int(bounds[-1] - bounds[0])
    text = data.slice(first, size) if size else pa.py_buffer(b"")
    return pa.StringArray.from_buffers(len(column), pa.py_buffer(bounds - bounds[0]), text)


WRITER: Final = ArrowShard


def read(path: Path, id_type: np.dtype[Any] | None = None) -> Iterator[Documents]:
    """Read a shard, a record batch at a time, mapped into memory. Raises BadShard."""
    del id_type
    try:
        with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as stream:
            column = column_of(path, stream.schema)
            for batch in stream:
                yield documents_of(batch, column)
    except (OSError, pa.ArrowException) as error:
        raise BadShard(str(path), f"is no Arrow stream ({str(error)[:80]})") from error
