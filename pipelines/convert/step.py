"""The step `convert`: a tokenizer in another file format, checked by reading it back."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from operators.renumbering import special_and_bytes_first, with_new_ids
from operators.tokenizer import Tokenizer
from operators.tokenizer_files.decoding import TokenizerFile
from operators.tokenizer_files.errors import InexpressibleTokenizer
from pipelines.context import Context, out_directory
from pipelines.convert.check import check
from pipelines.convert.formats import FORMATS, Files, TargetFormat
from pipelines.convert.settings import Convert
from pipelines.outputs import Output, replacing, write_table
from pipelines.results import Converted, summarized
from pipelines.settings import BadSettings
from pipelines.stage import Stage, Written, make
from pipelines.tokenizers import read_tokenizer, tokenizer_fingerprint

IDS: Final = "ids.parquet"


def convert(settings: Convert, context: Context) -> Converted:
    """Write a tokenizer in another format.

    Raises BadSettings, InexpressibleTokenizer, UnequalConversion, and what reading the tokenizer raises.
    """
    tokenizer, file = read_tokenizer(settings.tokenizer)
    out, target = out_directory(settings.out), FORMATS[settings.to]
    source = Path(settings.tokenizer).expanduser()
    if source.exists() and out in (source.resolve(), source.resolve().parent):
        raise BadSettings("out", f"{settings.out} holds the tokenizer; name another directory")
    hashed = settings.hashed(tokenizer=tokenizer_fingerprint(tokenizer))

    def work(_: Path) -> Written:
        new_ids = special_and_bytes_first(tokenizer) if settings.new_ids else None
        given = tokenizer if new_ids is None else _renumbered(tokenizer, new_ids, target)
        copied = new_ids is None and file.format == target.file_format
        files = {target.name: file.content if copied else target.write(given)}
        files |= target.beside(given)
        checked = {} if copied else _check(given, files, target)
        for name, content in files.items():
            with replacing(out / name) as temporary:
                temporary.write_bytes(content)
        names = sorted(files)
        if new_ids is not None:
            write_table(_ids_table(tokenizer, new_ids), out / IDS)
            names.append(IDS)
        facts: dict[str, Any] = {"vocabulary": sum(map(bool, given.tokens)), "copied": copied, "checked": checked}
        return Written(names, facts)

    every = sorted({name for one in FORMATS.values() for name in (one.name, *one.beside(tokenizer))})
    with (output := Output(out, "converted")):
        made = make(Stage("converted", hashed, [], [*every, IDS], uses_engine=False), output, context, work)
    facts = made.manifest.facts
    checked = facts["checked"]
    how = f"equal on {checked['texts']:,} texts" if checked else "the file as it is"
    what = f"{target.name} of {facts['vocabulary']:,} tokens ({how})"
    return Converted(out, made.manifest, made.kept, summarized(made.kept, what, {}, settings.out))


def _check(given: Tokenizer, files: Files, target: TargetFormat) -> dict[str, Any]:
    file = TokenizerFile(target.file_format, files[target.name])
    return check(given, target.read(files), file, target.name)


def _renumbered(tokenizer: Tokenizer, new_ids: Any, target: TargetFormat) -> Tokenizer:
    of_bytes = tokenizer.vocabulary.characters is None and tokenizer.without_merges is None
    if tokenizer.library is not None or not of_bytes:
        raise InexpressibleTokenizer(target.name, "only byte-level BPE takes new ids; leave --new-ids out")
    return with_new_ids(tokenizer, new_ids)


def _ids_table(tokenizer: Tokenizer, new_ids: Any) -> pl.DataFrame:
    """Return ids.parquet: old_id, new_id (null for an id without a token), token (its bytes)."""
    table = pl.DataFrame({"old_id": np.arange(len(new_ids)), "new_id": new_ids, "token": tokenizer.tokens})
    return table.with_columns(pl.when(pl.col("new_id") >= 0).then(pl.col("new_id")).alias("new_id"))
