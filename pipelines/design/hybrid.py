"""Hybrids of a design: the first merges by the weights found, the last ones by parity on the searched half."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec

from pipelines.context import Context
from pipelines.design.parallel_halves import Halves
from pipelines.design.search import Search, run_trials
from pipelines.design.tables import HYBRID
from pipelines.design.trials import Trial
from pipelines.outputs import replacing
from pipelines.settings import BadSettings

SEARCHED: Final = "searched.jsonl"
"""File of the searched half, which `train --parity` takes."""
FIRST: Final = (0.95, 0.85, 0.7)
"""Shares of the merges that the weights choose."""


def require_parallel(languages: Sequence[str], halves: Halves) -> None:
    """Raise BadSettings where the corpus has a language without parallel text: parity has to know what it costs."""
    for language in languages:
        if language not in halves.languages:
            reason = f"parity needs parallel text in all languages of the corpus, and {language!r} has none"
            raise BadSettings("then", f"{reason}; leave `then` out, or that language")


def hybrid_trials(search: Search, chosen: Trial, context: Context) -> list[Trial]:
    """Return a trial for each share of FIRST, with the weights of a trial."""
    tasks = [
        replace(search.task(HYBRID, chosen.weights), parity_after=round(share * len(chosen.merges))) for share in FIRST
    ]
    return run_trials(tasks, context, "then parity")


def write_searched(halves: Halves, path: Path) -> None:
    """Write the documents of the searched half as JSON lines."""
    encode = msgspec.json.Encoder().encode
    with replacing(path) as temporary, temporary.open("wb") as file:
        for language in halves.languages:
            for place, text in enumerate(halves.text(language, halves.searched).to_pylist()):
                file.write(encode({"id": str(place), "language": language, "text": text}) + b"\n")
