"""A run: what is new or changed is encoded, what is gone is removed, the rest stays."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq

from operators.redaction import shown
from operators.tokenizer import Tokenizer
from pipelines.corpus.bad_records import BAD_RECORDS, BadRecords, OnBadRecord
from pipelines.corpus.errors import EmptyCorpus
from pipelines.corpus.sources import InputFile, Source
from pipelines.engines.engine import Engine
from pipelines.engines.run_stats import run_of
from pipelines.outputs import Manifest, Output, Run, fingerprint, replacing
from pipelines.progress import Progress
from pipelines.retokenize.bad_records import gather_bad_records
from pipelines.retokenize.ledger import Entry, Ledger, end_work, languages_of
from pipelines.retokenize.options import Encoding, Job, encoder_of, packed
from pipelines.retokenize.parts import Counts
from pipelines.retokenize.shard_names import shard_stems
from pipelines.retokenize.splits import planned, split_all
from pipelines.retokenize.tasks import SplitDone, add, encode_split, name_content, unencoded
from pipelines.tokenizers import tokenizer_fingerprint


@dataclass(frozen=True)
class _Input:
    """A file of the corpus, what its shards are called, and what decides what becomes of it."""

    file: InputFile
    stem: str
    made_by: str

    def matches(self, entry: Entry | None) -> bool:
        """Whether an entry is of this file and these settings, whatever the file holds."""
        return entry is not None and entry.path == shown(self.file.path) and entry.made_by == self.made_by

    def is_unchanged(self, entry: Entry) -> bool:
        """Whether size and time of change are known and what they were."""
        was, now = (entry.size, entry.modified_ns), (self.file.size, self.file.modified_ns)
        return was == now and None not in now

    def may_be_equal(self, entry: Entry) -> bool:
        """Whether the sizes do not tell that it changed."""
        return None in (entry.size, self.file.size) or entry.size == self.file.size


@dataclass
class _Progressing:
    """A file some of whose splits are done."""

    left: int
    done: dict[int, SplitDone] = field(default_factory=dict)


def retokenize(
    files: list[InputFile],
    tokenizer: Tokenizer,
    output: Output,
    engine: Engine,
    progress: Progress,
    *,
    encoding: Encoding | None = None,
    memory_bytes: int | None = None,
) -> Manifest:
    """Token shards of a corpus in `output`; what is there already and still right is kept.

    The manifest's inputs are the files, with their shards and counts; its facts: documents, bytes and tokens for each
    language, and bad_records. `memory_bytes`: what a worker may take, which only refuses documents that are too long.
    Raises EmptyCorpus, TooLittleMemory, and what reading and writing may raise.
    """
    began = time.monotonic()
    encoding = encoding or Encoding()
    settings = _settings(tokenizer, encoding)
    inputs = _inputs(files, settings)
    ledger = Ledger.read(output.directory)
    kept, touched, todo = _sorted_out(inputs, ledger)
    kept |= _still_equal(touched, ledger, todo, engine, progress)
    todo.sort(key=lambda one: one.stem)
    made = ledger.made
    same = not todo and made is not None and made.settings == settings and len(kept) == len(ledger.entries)
    if same and made is not None and all(ledger.entries[name] == entry for name, entry in kept.items()):
        progress.note(f"tokens: unchanged, kept ({output.directory})")
        output.kept = True
        end_work(output.directory)  # a run may have been cut off right behind its manifest
        return msgspec.structs.replace(made, inputs=[kept[one.stem].as_input() for one in inputs])
    if len(kept) < len(inputs) and kept:
        progress.note(f"tokens: {len(kept):,} of {len(inputs):,} files are unchanged and kept")
    stems = [one.stem for one in inputs]
    bad_parts: dict[str, tuple[Path, ...]] = {}
    if not same:
        work = ledger.begin([kept[name] for name in sorted(kept)], stems)
        job = _put_job(Job(tokenizer, encoding, output.directory, memory_bytes), work)
        new, bad_parts = _encode_all(todo, job, encoding.on_bad_record, engine, progress)
        kept |= new
    entries = [kept[one.stem] for one in inputs]
    facts = _facts(entries)
    if not any(one["bytes"] for one in facts["languages"].values()):
        raise EmptyCorpus(len(files))
    names = [name for entry in entries for name in entry.files]
    if encoding.on_bad_record == "skip":
        gather_bad_records(entries, bad_parts, output.directory / BAD_RECORDS)
        names.append(BAD_RECORDS)
    ledger.clear(stems, names)
    worked = bool(todo or touched)
    run = run_of(engine, began) if worked else Run(engine="none", workers=1, seconds=round(time.monotonic() - began, 3))
    contents = [{"path": one.path, "content": one.content, "made_by": one.made_by} for one in entries]
    name = fingerprint("tokens", settings, contents)
    manifest = output.finish(name, settings, [entry.as_input() for entry in entries], names, facts, run)
    end_work(output.directory)
    output.kept = same
    return manifest


def _settings(tokenizer: Tokenizer, encoding: Encoding) -> dict[str, Any]:
    method = encoder_of(tokenizer, encoding).method  # a library of another version may encode in another way
    return {"tokenizer": tokenizer_fingerprint(tokenizer), "method": method, **msgspec.to_builtins(encoding)}


def _inputs(files: Sequence[InputFile], settings: Mapping[str, Any]) -> list[_Input]:
    made_by: dict[Source, str] = {}
    found = []
    for file, stem in zip(files, shard_stems(files), strict=True):
        source = msgspec.structs.replace(file.source, path="any", weight=1.0)  # neither changes a token
        if source not in made_by:
            made_by[source] = fingerprint("tokens", settings, [{"source": msgspec.to_builtins(source)}])
        found.append(_Input(file, stem, made_by[source]))
    return found


def _sorted_out(inputs: Sequence[_Input], ledger: Ledger) -> tuple[dict[str, Entry], list[_Input], list[_Input]]:
    """Entries that stay as they are; files that may be equal, though their time of change is another; the rest."""
    kept: dict[str, Entry] = {}
    touched, todo = [], []
    for one in inputs:
        entry = ledger.entries.get(one.stem)
        if entry is None or not one.matches(entry) or not one.may_be_equal(entry):
            todo.append(one)
        elif one.is_unchanged(entry):
            kept[one.stem] = entry
        else:
            touched.append(one)
    return kept, touched, todo


def _still_equal(
    touched: Sequence[_Input], ledger: Ledger, todo: list[_Input], engine: Engine, progress: Progress
) -> dict[str, Entry]:
    """Entries of the files that hold what they held; the others join `todo`."""
    equal: dict[str, Entry] = {}
    if touched:
        total = sum(one.file.size or 0 for one in touched)
        with progress.stage("compare touched files", total, "B") as advance:
            for index, content in engine.run(name_content, [one.file for one in touched]):
                one = touched[index]
                entry = ledger.entries[one.stem]
                if entry.content == content:
                    equal[one.stem] = msgspec.structs.replace(
                        entry, size=one.file.size, modified_ns=one.file.modified_ns
                    )
                else:
                    todo.append(one)
                advance(one.file.size or 0)
    return equal


def _put_job(job: Job, work: Path) -> Path:
    """What all tasks share, once on disk, under a name of this run: tasks of one before it see that theirs is over."""
    path = work / f"job-{os.getpid()}-{time.time_ns()}"
    with replacing(path) as part:
        part.write_bytes(packed(job))
    return path


def _encode_all(
    todo: Sequence[_Input], job: Path, on_bad_record: OnBadRecord, engine: Engine, progress: Progress
) -> tuple[dict[str, Entry], dict[str, tuple[Path, ...]]]:
    """Entries by name, and where the bad records of those that have any lie."""
    wholes = [planned(one.file, one.stem, one.made_by, job) for one in todo]
    splits, contents = split_all(wholes, engine, progress)
    tasks = [(i, split) for i, own in enumerate(splits) for split in own]
    tasks.sort(key=lambda task: -task[1].stored_bytes)  # the longest first, so that none is waited for at the end
    progressing = [_Progressing(len(own)) for own in splits]
    total = None if any(one.file.size is None for one in todo) else sum(one.file.size or 0 for one in todo)
    made: dict[str, Entry] = {}
    bad_parts: dict[str, tuple[Path, ...]] = {}
    with progress.stage("retokenize", total, "B") as advance:
        for index, done in engine.run(encode_split, [split for _, split in tasks], on_lost=unencoded):
            i, split = tasks[index]
            advance(split.stored_bytes)
            state = progressing[i]
            state.done[split.number] = done
            if len(state.done) == state.left:
                parts = [state.done[number] for number in sorted(state.done)]
                state.done.clear()
                if lost := next((part.lost for part in parts if part.lost), None):
                    left = BadRecords(on_bad_record)
                    left.add(todo[i].file.path, 0, f"{lost}; nothing of it was encoded")
                    parts, contents[i] = [_left_out(left, job.parent / f"lost-{i}.parquet")], None
                made[todo[i].stem] = _entry(todo[i], parts, contents[i])
                if made[todo[i].stem].bad_records:
                    bad_parts[todo[i].stem] = tuple(path for part in parts for path in part.bad_parts)
    return made, bad_parts


def _entry(one: _Input, parts: Sequence[SplitDone], content: str | None) -> Entry:
    counts: Counts = {}
    for part in parts:
        for language, figures in part.counts.items():
            counts[language] = add(counts.get(language, (0, 0, 0)), figures)
    content = parts[0].content if content is None else content
    assert content is not None
    return Entry(
        path=shown(one.file.path),
        name=one.stem,
        size=one.file.size,
        modified_ns=one.file.modified_ns,
        content=content,
        made_by=one.made_by,
        files={name: size for part in parts for name, size in part.files.items()},
        bad_records=sum(part.bad_records for part in parts),
        languages=msgspec.Raw(msgspec.json.encode(languages_of(counts))),
    )


def _left_out(bad: BadRecords, path: Path) -> SplitDone:
    """What becomes of a file at which workers die. No content has an empty name: when touched, the file is tried."""
    with replacing(path, durable=False) as part:
        pq.write_table(bad.table(), part)
    return SplitDone({}, {}, (path,), len(bad), content="")


def _facts(entries: Sequence[Entry]) -> dict[str, Any]:
    sums: Counts = {}
    for entry in entries:
        for language, figures in entry.counts().items():
            sums[language] = add(sums.get(language, (0, 0, 0)), figures)
    return {"languages": languages_of(sums), "bad_records": sum(entry.bad_records for entry in entries)}
