"""Token shards of finished outputs: what their manifests say, and their documents."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import pyarrow as pa

from operators.errors import DataError
from pipelines.outputs import Manifest, are_there, read_manifest
from pipelines.token_shards.format_names import Format
from pipelines.token_shards.formats import Documents, indices, read_shard, writer_of

SPLITS: Final = "splits"
"""Stage of a directory whose directories hold the splits of a corpus."""
REST: Final = "train"
"""Name of the split of what no other takes."""
STAGES: Final = ("tokens", "joined", "arranged")
"""Stages whose directories hold token shards."""
_DECIDING: Final = ("format", "column", "begin", "end")


class NoShards(DataError):
    """A directory that is no finished output of token shards."""

    path: str
    reason: str
    message = "{path}: {reason}"


class UnlikeShards(DataError):
    """Directories whose shards cannot be in one file."""

    path: str
    other: str
    what: str
    message = "{path} and {other}: their shards differ in {what}; join outputs that one tokenizer and setting made"


@dataclass(frozen=True)
class Shards:
    """Shards of a directory."""

    directory: Path
    manifest: Manifest
    names: tuple[str, ...]
    """Names of the shards' first files, in the order of the corpus."""

    @property
    def format(self) -> Format:
        """Format of the shards."""
        return cast(Format, self.manifest.settings["format"])

    @property
    def id_type(self) -> np.dtype[Any]:
        """Type of the ids."""
        return np.dtype(str(self.manifest.facts["id_type"]))

    @property
    def likeness(self) -> dict[str, Any]:
        """Properties in which shards of one file must be equal, by the name for messages."""
        settings = self.manifest.settings
        return {"tokenizer": settings["tokenizer"], "type of ids": self.id_type.name} | {
            name: settings.get(name) for name in _DECIDING
        }


def shards_of(directory: Path) -> Shards:
    """Return the shards of a directory. Raises NoShards where it is not complete, or holds foreign shards."""
    manifest = read_manifest(directory)
    if manifest is not None and manifest.stage == SPLITS:
        raise NoShards(str(directory), f"holds splits; name one of them, as {directory.name}/{REST}")
    if manifest is None or manifest.stage not in STAGES or "format" not in manifest.settings:
        reason = "holds no finished output of retokenize or join; name one, or run it to its end"
        raise NoShards(str(directory), reason)
    if "id_type" not in manifest.facts:
        raise NoShards(str(directory), "was written by an earlier version; run the same retokenize again")
    if not are_there(directory, manifest.files):
        reason = "its files are not those of its manifest.json; run the same retokenize again"
        raise NoShards(str(directory), reason)
    endings = writer_of(manifest.settings["format"]).ENDINGS
    shard = re.compile(rf".+-\d{{5,}}({'|'.join(map(re.escape, endings))})", re.DOTALL)
    for path in directory.iterdir():
        if shard.fullmatch(path.name) and path.name not in manifest.files:
            reason = f"holds {path.name}, which its manifest.json does not name; take it away"
            raise NoShards(str(directory), reason)
    listed = [name for entry in manifest.inputs for name in entry.get("files", ())] or sorted(manifest.files)
    others = {"bad_records.parquet", *indices()}
    names = tuple(name for name in listed if name.endswith(endings[0]) and name not in others)
    return Shards(directory, manifest, names)


def require_alike(all_shards: Sequence[Shards]) -> None:
    """Raise UnlikeShards unless all shards may be in one file."""
    first = all_shards[0]
    for other in all_shards[1:]:
        for what, value in first.likeness.items():
            if other.likeness[what] != value:
                raise UnlikeShards(str(first.directory), str(other.directory), what)


def gathered(documents: Iterator[Documents], tokens: int) -> Iterator[Documents]:
    """Join small groups of documents into groups of at least `tokens` ids."""
    held: list[Documents] = []
    size = 0
    for one in documents:
        if held and size + len(one.ids) > max(tokens, 1 << 30):
            yield _joined(held)
            held, size = [], 0
        held.append(one)
        size += len(one.ids)
        if size >= tokens:
            yield _joined(held)
            held, size = [], 0
    if held:
        yield _joined(held)


def _joined(documents: list[Documents]) -> Documents:
    if len(documents) == 1:
        return documents[0]
    ids = np.concatenate([one.ids for one in documents])
    lengths = np.concatenate([np.diff(one.offsets) for one in documents])
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    names = [one.names for one in documents if one.names is not None]
    batch = None
    if names:
        columns = pa.Table.from_batches(names).combine_chunks()
        batch = columns.to_batches()[0] if len(columns) else names[0]
    return Documents(ids, offsets, batch)


def documents_of_shards(shards: Shards, names: Sequence[str]) -> Iterator[Documents]:
    """Read the documents of these shards of a directory, in order. Raises BadShard."""
    for name in names:
        yield from read_shard(shards.format, shards.directory / name, shards.id_type)
