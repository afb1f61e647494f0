"""Formats of token shards: a module each, which names its TokenWriter as WRITER and its `read` function.

A new format is such a module, and its name among `pipelines.retokenize.settings.Format`, which is also the value of
`--format`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, get_args

from operators.errors import DataError
from pipelines.token_shards.format_names import Format

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from operators.arrays import I64


class BadShard(DataError):
    """A file that is not a whole token shard."""

    path: str
    reason: str
    message = "{path}: {reason}; name a shard that retokenize wrote"


class ShardFull(DataError):
    """A shard that would hold more than its format can say."""

    path: str
    what: str
    message = "{path}: a shard of this format holds at most {what}; take a smaller size, or another format"


@dataclass(frozen=True)
class Target:
    """Place and layout of a shard that is to be written."""

    directory: Path
    name: str
    """Name of its files, without ending."""
    id_type: "np.dtype[Any]"
    """Type of the ids: uint16 or uint32."""
    column: str = "input_ids"
    """Name of the column of ids, in formats with columns."""
    tokenizer: str = ""
    """Fingerprint of the tokenizer, in formats that name one."""
    extra: "tuple[pa.Field, ...]" = ()
    """Further columns, which each batch has, in formats with columns."""
    seed: int | None = None
    """Seed of the order of documents, in the first pass of a shuffled run."""
    epochs: int = 1
    """Number of epochs, each in an order of its own, in the first pass of a shuffled run."""

    def path(self, ending: str) -> Path:
        """Return the path of the shard's file with this ending."""
        return self.directory / f"{self.name}{ending}"


@dataclass(frozen=True)
class Documents:
    """Documents that were read from a shard."""

    ids: "NDArray[Any]"
    """Token ids of all documents, one after the other; uint16, uint32 or int32."""
    offsets: "I64"
    """Bounds: document i has ids[offsets[i]:offsets[i + 1]]."""
    names: "pa.RecordBatch | None" = None
    """Columns id and language; None where the format has no place for them."""


class TokenWriter(Protocol):
    """A shard that is being written. Its files appear under their names when `finish` is called."""

    ENDINGS: ClassVar[tuple[str, ...]]
    """Endings of a shard's files, with their dots. Shards with these endings are removed when their input is gone."""
    INDICES: ClassVar[tuple[str, ...]]
    """Names of the files that describe all shards of a directory."""

    def __init__(self, target: Target) -> None:
        """Open a shard."""

    def write(self, batch: "pa.RecordBatch", ids: "NDArray[Any]", offsets: "I64") -> None:
        """Append documents. batch: columns id and language, a row a document. ids: integers, token ids of all
        documents, one after the other; document i has ids[offsets[i]:offsets[i + 1]] (one more than documents)."""

    def seal(self) -> None:
        """Release what the writer holds of the last batch; no `write` follows."""

    def finish(self) -> dict[str, int]:
        """Give the files their names; return names and sizes in bytes, none where nothing was written."""

    def abandon(self, error: BaseException) -> None:
        """Remove the unfinished files."""

    @classmethod
    def write_indices(cls, target: Target, shards: Sequence[str]) -> None:
        """Write the files named in INDICES. target: names the directory. shards: names of all shards, in order."""


def writer_of(name: str) -> type[TokenWriter]:
    """Return the writer of a format (`settings.Format`)."""
    writer: type[TokenWriter] = import_module(f"{__name__}.{name}").WRITER
    return writer


def read_shard(name: str, path: Path, id_type: "np.dtype[Any] | None" = None) -> Iterator[Documents]:
    """Read the documents of a shard of a format, in order, by its file with the format's first ending.

    id_type: type of the ids, for formats that do not say it. Raises BadShard.
    """
    documents: Iterator[Documents] = import_module(f"{__name__}.{name}").read(path, id_type)
    return documents


def endings() -> list[str]:
    """Return the endings of the files of every format, sorted."""
    return sorted({ending for name in get_args(Format) for ending in writer_of(name).ENDINGS})


def indices() -> list[str]:
    """Return the names of the files that describe a directory's shards, of every format, sorted."""
    return sorted({index for name in get_args(Format) for index in writer_of(name).INDICES})
