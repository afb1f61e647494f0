"""Formats of token shards: a module each, which names its TokenWriter as WRITER.

A new format is such a module, and its name among `pipelines.retokenize.settings.Format`, which is also the value of
`--format`.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, get_args

from pipelines.retokenize.settings import Format

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from operators.arrays import I32, I64


class TokenWriter(Protocol):
    """A shard that is being written. Its files appear under their names when `finish` is called."""

    ENDINGS: ClassVar[tuple[str, ...]]
    """Endings of a shard's files, with their dots. Shards with these endings are removed when their input is gone."""

    def __init__(self, directory: Path, name: str, id_type: "np.dtype[Any]") -> None:
        """Open a shard. name: without ending. id_type: uint16 or uint32."""

    def write(self, batch: "pa.RecordBatch", ids: "I32", offsets: "I64") -> None:
        """Append documents. batch: columns id and language, a row a document. ids: token ids of all documents, one
        after the other; document i has ids[offsets[i]:offsets[i + 1]] (offsets: int64, one more than documents)."""

    def seal(self) -> None:
        """Release what the writer holds of the last batch; no `write` follows."""

    def finish(self) -> dict[str, int]:
        """Give the files their names; return names and sizes in bytes, none where nothing was written."""

    def abandon(self, error: BaseException) -> None:
        """Remove the unfinished files."""


def writer_of(name: str) -> type[TokenWriter]:
    """Return the writer of a format (`settings.Format`)."""
    writer: type[TokenWriter] = import_module(f"{__name__}.{name}").WRITER
    return writer


def endings() -> list[str]:
    """Return the endings of the files of every format, sorted."""
    return sorted({ending for name in get_args(Format) for ending in writer_of(name).ENDINGS})
