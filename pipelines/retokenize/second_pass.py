"""Shuffled and packed runs: an ordinary run first, into a folder of the output, then the documents' final order."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec

from operators.tokenizer import Tokenizer
from pipelines.context import Context
from pipelines.corpus.bad_records import BAD_RECORDS, LeftOut, read_bad_records
from pipelines.corpus.sources import InputFile
from pipelines.outputs import Output, describe_inputs
from pipelines.results import Retokenized, summarized
from pipelines.retokenize.arranging import Arranged, Arrangement, arrange_shard, arrange_tasks, planned_files
from pipelines.retokenize.options import Encoding, encoder_of, id_type_of, token_id
from pipelines.retokenize.settings import Retokenize
from pipelines.settings import BadSettings
from pipelines.stage import Made, Stage, Written, make
from pipelines.token_shards.formats import Target, writer_of
from pipelines.tokenizers import tokenizer_fingerprint

DOCUMENTS: Final = ".documents"
"""Folder, in the output, of the first pass; removed at the end."""
LONGEST_ROW: Final = 1 << 24

Encode = Callable[[Output, Encoding], Made]
"""Encodes the corpus into an output, as `pipelines.retokenize.incremental.encode_corpus` does."""


def arrangement_of(
    settings: Retokenize, tokenizer: Tokenizer, encoding: Encoding, *, beyond: bool
) -> Arrangement | None:
    """Return the order and packing that the settings name; None where documents stay where they are.

    beyond: accept ids above the tokenizer's. Raises BadSettings, BadToken.
    """
    if settings.pack is None:
        for name in ("packing", "long_documents", "pad"):
            if getattr(settings, name) is not None:
                raise BadSettings(name, "is of packed rows; give pack, their length, too")
        if settings.pack_one_more:
            raise BadSettings("pack_one_more", "is of packed rows; give pack, their length, too")
        return None if settings.shuffle is None else Arrangement(settings.format, shuffled=True)
    if not 2 <= settings.pack <= LONGEST_ROW:
        raise BadSettings("pack", f"{settings.pack:,} is not from 2 to {LONGEST_ROW:,}; give the tokens of a row")
    if settings.long_documents is not None and settings.packing in (None, "cut"):
        raise BadSettings("long_documents", "is of the packings best-fit and none; cut splits every document")
    pad = 0 if encoding.end is None else encoding.end
    if settings.pad is not None:
        pad = token_id(tokenizer, "pad", settings.pad, beyond=beyond)
    return Arrangement(
        settings.format,
        settings.shuffle is not None,
        settings.pack + settings.pack_one_more,
        settings.packing or "cut",
        settings.long_documents or "split",
        pad,
    )


def retokenize_arranged(
    settings: Retokenize,
    files: list[InputFile],
    tokenizer: Tokenizer,
    output: Output,
    encoding: Encoding,
    arrangement: Arrangement,
    context: Context,
    encode: Encode,
) -> Retokenized:
    """Encode a corpus, and write its documents shuffled, packed, or both. Any change of it is a new run.

    encode: writes the first pass.
    """
    fingerprint = tokenizer_fingerprint(tokenizer)
    decided = ("begin", "end", "inference", "mix")
    settled = {name: value for name, value in msgspec.to_builtins(encoding).items() if name in decided}
    resolved = settled | {"tokenizer": fingerprint, "method": encoder_of(tokenizer, encoding).method}
    hashed = settings.hashed(**resolved, pad=arrangement.pad, on_bad_record=context.on_bad_record)
    stage = Stage("arranged", hashed, describe_inputs(files), [])
    folder = output.directory / DOCUMENTS
    with output:
        if output.if_current(stage.fingerprint) is None:
            first = msgspec.structs.replace(
                encoding, format="shuffled" if arrangement.shuffled else "arrow", shuffle=settings.shuffle
            )
            with Output(folder, "tokens") as documents:
                encoded = encode(documents, first)
            parts = [name for entry in encoded.manifest.inputs for name in entry["files"]]
            target = Target(output.directory, "", id_type_of(tokenizer, encoding), settings.column, fingerprint)
            if encoding.mix is not None:
                arrangement = replace(arrangement, epochs=encoding.mix.epochs)
            made = _second_pass(stage, output, target, arrangement, parts, encoded, context)
        else:
            made = make(stage, output, context, _nothing)
        shutil.rmtree(folder, ignore_errors=True)
    facts = made.manifest.facts
    what = f"{facts['tokens']:,} tokens of {facts['documents']:,} documents"
    if "duplicates" in facts:
        what += f", {facts['duplicates']:,} duplicates left out"
    if arrangement.length is not None:
        what += f" in {facts['rows']:,} rows of {arrangement.length:,} ({facts['waste']:.2%} padding and truncation)"
    return Retokenized(output.directory, made.manifest, made.kept, summarized(made.kept, what, facts, settings.out))


def _second_pass(
    stage: Stage,
    output: Output,
    target: Target,
    arrangement: Arrangement,
    parts: list[str],
    encoded: Made,
    context: Context,
) -> Made:
    folder = output.directory / DOCUMENTS
    tasks = [
        replace(task, memory_bytes=context.memory_bytes) for task in arrange_tasks(target, arrangement, folder, parts)
    ]
    writer = writer_of(arrangement.format)

    def work(scratch: Path) -> Written:
        del scratch
        found: dict[int, Arranged] = {}
        with context.progress.stage("arrange", len(tasks), "shards") as advance:
            for index, one in context.engine.run(arrange_shard, tasks):
                found[index] = one
                advance(1)
        ordered = [found[i] for i in sorted(found)]
        names = [name for one in ordered for name in one.files]
        writer.write_indices(target, [name for name in names if name.endswith(writer.ENDINGS[0])])
        facts, left = _facts(ordered, arrangement, encoded), None
        if (folder / BAD_RECORDS).exists():
            left = LeftOut(read_bad_records(folder / BAD_RECORDS), facts["records"])
        return Written([*names, *writer.INDICES], facts, left)

    files = [name for task in tasks for name in planned_files(task)]
    return make(replace(stage, files=[*files, *writer.INDICES]), output, context, work)


def _facts(found: list[Arranged], arrangement: Arrangement, encoded: Made) -> dict[str, Any]:
    """Return the figures of the manifest; those of packing where rows were packed."""
    facts = dict(encoded.manifest.facts) | {
        "documents": sum(one.documents for one in found),
        "tokens": sum(one.tokens for one in found),
    }
    if arrangement.length is None:
        return facts
    rows, padding, truncated = (sum(getattr(one, name) for one in found) for name in ("rows", "padding", "truncated"))
    waste = (padding + truncated) / max(1, rows * arrangement.length + truncated)
    return facts | {
        "rows": rows,
        "row_tokens": arrangement.length,
        "padding": padding,
        "truncated": truncated,
        "waste": waste,
    }


def _nothing(scratch: Path) -> Written:
    raise AssertionError(f"{scratch}: the output was current a moment ago")
