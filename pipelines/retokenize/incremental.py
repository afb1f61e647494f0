"""An incremental run: what is new or changed is encoded, what is gone is removed, the rest stays."""

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from operators.redaction import shown
from operators.tokenizer import Tokenizer
from pipelines.context import Context
from pipelines.corpus.bad_records import BAD_RECORDS, BadRecords, check_share, first_of, write_bad_records
from pipelines.corpus.errors import EmptyCorpus
from pipelines.corpus.sources import InputFile, Source
from pipelines.outputs import Output, fingerprint, replacing
from pipelines.progress import Progress
from pipelines.retokenize.bad_records import gather_bad_records
from pipelines.retokenize.changes import count_changes
from pipelines.retokenize.duplicates import Duplicates, HashTask
from pipelines.retokenize.ledger import Entry, Ledger, end_work, languages_of
from pipelines.retokenize.mixing import Mix
from pipelines.retokenize.options import Encoding, Job, encoder_of, packed
from pipelines.retokenize.parts import Counts
from pipelines.retokenize.shard_names import shard_stems
from pipelines.retokenize.splits import planned, split_all
from pipelines.retokenize.tasks import Split, SplitDone, add, encode_split, name_content, unencoded
from pipelines.similar_names import note_similar
from pipelines.stage import Made
from pipelines.token_shards.formats import writer_of
from pipelines.tokenizers import tokenizer_fingerprint
from pipelines.words.weighting import UnknownLanguage


@dataclass(frozen=True)
class _Input:
    """A file of the corpus, what its shards are called, and what decides what becomes of it."""

    file: InputFile
    stem: str
    made_by: str

    def matches(self, entry: Entry | None) -> bool:
        """Return True if an entry is of this file and these settings, whatever the content of the file."""
        return entry is not None and entry.path == shown(self.file.path) and entry.made_by == self.made_by

    def is_unchanged(self, entry: Entry) -> bool:
        """Return True if size and time of change are known and equal those of the entry."""
        was, now = (entry.size, entry.modified_ns), (self.file.size, self.file.modified_ns)
        return was == now and None not in now

    def may_be_equal(self, entry: Entry) -> bool:
        """Return True if the sizes are equal or unknown, so that the content may be equal."""
        return None in (entry.size, self.file.size) or entry.size == self.file.size


@dataclass
class _Progressing:
    """A file some of whose splits are done."""

    left: int
    done: dict[int, SplitDone] = field(default_factory=dict)


def encode_corpus(
    files: list[InputFile], tokenizer: Tokenizer, output: Output, encoding: Encoding, context: Context,
    duplicates: Duplicates | None = None,
) -> Made:  # fmt: skip
    """Write the token shards of a corpus to `output`; those that are up to date are kept.

    The manifest's inputs are the files, with their shards and counts; its facts: documents, bytes and tokens for each
    language, and bad_records. This stage does not use the frame (`pipelines.stage`): it is made file by file.
    Raises EmptyCorpus, TooManyBadRecords, TooLittleMemory, and what reading and writing may raise.
    """
    began = time.monotonic()
    progress = context.progress
    settings = _settings(tokenizer, encoding)
    inputs = _inputs(files, settings)
    ledger = Ledger.read(output.directory)
    kept, touched, todo = _sorted_out(inputs, ledger)
    kept |= _still_equal(touched, ledger, todo, context)
    if todo and duplicates is not None:  # what is left out of a file depends on all others
        kept, todo = {}, list(inputs)
    todo.sort(key=lambda one: one.stem)
    made = ledger.made
    same = not todo and made is not None and made.settings == settings and len(kept) == len(ledger.entries)
    if same and made is not None and all(ledger.entries[name] == entry for name, entry in kept.items()):
        facts = _facts([kept[one.stem] for one in inputs])
        check_share(facts, context.max_bad_share, lambda: first_of(output.directory / BAD_RECORDS))
        progress.note(f"tokens: unchanged, kept ({output.directory})")
        end_work(output.directory)  # a run may have been cut off right behind its manifest
        run = context.run_stats(began, engine=bool(touched))
        output.write_run(msgspec.structs.replace(run, inputs=count_changes(ledger.known, kept, kept)))
        return Made(msgspec.structs.replace(made, inputs=[kept[one.stem].as_input() for one in inputs]), kept=True)
    if len(kept) < len(inputs) and kept:
        progress.note(f"tokens: {len(kept):,} of {len(inputs):,} files are unchanged and kept")
    folder = None if duplicates is None else duplicates.folder
    job = Job(tokenizer, encoding, output.directory, settings["tokenizer"], context.memory_bytes, folder)
    writer = writer_of(encoding.format)
    stems, old = [one.stem for one in inputs], frozenset(kept)
    bad_parts: dict[str, tuple[Path, ...]] = {}
    if not same:
        work = ledger.begin([kept[name] for name in sorted(kept)], stems, [*writer.INDICES, BAD_RECORDS])
        new, bad_parts = _encode_all(todo, _put_job(job, work), context, duplicates)
        kept |= new
    entries = [kept[one.stem] for one in inputs]
    facts = _facts(entries) | {"id_type": job.id_type.name}
    facts |= {} if duplicates is None else {"duplicates": duplicates.count}
    names = [name for entry in entries for name in entry.files]
    if encoding.on_bad_record == "skip":
        _list_bad_records(entries, bad_parts, facts, output.directory / BAD_RECORDS, context)
        names.append(BAD_RECORDS)
    _check_languages(facts, encoding.mix, len(files), progress)
    if not same:
        writer.write_indices(job.target(""), [name for name in names if name.endswith(writer.ENDINGS[0])])
    names.extend(writer.INDICES)
    removed = ledger.clear(stems, names)
    run = context.run_stats(began, engine=bool(todo or touched))
    run = msgspec.structs.replace(run, inputs=count_changes(ledger.known, stems, old, removed))
    contents = [{"path": one.path, "content": one.content, "made_by": one.made_by} for one in entries]
    name = fingerprint("tokens", settings, contents)
    manifest = output.finish(name, settings, [entry.as_input() for entry in entries], names, facts, run)
    end_work(output.directory)
    return Made(manifest, kept=same)


def _list_bad_records(
    entries: Sequence[Entry], parts: Mapping[str, tuple[Path, ...]], facts: Mapping[str, Any], into: Path,
    context: Context,
) -> None:  # fmt: skip
    """Write the list of all bad records. Raises TooManyBadRecords."""
    gather_bad_records(entries, parts, into)
    check_share(facts, context.max_bad_share, lambda: first_of(into))


def _check_languages(facts: Mapping[str, Any], mix: Mix | None, files: int, progress: Progress) -> None:
    """Raise EmptyCorpus, and UnknownLanguage for a weight of a language that the corpus does not have."""
    languages = facts["languages"]
    if not any(one["bytes"] for one in languages.values()):
        if mix is None or facts["records"] == facts["bad_records"]:
            raise EmptyCorpus(files)
        progress.note("tokens: no document of the corpus is taken")
    for language in {} if mix is None else mix.weights:
        if language not in languages:
            raise UnknownLanguage("weights", language, list(languages))
    note_similar(languages, progress)


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


def _still_equal(touched: Sequence[_Input], ledger: Ledger, todo: list[_Input], context: Context) -> dict[str, Entry]:
    """Entries of the files that hold what they held; the others join `todo`."""
    equal: dict[str, Entry] = {}
    if touched:
        total = sum(one.file.size or 0 for one in touched)
        with context.progress.stage("compare touched files", total, "B") as advance:
            for index, content in context.engine.run(name_content, [one.file for one in touched]):
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
    """Write the job that all tasks share, under a name of this run; tasks of an earlier run no longer find theirs."""
    path = work / f"job-{os.getpid()}-{time.time_ns()}"
    with replacing(path) as part:
        part.write_bytes(packed(job))
    return path


def _encode_all(
    todo: Sequence[_Input], job: Path, context: Context, duplicates: Duplicates | None
) -> tuple[dict[str, Entry], dict[str, tuple[Path, ...]]]:
    """Encode files; return entries by name, and paths of the bad records of those that have any."""
    if not todo:
        return {}, {}
    wholes = [planned(one.file, one.stem, one.made_by, job) for one in todo]
    splits, contents = split_all(wholes, context.engine, context.progress)
    tasks = [(i, split) for i, own in enumerate(splits) for split in own]
    if duplicates is not None:
        in_order = sorted((split for _, split in tasks), key=lambda split: (split.path, split.number))
        duplicates.find([HashTask(split.file, split.stem, split.span) for split in in_order], context)
    tasks.sort(key=lambda task: -task[1].stored_bytes)  # the longest first, so that none is waited for at the end
    progressing = [_Progressing(len(own)) for own in splits]
    total = None if any(one.file.size is None for one in todo) else sum(one.file.size or 0 for one in todo)
    made: dict[str, Entry] = {}
    bad_parts: dict[str, tuple[Path, ...]] = {}
    with context.progress.stage("retokenize", total, "B") as advance:
        while tasks:
            uncut: list[tuple[int, Split]] = []
            for index, done in context.engine.run(encode_split, [split for _, split in tasks], on_lost=unencoded):
                i, split = tasks[index]
                advance(split.stored_bytes)
                state = progressing[i]
                state.done[split.number] = done
                if len(state.done) < state.left:
                    continue
                parts = [state.done[number] for number in sorted(state.done)]
                state.done.clear()
                if any(part.is_uncut for part in parts):
                    uncut.append((i, split.whole))
                    continue
                if lost := next((part.lost for part in parts if part.lost), None):
                    left = BadRecords(context.on_bad_record)
                    left.add(todo[i].file.path, 0, f"{lost}; nothing of it was encoded")
                    parts, contents[i] = [_left_out(left, job.parent / f"lost-{i}.parquet")], None
                made[todo[i].stem] = _entry(todo[i], parts, contents[i])
                if made[todo[i].stem].bad_records:
                    bad_parts[todo[i].stem] = tuple(path for part in parts for path in part.bad_parts)
            for i, _ in uncut:
                for split in splits[i]:  # parts of the file in another cut
                    shutil.rmtree(split.folder, ignore_errors=True)
                progressing[i] = _Progressing(1)
            tasks = uncut
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
        read=sum(part.read for part in parts),
        languages=msgspec.Raw(msgspec.json.encode(languages_of(counts))),
    )


def _left_out(bad: BadRecords, path: Path) -> SplitDone:
    """Return the result for a file at which workers die: no text. Its content is unnamed: a touched file is retried."""
    with replacing(path, durable=False) as part:
        write_bad_records(bad.table(), part)
    return SplitDone({}, {}, (path,), len(bad), 0, content="")


def _is_without_text(entry: Entry) -> bool:
    """Return True for a file without bad records all of whose documents were taken and are empty, if it has any."""
    counts = entry.counts().values()
    taken, size = sum(documents for documents, _, _ in counts), sum(one for _, one, _ in counts)
    return not entry.bad_records and taken == entry.read and not size


def _facts(entries: Sequence[Entry]) -> dict[str, Any]:
    sums: Counts = {}
    for entry in entries:
        for language, figures in entry.counts().items():
            sums[language] = add(sums.get(language, (0, 0, 0)), figures)
    bad = sum(entry.bad_records for entry in entries)
    records = bad + sum(entry.read for entry in entries)
    return {
        "languages": languages_of(sums),
        "bad_records": bad,
        "records": records,
        "files_without_text": [one.path for one in entries if _is_without_text(one)],
        "without_text": sorted(language for language, (_, size, _) in sums.items() if not size),
    }
