"""Smaller vocabularies of one training run: each is a prefix of its merge list, in a tokenizer directory of its own."""

import time
from collections.abc import Sequence
from pathlib import Path

from pipelines.outputs import Manifest, Output, Run, fingerprint, read_manifest
from pipelines.progress import Progress
from pipelines.tokenizers import TOKENIZER_FILES, load_tokenizer, save_tokenizer


def size_directories(sizes: Sequence[int], directory: Path) -> list[Output]:
    """Where each size is written. Raises ForeignDirectory; ask before the work is done."""
    return [Output(directory / f"size-{size}", "tokenizer") for size in sizes]


def write_sizes(sizes: Sequence[int], directory: Path, trained: Manifest, progress: Progress) -> None:
    """`directory`/size-<size> for each: what training to that size gives. Those that are there already are kept.

    What this function cut from an earlier tokenizer in `directory` is removed: it is not of the one that is there now.
    """
    inputs = [{"tokenizer": trained.fingerprint}]
    for left in sorted(directory.glob("size-*")):
        manifest = read_manifest(left)
        if manifest is not None and manifest.inputs != inputs and any("tokenizer" in one for one in manifest.inputs):
            with Output(left, "tokenizer") as stale:
                stale.begin([])
            progress.note(f"tokenizer: {left} was of an earlier tokenizer and is removed")
    wanted = []
    for size, output in zip(sizes, size_directories(sizes, directory), strict=True):
        settings = {**trained.settings, "vocabulary_size": size}
        name = fingerprint("tokenizer size", settings, inputs)
        if output.current(name) is None:
            wanted.append((size, output, settings, name))
    if not wanted:
        return
    whole = load_tokenizer(str(directory))
    with progress.stage("write sizes", len(wanted), "tokenizers") as advance:
        for size, output, settings, name in wanted:
            began = time.monotonic()
            tokenizer = whole.truncated(size)
            facts = {"pretokenizer": tokenizer.pretokenizer, "vocabulary": len(tokenizer.tokens)}
            facts |= {"merges": len(tokenizer.merges), "mixture": trained.facts["mixture"]}
            with output:
                output.begin(list(TOKENIZER_FILES))
                saved = save_tokenizer(tokenizer, output.directory)
                if saved.without_ranks is not None:
                    facts["without_ranks"] = saved.without_ranks
                run = Run(engine="none", workers=1, seconds=round(time.monotonic() - began, 3))
                output.finish(name, settings, inputs, saved.files, facts, run)
            advance(1)
