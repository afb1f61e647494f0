"""The step `join`: the shards of finished outputs, joined into one file or into files of a size."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from pipelines.context import Context, out_directory
from pipelines.join.settings import Join
from pipelines.join.tokenizers import join_tokenizers
from pipelines.outputs import Output
from pipelines.results import JoinedTokenizer, Retokenized, summarized
from pipelines.settings import BadSettings, size_in_bytes
from pipelines.stage import Stage, Written, make
from pipelines.token_shards.formats import Documents, Target, writer_of
from pipelines.token_shards.shards import NoShards, Shards, documents_of_shards, gathered, require_alike, shards_of

GATHERED_TOKENS: Final = 4 << 20
"""Ids that are written at once at least: a row group, in Parquet."""


@dataclass(frozen=True)
class JoinTask:
    """One file to write."""

    target: Target
    format: str
    sources: tuple[tuple[Shards, tuple[str, ...]], ...]
    """Directories, and the names of their shards, in order."""

    @property
    def path(self) -> str:
        """Name of the file, for messages."""
        return self.target.name


def join(settings: Join, context: Context) -> Retokenized | JoinedTokenizer:
    """Join token shards, or two tokenizers. Raises what `join_outputs` or `join_tokenizers` raises."""
    return join_tokenizers(settings, context) if settings.of_tokenizers else join_outputs(settings, context)


def join_outputs(settings: Join, context: Context) -> Retokenized:
    """Join shards. Raises NoShards, UnlikeShards, BadShard, ShardFull, BadSettings, and what writing may raise."""
    if not settings.shards:
        raise BadSettings("shards", "name a directory that retokenize wrote")
    if (wrong := next((name for name in ("to", "corpus") if getattr(settings, name)), None)) is not None:
        raise BadSettings(wrong, "is of tokenizers, and these are directories of token shards; leave it out")
    found = [shards_of(Path(one).expanduser().resolve()) for one in settings.shards]
    if packed := next((one for one in found if one.manifest.settings.get("pack") is not None), None):
        raise NoShards(str(packed.directory), "holds packed rows; join documents, or name a larger corpus to pack")
    require_alike(found)
    first = found[0]
    if out_directory(settings.out) in [one.directory for one in found]:
        raise BadSettings("out", f"{settings.out} holds the shards; name another directory")
    output = Output(out_directory(settings.out), "joined")
    groups = list(_groups(found, None if settings.size is None else size_in_bytes("size", settings.size)))
    if not groups:
        raise NoShards(str(first.directory), "has no shard with tokens")
    writer = writer_of(first.format)
    target = Target(
        output.directory, "", first.id_type, first.manifest.settings["column"], first.manifest.settings["tokenizer"]
    )
    tasks = [JoinTask(_named(target, i), first.format, tuple(own)) for i, own in enumerate(groups)]
    files = [f"{task.target.name}{ending}" for task in tasks for ending in writer.ENDINGS]
    kept = {name: first.manifest.settings.get(name) for name in ("format", "column", "begin", "end", "tokenizer")}
    inputs = [{"made_by": one.manifest.fingerprint} for one in found]
    stage = Stage("joined", settings.hashed(**kept), inputs, [*files, *writer.INDICES])

    def work(scratch: Path) -> Written:
        del scratch
        size = sum(one.manifest.files[name] for one in found for name in one.names)
        made: list[str] = []
        with context.progress.stage("join", size, "B") as advance:
            for index, names in context.engine.run(join_shards, tasks):
                made += names
                advance(sum(one.manifest.files[name] for one, own in tasks[index].sources for name in own))
        made.sort()
        writer.write_indices(target, [name for name in made if name.endswith(writer.ENDINGS[0])])
        return Written([*made, *writer.INDICES], _facts(found))

    with output:
        made = make(stage, output, context, work)
    what = f"{sum(len(one.names) for one in found):,} shards in {len(groups):,} files"
    return Retokenized(
        output.directory, made.manifest, made.kept, summarized(made.kept, what, made.manifest.facts, settings.out)
    )


def join_shards(task: JoinTask) -> list[str]:
    """Worker task: write one file; return the names of the files that it consists of."""
    shard = writer_of(task.format)(task.target)
    nameless = pa.RecordBatch.from_pydict({"id": pa.array([], pa.string()), "language": pa.array([], pa.string())})
    try:
        for documents in gathered(_documents(task.sources), GATHERED_TOKENS):
            shard.write(documents.names or nameless, documents.ids, documents.offsets)
        shard.seal()
        return list(shard.finish())
    except BaseException as error:
        shard.abandon(error)
        raise


def _documents(sources: Sequence[tuple[Shards, tuple[str, ...]]]) -> Iterator[Documents]:
    for shards, names in sources:
        yield from documents_of_shards(shards, names)


def _named(target: Target, number: int) -> Target:
    name = f"joined-{number:05}"
    return Target(target.directory, name, target.id_type, target.column, target.tokenizer)


def _groups(found: Sequence[Shards], size: int | None) -> Iterator[list[tuple[Shards, tuple[str, ...]]]]:
    """Group shards, in order, into files of about a size in bytes; None: one file."""
    group: list[tuple[Shards, tuple[str, ...]]] = []
    held = 0
    for shards in found:
        own: list[str] = []
        for name in shards.names:
            stored = shards.manifest.files[name]
            if size is not None and held and held + stored > size:
                yield [*group, (shards, tuple(own))] if own else group
                group, own, held = [], [], 0
            own.append(name)
            held += stored
        if own:
            group.append((shards, tuple(own)))
    if group:
        yield group


def _facts(found: Sequence[Shards]) -> dict[str, Any]:
    """Return the sums of the outputs' figures."""
    languages: dict[str, dict[str, int]] = {}
    for shards in found:
        for language, figures in shards.manifest.facts["languages"].items():
            own = languages.setdefault(language, dict.fromkeys(figures, 0))
            for figure, value in figures.items():
                own[figure] = own.get(figure, 0) + value
    return {"languages": dict(sorted(languages.items())), "id_type": found[0].id_type.name}
