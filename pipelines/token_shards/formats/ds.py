"""Token shards as datatrove's tokenized files: .ds holds the ids, .ds.index the documents' ends.

Raw little-endian ids (uint16 or uint32); the index has one uint64 a document, the number of ids up to its end;
.ds.metadata has three lines: tokenizer and bytes of an id with "|" between them, the number of ids, and the same for
people (datatrove, pipeline/tokens/tokenizer.py).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np

from operators.arrays import I64
from pipelines.outputs import replacing
from pipelines.token_shards.formats import BadShard, Documents
from pipelines.token_shards.formats.id_files import IdFileShard, beside, ids_of, mapped

DS: Final = ".ds"
INDEX: Final = ".ds.index"


class DatatroveShard(IdFileShard):
    """Writer of a .ds file, its metadata and its index (see TokenWriter); the index appears last."""

    ENDINGS: ClassVar[tuple[str, ...]] = (DS, ".ds.metadata", INDEX)

    def write_bounds(self, paths: Sequence[Path], lengths: I64) -> None:
        """Write metadata and index."""
        ends = np.cumsum(lengths)
        named = f"{self._target.tokenizer}|{self._ids.dtype.itemsize}"
        with replacing(paths[0]) as temporary:
            temporary.write_text(f"{named}\n{ends[-1]}\n{ends[-1] / 1e6:.3g} MT")
        with replacing(paths[1]) as temporary:
            temporary.write_bytes(ends.astype("<u8").tobytes())


WRITER: Final = DatatroveShard


def read(path: Path, id_type: np.dtype[Any] | None = None) -> Iterator[Documents]:
    """Read a .ds file by its index: all documents at once, mapped into memory. Raises BadShard."""
    del id_type
    index = mapped(beside(path, DS, INDEX))
    if len(index) % 8:
        raise BadShard(f"{path}.index", "is cut short")
    offsets = np.concatenate([np.zeros(1, np.int64), index.view("<u8").astype(np.int64)])
    if (np.diff(offsets) < 0).any():
        raise BadShard(f"{path}.index", "has ends that are not in order")
    yield Documents(ids_of(path, int(offsets[-1])), offsets)
