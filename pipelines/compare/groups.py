"""Groups of documents that tokenizers are compared on: all text, or text by language, category or source."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from operators.errors import DataError
from pipelines.corpus.errors import EmptyCorpus
from pipelines.corpus.sources import InputFile
from pipelines.parallel_text.texts import TEXTS_SCHEMA, Texts
from pipelines.words.sources import OF_FILE, with_source

ALL: Final = "all"
"""Name of the group of all text."""
By = Literal["language", "category", "source"]


class NoGroupField(DataError):
    """Text that is in no group: a source without a category."""

    path: str
    by: str
    message = "--by {by}: {path} has no {by}; write `{by}: NAME` for it in a .yaml file of sources"


class ReservedGroup(DataError):
    """A group whose name stands for all text."""

    by: str
    message = "--by {by}: a group is named 'all', which stands for all text; give it another name"


@dataclass(frozen=True)
class Group:
    """A group: the places of its text in scratch files (`pipelines.parallel_text.texts.Texts`)."""

    name: str
    batches: tuple[tuple[Path, int, str], ...]
    """Scratch file, number and language of each batch, in the order of the corpus."""
    bytes: int


def groups_of(files: Sequence[InputFile], texts: Sequence[Texts], by: By | None) -> list[Group]:
    """Return the groups that have text, sorted by name. `texts`: one for each of `files`.

    Raises ReservedGroup, EmptyCorpus.
    """
    batches, sizes = dict[str, list[tuple[Path, int, str]]](), dict[str, int]()
    for file, own in zip(files, texts, strict=True):
        for language, numbers in own.batches.items():
            whole = (_name(file, language, by), numbers, own.bytes[language])
            apart = [(own.sources[number][0], [number], own.sources[number][1]) for number in numbers if own.sources]
            for name, some, size in apart or [whole]:
                batches.setdefault(name, []).extend((own.path, number, language) for number in some)
                sizes[name] = sizes.get(name, 0) + size
    if not any(sizes.values()):
        raise EmptyCorpus(len(files))
    if by is not None and ALL in sizes:
        raise ReservedGroup(by)
    return [Group(name, tuple(sorted(batches[name])), sizes[name]) for name in sorted(batches) if sizes[name]]


def with_field(files: Sequence[InputFile], field: str) -> list[InputFile]:
    """Return files whose documents are in the group of their source, which a field names. Raises NoSources.

    With OF_FILE each file is a source of its own, named by its path.
    """
    if field != OF_FILE:
        return with_source(files, field)
    return [replace(file, source=msgspec.structs.replace(file.source, path=file.path)) for file in files]


def _name(file: InputFile, language: str, by: By | None) -> str:
    if by is None:
        return ALL
    if by == "language":
        return language
    if by == "source":
        return file.source.path
    assert file.source.category is not None, "require_groups"
    return file.source.category


def require_groups(files: Sequence[InputFile], by: By | None) -> None:
    """Raise NoGroupField where text would be in no group."""
    for file in files:
        if by == "category" and file.source.category is None:
            raise NoGroupField(file.source.path, by)


def documents_of(group: Group) -> Iterator[tuple[pa.LargeStringArray, pa.Array, str]]:
    """Yield the documents of a group that have text, their characters (int32) and their language, batch by batch."""
    options = pa.ipc.IpcReadOptions(
        included_fields=[TEXTS_SCHEMA.get_field_index("characters"), TEXTS_SCHEMA.get_field_index("text")]
    )
    for path in dict.fromkeys(path for path, _, _ in group.batches):
        with pa.OSFile(str(path)) as source:
            reader = pa.ipc.open_file(source, options=options)
            for number, language in ((number, language) for own, number, language in group.batches if own == path):
                batch = reader.get_batch(number)
                filled = batch.filter(pc.greater(batch.column("characters"), 0))
                if filled.num_rows:
                    yield filled.column("text"), filled.column("characters"), language


def shared_out(groups: Sequence[Group], most: int) -> list[tuple[Group, ...]]:
    """Divide groups into at most `most` bundles of similar bytes: the largest first, each to the smallest bundle."""
    bundles: list[list[Group]] = [[] for _ in range(min(most, len(groups)))]
    filled = [0] * len(bundles)
    for group in sorted(groups, key=lambda one: (-one.bytes, one.name)):
        smallest = filled.index(min(filled))
        bundles[smallest].append(group)
        filled[smallest] += group.bytes
    return [tuple(bundle) for bundle in bundles]
