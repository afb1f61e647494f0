"""Expansion of directories and globs to files, equal on every storage.

Names that start with "." or "_" are skipped, as Spark, Hive and pyarrow do with files that a job leaves beside its data
("_SUCCESS", ".part-0.crc"); a pattern that contains the first character matches them. Our own records beside data are
skipped too: manifest.json, and run.json where there is a manifest; and the records and cached files of datasets in a
folder that `save_to_disk` wrote.
"""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

from pipelines.corpus.errors import MissingInput
from pipelines.corpus.formats import format_of
from pipelines.corpus.storage import Entry, Storage

PASSED_OVER: Final = "._"
"""First characters of the names of files and directories that are skipped."""
_MAGIC: Final = re.compile(r"[*?\[]")
MANIFEST: Final = "manifest.json"
RUN: Final = "run.json"
SAVED: Final = ("state.json", "dataset_info.json")
"""Records in a folder written by `save_to_disk` of Hugging Face's datasets, whose documents are in data-*.arrow."""
SAVED_SPLITS: Final = "dataset_dict.json"
"""Record in a folder with one such folder for each split."""
SAVED_CACHE: Final = "cache-"
"""Beginning of the names of files in which datasets stores intermediate results."""


def is_glob(path: str) -> bool:
    """Return True if the path contains `*`, `?` or `[`; in an http(s) address a `?` starts a query."""
    return re.search(r"[*\[]" if path.startswith(("http://", "https://")) else _MAGIC, path) is not None


def walk(storage: Storage, top: str, skipped: list[Entry]) -> Iterator[Entry]:
    """Yield all files under a directory. A directory that links reach twice is walked once.

    Corpus files that are skipped, as their names begin with "_", go to `skipped`.
    """
    for directory in _directories(storage, top):
        yield from (entry for entry in _visible(storage, directory) if entry.kind != "directory")
        skipped += _underscored(storage, directory, "*")


def expand(storage: Storage, pattern: str, skipped: list[Entry]) -> list[Entry]:
    """Return the files that a glob matches, sorted, each once. `**` as a whole component means any directories.

    Corpus files that match but are skipped, as their names begin with "_", go to `skipped`. Raises MissingInput when
    there is none to return.
    """
    parts = pattern.split("/")
    first = next(i for i, part in enumerate(parts) if _MAGIC.search(part))
    tops = ["/".join(parts[:first]) or ("/" if pattern.startswith("/") else "")]
    for part in parts[first:-1]:
        tops = list(dict.fromkeys(path for top in tops for path in _step(storage, top, part)))
    files: dict[str, Entry] = {}
    directories: list[Entry] = []
    for top in tops:
        for entry in _last_step(storage, top, parts[-1], skipped):
            if entry.kind == "directory":
                directories.append(entry)
            else:
                files[entry.path] = entry
    if not files and directories:
        some = f"{len(directories)} directories" if len(directories) > 1 else f"the directory {directories[0].path}"
        raise MissingInput(storage.uri(pattern), f"matches only {some}; end the pattern with /** to read what is in")
    if not files:
        raise MissingInput(storage.uri(pattern), "matches no file")
    return sorted(files.values(), key=lambda entry: entry.path)


def _step(storage: Storage, top: str, part: str) -> Iterator[str]:
    """Yield the directories that one component of a pattern matches."""
    if part == "**":
        yield from _directories(storage, top)
    elif _MAGIC.search(part):
        yield from (entry.path for entry in _matching(storage, top, part) if entry.kind == "directory")
    else:
        yield f"{top.rstrip('/')}/{part}"


def _last_step(storage: Storage, top: str, part: str, skipped: list[Entry]) -> Iterator[Entry]:
    if part == "**":
        yield from walk(storage, top, skipped)
    elif _MAGIC.search(part):
        yield from _matching(storage, top, part)
        skipped += _underscored(storage, top, part)
    else:
        entry = storage.stat(f"{top.rstrip('/')}/{part}")
        yield from [entry] if entry else []


def _matching(storage: Storage, top: str, part: str) -> list[Entry]:
    spelled = part[0] if part[0] in PASSED_OVER else None
    return [e for e in _visible(storage, top, spelled) if fnmatchcase(e.path.rpartition("/")[2], part)]


def _underscored(storage: Storage, directory: str, pattern: str) -> list[Entry]:
    """Return the corpus files of a directory that match a pattern, but begin with "_", which the pattern does not."""
    if pattern[0] == "_":
        return []
    found = ((entry.path.rpartition("/")[2], entry) for entry in _visible(storage, directory, "_"))
    named = [(name, entry) for name, entry in found if name[0] == "_" and entry.kind != "directory"]
    return [entry for name, entry in named if fnmatchcase(name, pattern) and format_of(name) is not None]


def _visible(storage: Storage, directory: str, spelled: str | None = None) -> list[Entry]:
    """Return the entries of a directory, without our own records; empty where there is no directory."""
    found = storage.stat(directory)
    if found is None or found.kind != "directory":
        return []
    named = [(entry.path.rpartition("/")[2], entry) for entry in storage.entries(directory)]
    ours = any(name == MANIFEST for name, _ in named)
    unread = {MANIFEST, RUN, SAVED_SPLITS} if ours else {SAVED_SPLITS}
    if {name for name, _ in named}.issuperset(SAVED):
        unread.update(SAVED, (name for name, _ in named if name.startswith(SAVED_CACHE)))
    return [entry for name, entry in named if (name[0] not in PASSED_OVER or name[0] == spelled) and name not in unread]


def _directories(storage: Storage, top: str) -> Iterator[str]:
    """Yield a directory and those under it; links back up are not followed again."""
    seen: set[str] = set()
    waiting = [top]
    while waiting:
        directory = waiting.pop()
        identity = storage.identity(directory)
        if identity not in seen:
            seen.add(identity)
            yield directory
            waiting.extend(e.path for e in reversed(_visible(storage, directory)) if e.kind == "directory")
