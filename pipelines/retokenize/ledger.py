"""Ledger of an output directory: an entry for each input file, from the manifest or from an interrupted run.

While a run is at work there is no manifest; `.work/state.json` then holds the entries that stay as they are, and the
names of all files that may be there. So a run that is interrupted anywhere loses nothing that was right before it.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from pipelines.corpus.bad_records import BAD_RECORDS
from pipelines.outputs import (
    MANIFEST,
    PLANNED,
    RUN,
    UNREADABLE,
    Manifest,
    record_bytes,
    remove_files,
    replacing,
    writing,
)
from pipelines.retokenize.parts import WORK, Counts
from pipelines.token_shards.formats import endings, indices

STATE: Final = "state.json"
_SHARD = re.compile(rf"(.+)-\d{{5,}}(?:{'|'.join(map(re.escape, endings()))})(\.\d+\.part)?", re.DOTALL)
"""Name of a shard of any format, finished or not: the stem of its input, and the ending of an unfinished file."""


class _Figures(msgspec.Struct, frozen=True):
    documents: int
    bytes: int
    tokens: int


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Entry of one input file: its identity, its shards and its counts."""

    path: str
    name: str
    """Beginning of its shards' names."""
    size: int | None
    modified_ns: int | None
    content: str
    """Hash of the file's content (`pipelines.corpus.content`), 64 hexadecimal digits."""
    made_by: str
    """Fingerprint of the tokenizer, the settings and the source's fields, 64 hexadecimal digits."""
    files: dict[str, int]
    """Sizes of its shards' files, by name."""
    bad_records: int
    read: int = 0
    """Number of documents that were read; mixing may write fewer or more."""
    languages: msgspec.Raw
    """Language to documents, bytes and tokens; kept as text: 10,000 files of 200 languages take little memory."""

    def as_input(self) -> dict[str, Any]:
        """Return the entry as manifests hold it."""
        return msgspec.structs.asdict(self)

    def counts(self) -> Counts:
        """Return documents, bytes and tokens of each language."""
        figures = msgspec.json.decode(self.languages, type=dict[str, _Figures])
        return {language: (one.documents, one.bytes, one.tokens) for language, one in figures.items()}

    @property
    def is_ours(self) -> bool:
        """True if `counts` can be read."""
        with suppress(*UNREADABLE):
            return bool(self.counts() or True)
        return False


def languages_of(counts: Counts) -> dict[str, dict[str, int]]:
    """Return the counts as manifests hold them, sorted by language."""
    return {
        language: dict(zip(("documents", "bytes", "tokens"), counts[language], strict=True))
        for language in sorted(counts)
    }


class _State(msgspec.Struct, frozen=True):
    entries: list[Entry]
    stems: list[str]
    """Beginnings of names of shards that this run or one before it may have written."""
    files: list[str]
    """Other files that earlier runs left."""
    known: list[str] = []
    """Stems of the inputs when a run last came to its end."""


class _Inputs(msgspec.Struct, frozen=True):
    """Inputs of a manifest."""

    inputs: list[msgspec.Raw]


class _Apart(msgspec.Struct, frozen=True):
    """Fields of a manifest other than its inputs."""

    stage: str
    fingerprint: str
    settings: dict[str, Any]
    files: dict[str, int]
    facts: dict[str, Any]


@dataclass(frozen=True)
class Ledger:
    """State of an output directory before a run."""

    directory: Path
    made: Manifest | None
    """The manifest, where the last run came to its end and all its files are there. Its inputs are `entries`."""
    entries: dict[str, Entry]
    """Entries whose files are all there, by `name`."""
    stems: frozenset[str]
    files: frozenset[str]
    known: frozenset[str] = frozenset()
    """Stems of the inputs when a run last came to its end."""

    @classmethod
    def read(cls, directory: Path) -> "Ledger":
        """Read the ledger of a directory that is held as Output."""
        sizes = _sizes(directory)
        with suppress(*UNREADABLE):
            content = (directory / MANIFEST).read_bytes()  # of any size: all that was done hangs on it
            inputs = msgspec.json.decode(content, type=_Inputs).inputs
            apart = msgspec.json.decode(content, type=_Apart)
            entries = _entries(inputs)
            there = {one.name: one for one in entries if _all_there(one, sizes)}
            whole = len(there) == len(inputs) and apart.files.items() <= sizes.items()
            made = Manifest(**msgspec.structs.asdict(apart), inputs=[]) if whole else None
            stems = frozenset(one.name for one in entries)
            return cls(directory, made, there, stems, frozenset(apart.files), stems)
        left: list[str] = []
        with suppress(*UNREADABLE):  # of a version before this one
            left = msgspec.json.decode(record_bytes(directory / PLANNED), type=list[str])
        try:
            state = msgspec.json.decode((directory / WORK / STATE).read_bytes(), type=_State)
        except UNREADABLE:
            state = _State([], [], [])
        there = {one.name: one for one in state.entries if one.is_ours and _all_there(one, sizes)}
        files = frozenset([*state.files, *left])
        return cls(directory, None, there, frozenset(state.stems), files, frozenset(state.known))

    def begin(self, kept: Sequence[Entry], stems: Iterable[str], others: Iterable[str] = ()) -> Path:
        """Mark the directory as unfinished; return the work folder.

        kept: entries that stay. stems: of shards that may be written. others: names of further files that may be.
        """
        work = self.directory / WORK
        all_stems = sorted({*self.stems, *stems})
        with writing(self.directory):
            if work.is_symlink():
                work.unlink()  # its target does not belong to this run
            if (self.directory / MANIFEST).exists():
                shutil.rmtree(work, ignore_errors=True)  # left by a run interrupted after its manifest
            work.mkdir(exist_ok=True)
            with replacing(work / STATE) as temporary:
                written = sorted({*self.files, *others})
                temporary.write_bytes(msgspec.json.encode(_State(list(kept), all_stems, written, sorted(self.known))))
            for name in (MANIFEST, RUN, PLANNED, *self.files.intersection(indices())):
                (self.directory / name).unlink(missing_ok=True)
            for path in work.glob("job-*"):
                path.unlink()
            self._sweep(set(all_stems), lambda name, is_unfinished: is_unfinished)
        return work

    def clear(self, stems: Iterable[str], files: Iterable[str]) -> list[str]:
        """Remove the files of this run and earlier ones, except `files`; return the names of the removed shards."""
        final = set(files)
        with writing(self.directory):
            removed = self._sweep({*self.stems, *stems}, lambda name, is_unfinished: name not in final)
            remove_files(self.directory, self.files - final)
        return removed

    def _sweep(self, stems: set[str], should_delete: Callable[[str, bool], bool]) -> list[str]:
        """Delete the shards with these stems, finished or not, for which `should_delete(name, is_unfinished)` holds.

        Return the names of those that were finished.
        """
        removed = []
        for name in os.listdir(self.directory):  # noqa: PTH208 -- names are all it takes
            match = _SHARD.fullmatch(name)
            if match and match[1] in stems and should_delete(name, match[2] is not None):
                (self.directory / name).unlink(missing_ok=True)
                removed += [] if match[2] else [name]
        return removed


def shard_stem(name: str) -> str | None:
    """Return the beginning that all shards of an input share; None: not the name of a shard."""
    match = _SHARD.fullmatch(name)
    return match[1] if match else None


def end_work(directory: Path) -> None:
    """Remove the work folder, once the manifest is written."""
    shutil.rmtree(directory / WORK, ignore_errors=True)


def _entries(inputs: Sequence[msgspec.Raw]) -> list[Entry]:
    found = []
    for one in inputs:
        with suppress(*UNREADABLE):  # of a version before this one
            found.append(msgspec.json.decode(one, type=Entry))
    return [one for one in found if one.is_ours]


def _sizes(directory: Path) -> dict[str, int]:
    with os.scandir(directory) as there:
        return {entry.name: entry.stat().st_size for entry in there if entry.is_file()}


def _all_there(entry: Entry, sizes: dict[str, int]) -> bool:
    return entry.files.items() <= sizes.items() and (BAD_RECORDS in sizes or not entry.bad_records)
