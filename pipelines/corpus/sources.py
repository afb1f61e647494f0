"""Sources of a corpus, as users write them, and the files that they name."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from pipelines.corpus.errors import ConflictingSources, InvalidSource, MissingInput, UnknownFormat
from pipelines.corpus.formats import FORMATS, format_of
from pipelines.corpus.globs import expand, is_glob, walk
from pipelines.corpus.storage import Entry, Storage, locate
from pipelines.storage_errors import UnreadableInput

Role = Literal["text", "id", "language"]
"""Role of a field of a record; also the field's name, where a source names no other."""


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A set of files with common settings."""

    path: str
    """Path, glob (`**` for any directories) or URI (s3://, gs://, hf://, ...); a directory means all files under it."""
    language: str | None = None
    """Language of all its documents; default: the language field, else the file name up to its first dot."""
    category: str | None = None
    """Another name for language, used by mixture inference; only one of the two."""
    text_field: str | None = None
    """The field or column that holds the text, `text` by default; `doc.text` is the field text of doc. Not used for
    .txt files."""
    id_field: str | None = None
    """The field or column that holds a document's id, `id` by default; without one, a document is known by its record
    number. A field that is named must be there."""
    language_field: str | None = None
    """The field or column that holds a document's language, `language` by default. A field that is named must be
    there."""
    weight: float = 1.0
    """Factor of its text's counts in training; above 0."""

    def __post_init__(self) -> None:
        """Raises InvalidSource."""
        if self.language is not None and self.category is not None:
            raise InvalidSource(f"{self.path}: has a language and a category; keep one of the two")
        for name in ("path", "language", "category", "text_field", "id_field", "language_field"):
            if getattr(self, name) == "":
                raise InvalidSource(f"{self.path or 'a source'}: its {name} is empty; write one, or leave it out")
        if not (math.isfinite(self.weight) and self.weight > 0):
            raise InvalidSource(f"{self.path}: its weight is {self.weight}; write a number above 0")

    def field(self, role: Role) -> str:
        """Return the name of the field for the text, the id or the language."""
        return getattr(self, f"{role}_field") or role

    def requires(self, role: Role) -> bool:
        """Return True if the field must be there: that of the text, and every one that is named."""
        if role == "language" and self.label is not None:
            return False
        return role == "text" or getattr(self, f"{role}_field") is not None

    @property
    def label(self) -> str | None:
        """The language or category that holds for all its documents, if one does."""
        return self.language if self.language is not None else self.category


@dataclass(frozen=True)
class InputFile:
    """A file of a corpus, with the state it had when it was listed."""

    path: str
    """Absolute local path, or a URI."""
    size: int | None
    """Bytes; None: not known."""
    modified_ns: int | None
    """Time of modification, nanoseconds since 1970; None: not known."""
    source: Source
    requires_ids: bool = False
    """True if a document whose id is null is a bad record; else its number takes the id's place."""


def as_source(entry: "str | Source") -> Source:
    """Return an entry of a corpus as a source: a text is a path, a glob or a URI."""
    return entry if isinstance(entry, Source) else Source(path=entry)


def find_files(sources: Sequence[Source], skipped: list[str] | None = None) -> list[InputFile]:
    """Return the files that the sources name, sorted by path, each once.

    Paths of corpus files that folders and globs skip, as their names begin with "_", go to `skipped`.

    Raises MissingInput (nothing there), UnknownFormat (a file that is not read, by its ending), UnreadableInput (no
    permission, an unreachable host, an unknown scheme), ConflictingSources (one file, two settings).
    """
    found: dict[str, InputFile] = {}
    underscored: dict[str, None] = {}
    for source in sources:
        storage, path = locate(source.path)
        without: list[Entry] = []
        for entry in _entries(storage, path, without):
            file = _input_file(storage, entry, source)
            before = found.setdefault(file.path, file)
            if _settings(before.source) != _settings(source):
                raise ConflictingSources(file.path, _described(before.source), _described(source))
        underscored |= dict.fromkeys(storage.uri(entry.path) for entry in without)
    if skipped is not None:
        skipped += sorted(path for path in underscored if path not in found)
    return [found[path] for path in sorted(found)]


def _entries(storage: Storage, path: str, skipped: list[Entry]) -> list[Entry]:
    """Return the files that a source names; all have a known format. An existing name with `[` is no glob."""
    entry = storage.stat(path)
    if entry is None and is_glob(path):
        entries = expand(storage, path, skipped)
    elif entry is None:
        raise MissingInput(storage.uri(path))
    elif entry.kind == "directory":
        entries = list(walk(storage, path, skipped))
        if not entries:
            raise MissingInput(storage.uri(path), "no files in this directory")
    else:
        entries = [entry]
    unread = tuple(storage.uri(entry.path) for entry in entries if format_of(storage.uri(entry.path)) is None)
    if unread:
        raise UnknownFormat(storage.uri(path), unread, tuple(FORMATS))
    return entries


def _input_file(storage: Storage, entry: Entry, source: Source) -> InputFile:
    path = storage.uri(entry.path)
    if entry.kind == "other":
        raise UnreadableInput(path, "neither a file nor a directory (a link that leads nowhere, a pipe?); remove it")
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise UnreadableInput(path, "its name is not valid UTF-8; rename it") from error
    return InputFile(path, entry.size, entry.modified_ns, source)


def _settings(source: Source) -> Source:
    """Return the settings of a source without its path, for comparison."""
    return msgspec.structs.replace(source, path="any", language=source.label, category=None)


def _described(source: Source) -> str:
    """Describe a source in an error, by its path and non-default settings."""
    says = {
        field.name: getattr(source, field.name)
        for field in msgspec.structs.fields(source)
        if field.name != "path" and getattr(source, field.name) != field.default
    }
    return f"{source.path} ({', '.join(f'{name} {value}' for name, value in says.items()) or 'no settings'})"
