"""Token shards as Parquet files: id, language, input_ids. These columns are a contract; more may follow them.

README.md, written beside them, tells Hugging Face's `datasets.load_dataset(DIR)` which files are the shards.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from operators.arrays import I64
from pipelines.outputs import replacing
from pipelines.token_shards.formats import BadShard, Documents, Target
from pipelines.token_shards.formats.id_columns import TableShard, column_of, documents_of, id_table

PARQUET: Final = ".parquet"
README: Final = "README.md"
_CARD: Final = """\
---
configs:
- config_name: default
  data_files: "*-[0-9]*.parquet"
---
"""


class ParquetShard(TableShard):
    """Writer of a Parquet shard (see TokenWriter): a row group a batch.

    Ids are stored as byte stream split: written half as fast again as plain ids, and a tenth larger
    (docs/explanation/speed.md).
    """

    ENDINGS: ClassVar[tuple[str, ...]] = (PARQUET,)
    INDICES: ClassVar[tuple[str, ...]] = (README,)

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._encodings = {f"{target.column}.list.element": "BYTE_STREAM_SPLIT"}
        self._writer: pq.ParquetWriter | None = None

    def write(self, batch: pa.RecordBatch, ids: NDArray[Any], offsets: I64) -> None:
        """Append documents."""
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._begin(),
                self._schema,
                compression="zstd",
                use_dictionary=["language"],
                column_encoding=self._encodings,
            )
            self._open.callback(self._writer.close)
        self._writer.write_batch(id_table(self._schema, batch, ids, offsets))

    def seal(self) -> None:
        """Release what the writer holds of the last batch: six bytes a byte of text."""
        if self._writer is not None:
            self._writer.close()  # may be done twice
            self._writer = None
            pa.default_memory_pool().release_unused()

    @classmethod
    def write_indices(cls, target: Target, shards: Sequence[str]) -> None:
        """Write README.md."""
        del shards
        with replacing(target.directory / README) as temporary:
            temporary.write_text(_CARD)


WRITER: Final = ParquetShard


def read(path: Path, id_type: np.dtype[Any] | None = None) -> Iterator[Documents]:
    """Read a shard, a row group at a time. Raises BadShard."""
    del id_type
    try:
        with pq.ParquetFile(path) as file:
            column = column_of(path, file.schema_arrow)
            for i in range(file.num_row_groups):
                for batch in file.read_row_group(i, use_threads=False).to_batches():
                    yield documents_of(batch, column)
    except (OSError, pa.ArrowException) as error:
        raise BadShard(str(path), f"is no Parquet file ({str(error)[:80]})") from error
