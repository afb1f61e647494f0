"""The step `peek`: some documents of token shards, decoded."""

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from operators.redaction import shown
from pipelines.context import Context
from pipelines.outputs import Manifest, read_manifest
from pipelines.peek.settings import Peek
from pipelines.results import Peeked, PeekedDocument
from pipelines.settings import BadSettings
from pipelines.token_shards.format_names import Format
from pipelines.token_shards.formats import BadShard, read_shard, writer_of
from pipelines.token_shards.formats.llmc import MAGICS
from pipelines.token_shards.shards import STAGES, shards_of

if TYPE_CHECKING:
    from pipelines.in_memory.tokenizer import Tokenizer

_BY_ENDING: dict[str, Format] = {
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".npy": "npy",
    ".ds": "ds",
    ".mds": "mds",
    ".array_record": "arrayrecord",
}


def peek(settings: Peek, context: Context) -> Peeked:
    """Show documents of shards. Raises NoShards, BadShard, BadSettings, and what loading the tokenizer raises."""
    del context
    if not settings.shards:
        raise BadSettings("shards", "name a shard, or a directory that retokenize wrote")
    tokenizer, fingerprint = None, None
    if settings.tokenizer is not None:
        from pipelines.in_memory.tokenizer import Tokenizer
        from pipelines.tokenizers import tokenizer_fingerprint

        tokenizer = Tokenizer.load(settings.tokenizer)
        fingerprint = tokenizer_fingerprint(tokenizer.data)
    documents: list[PeekedDocument] = []
    lines: list[str] = []
    for path in (_shard(Path(one).expanduser()) for one in settings.shards):
        manifest = read_manifest(path.parent)
        ours = manifest if manifest is not None and manifest.stage in STAGES else None
        if ours is not None and fingerprint is not None and ours.settings.get("tokenizer") != fingerprint:
            raise BadSettings("tokenizer", f"{settings.tokenizer} is not the one that made {path}; name that one")
        own, counts = _documents(path, ours, settings, tokenizer)
        documents += own
        lines += [f"{shown(str(path))}: {counts}", *(_line(one, settings.tokens) for one in own)]
    nothing = Manifest(stage="peek", fingerprint="", settings={}, inputs=[], files={}, facts={})
    return Peeked(Path.cwd(), nothing, False, "\n".join(lines), tuple(documents))


def _shard(path: Path) -> Path:
    """Return the shard itself, or the first one of a directory."""
    if not path.is_dir():
        return path
    shards = shards_of(path)
    if not shards.names:
        raise BadShard(str(path), "has no shard with tokens")
    return path / shards.names[0]


def _documents(
    path: Path, manifest: Manifest | None, settings: Peek, tokenizer: "Tokenizer | None"
) -> tuple[list[PeekedDocument], str]:
    format = _format(path, manifest)
    id_type = manifest.facts.get("id_type") if manifest is not None else None
    found: list[PeekedDocument] = []
    count = tokens = 0
    for group in read_shard(format, path, None if id_type is None else np.dtype(id_type)):
        count, tokens = count + len(group.offsets) - 1, tokens + len(group.ids)
        for i in islice(range(len(group.offsets) - 1), settings.documents - len(found)):
            ids = group.ids[group.offsets[i] : group.offsets[i + 1]]
            name, language = ("", "") if group.names is None else (str(group.names[k][i]) for k in (0, 1))
            text = None if tokenizer is None else decoded(tokenizer, ids[: settings.tokens])
            found.append(PeekedDocument(str(path), name, language, ids.tolist(), text))
    bounds = "" if format != "llmc" else " (the format has no bounds of documents)"
    return found, f"{format}, {count:,} documents, {tokens:,} tokens{bounds}"


def _format(path: Path, manifest: Manifest | None) -> Format:
    """Return the format that the manifest beside the shard names, or else its ending and its first bytes."""
    if manifest is not None and "format" in manifest.settings:
        format: Format = manifest.settings["format"]
        if not path.name.endswith(writer_of(format).ENDINGS[0]):
            reason = f"is not a shard's first file, which ends in {writer_of(format).ENDINGS[0]}"
            raise BadShard(str(path), reason)
        return format
    for ending, format in _BY_ENDING.items():
        if path.name.endswith(ending):
            return format
    if path.suffix == ".bin" and path.with_suffix(".idx").exists():
        return "megatron"
    if path.suffix == ".bin" and path.exists():
        with path.open("rb") as file:
            head = file.read(4)
        return "llmc" if int.from_bytes(head, "little") in MAGICS else "litdata"
    raise BadShard(str(path), "is no file, or of no format that retokenize writes")


def decoded(tokenizer: "Tokenizer", ids: NDArray[Any]) -> str:
    """Return the text of ids; an id that the tokenizer does not have is shown as its number."""
    known = ids < tokenizer.vocab_size
    if known.all():
        return tokenizer.decode(ids.astype(np.int32))
    runs = np.split(ids, np.flatnonzero(np.diff(known)) + 1)
    return "".join(
        tokenizer.decode(run.astype(np.int32)) if run[0] < tokenizer.vocab_size else "".join(f"<{i}>" for i in run)
        for run in runs
    )


def _line(document: PeekedDocument, tokens: int) -> str:
    """Describe a document in a line or two."""
    more = " ..." if len(document.ids) > tokens else ""
    named = " ".join(filter(None, [shown(document.name), shown(document.language)]))
    ids = " ".join(map(str, document.ids[:tokens]))
    lines = [f"  {named + ': ' if named else ''}{len(document.ids):,} tokens: {ids}{more}"]
    if document.text is not None:
        lines.append(f"    {document.text!r}{more}")
    return "\n".join(lines)
