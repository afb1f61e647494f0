"""Smaller vocabularies of a training run: prefixes of its merge list, each in a tokenizer directory of its own."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pyarrow.parquet as pq

from operators.arrays import I32
from operators.tokenizer import Tokenizer
from operators.tokenizer_files.transformers_files import Roles
from pipelines.context import Context
from pipelines.outputs import Manifest, Output, read_manifest
from pipelines.stage import Stage, Written, make
from pipelines.tokenizers import MERGES, TOKENIZER_FILES, load_tokenizer, save_tokenizer


def size_directories(sizes: Sequence[int], directory: Path) -> list[Output]:
    """Return the output directory of each size. Raises ForeignDirectory; call it before the work."""
    return [Output(directory / f"size-{size}", "tokenizer") for size in sizes]


def write_sizes(sizes: Sequence[int], directory: Path, trained: Manifest, context: Context) -> None:
    """Write `directory`/size-<size> for each size: the tokenizer that training to that size gives. Kept if up to date.

    Directories that this function wrote for an earlier tokenizer in `directory` are removed.
    """
    inputs = [{"tokenizer": trained.fingerprint}]
    for old in sorted(directory.glob("size-*")):
        manifest = read_manifest(old)
        if manifest is not None and manifest.inputs != inputs and any("tokenizer" in one for one in manifest.inputs):
            with Output(old, "tokenizer") as stale:
                stale.discard()
            context.progress.note(f"tokenizer: {old} belongs to an earlier tokenizer and is removed")

    @cache
    def whole() -> Tokenizer:
        return load_tokenizer(str(directory))

    for size, output in zip(sizes, size_directories(sizes, directory), strict=True):

        def work(_: Path, size: int = size, output: Output = output) -> Written:
            tokenizer = whole().truncated(size)
            superwords = trained.facts.get("superwords")
            if superwords is not None and size <= superwords["transition"]:
                tokenizer = replace(tokenizer, pretokenizer=superwords["first_pretokenizer"])
            sources = _sources(directory, len(tokenizer.merges))
            saved = save_tokenizer(tokenizer, output.directory, Roles.of(trained.settings), sources=sources)
            facts = {"pretokenizer": tokenizer.pretokenizer, "vocabulary": len(tokenizer.tokens)}
            facts |= {"merges": len(tokenizer.merges), "mixture": trained.facts["mixture"]}
            return Written(saved.files, facts | ({"without_ranks": saved.without_ranks} if saved.without_ranks else {}))

        settings = {**trained.settings, "vocab_size": size}
        stage = Stage("tokenizer size", settings, inputs, TOKENIZER_FILES, uses_engine=False)
        with output:
            make(stage, output, context, work)


def _sources(directory: Path, merges: int) -> I32 | None:
    """Return the numbers of sources of the first merges of a tokenizer; None where they are not known."""
    with pq.ParquetFile(directory / MERGES) as file:
        if "sources" not in file.schema_arrow.names:
            return None
        found: I32 = file.read(["sources"]).column("sources").to_numpy()[:merges]
        return found
