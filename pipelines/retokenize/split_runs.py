"""Splits of a corpus: a run for each, into a folder of its own, which is an output like any other."""

import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipelines.context import Context
from pipelines.outputs import MARKER, Output, fingerprint
from pipelines.results import Retokenized
from pipelines.retokenize.mixing import Mix
from pipelines.token_shards.shards import SPLITS


def run_splits(
    output: Output,
    kinds: tuple[str, ...],
    mixes: Mapping[str, Mix | None],
    run: Callable[[str, Mix | None], Retokenized],
    context: Context,
) -> Retokenized:
    """Make each split, and remove those of earlier runs. The manifest names the files of all.

    kinds: of outputs that a split may be. run: makes the split of a name, in the folder of that name.
    """
    began, directory = time.monotonic(), output.directory
    with output:
        output.begin([])
        for folder in _folders(directory, kinds):
            if folder.name not in mixes:
                shutil.rmtree(folder)
        made = {name: run(name, mix) for name, mix in mixes.items()}
        inputs = [{"split": name, "made_by": one.manifest.fingerprint} for name, one in made.items()]
        files = [f"{name}/{file}" for name, one in made.items() for file in one.manifest.files]
        facts = {"splits": {name: _sums(one) for name, one in made.items()}}
        stats = context.run_stats(began, engine=not all(one.kept for one in made.values()))
        manifest = output.finish(fingerprint(SPLITS, {}, inputs), {}, inputs, files, facts, stats)
    summary = "\n".join(one.summary for one in made.values())
    return Retokenized(directory, manifest, all(one.kept for one in made.values()), summary)


def _folders(directory: Path, kinds: tuple[str, ...]) -> list[Path]:
    """Return the folders that are outputs of these kinds."""
    markers = [path for path in directory.glob(f"*/{MARKER}") if path.is_file()]
    return [path.parent for path in markers if path.read_bytes() in [kind.encode() for kind in kinds]]


def _sums(made: Retokenized) -> dict[str, Any]:
    languages = made.facts["languages"].values()
    return {figure: sum(one[figure] for one in languages) for figure in ("documents", "bytes", "tokens")}
