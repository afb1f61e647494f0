"""Premiums of several runs as one table."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import polars as pl

from operators.errors import DataError
from pipelines.outputs import Manifest
from pipelines.premiums.changes import CHANGES
from pipelines.premiums.step import REFERENCES
from pipelines.premiums.tables import PREMIUMS

EXAMPLES: Final = "examples.parquet"
TOKENIZERS: Final = "tokenizers.parquet"


class DifferentBaselines(DataError):
    """Outputs of `premiums` that compare with different languages."""

    path: str
    baseline: str
    other_path: str
    other_baseline: str
    message = (
        "{path} compares with {baseline}, {other_path} with {other_baseline}; a report has one baseline: make a report "
        "of each"
    )


class Reference(NamedTuple):
    """Compared tokenizer: where it was read from, and the hash of what it does."""

    name: str
    path: str | None
    """Reference as `--tokenizer` takes it; None where the run did not note it."""
    fingerprint: str | None
    """Fingerprint of the output that is meant; None: the one that is there."""


class PremiumRuns(NamedTuple):
    """Tables of all runs, one below the other; None where no run has any."""

    premiums: pl.DataFrame | None
    examples: pl.DataFrame | None
    changes: pl.DataFrame | None
    tokenizers: pl.DataFrame | None
    baseline: str | None
    references: tuple[Reference, ...]


def read_premium_runs(runs: Sequence[tuple[Path, Manifest]]) -> PremiumRuns:
    """Read outputs of `premiums`. Tokenizers that have one name in two runs get their run's directory beside it.

    Raises DifferentBaselines.
    """
    baselines = [(str(path), str(manifest.settings["baseline"])) for path, manifest in runs]
    for where, other in baselines[1:]:
        if other != baselines[0][1]:
            raise DifferentBaselines(*baselines[0], where, other)
    found_tables: dict[str, list[pl.DataFrame]] = {name: [] for name in (PREMIUMS, EXAMPLES, CHANGES, TOKENIZERS)}
    names = _names([path for path, _ in runs])
    own = [set(_tokenizers(path)) for path, _ in runs]
    repeated = {tokenizer for tokenizer, count in Counter(one for names in own for one in names).items() if count > 1}
    for (path, manifest), name in zip(runs, names, strict=True):
        for file, found in found_tables.items():
            if file == PREMIUMS or file in manifest.files:
                found.append(_renamed(pl.read_parquet(path / file, glob=False), repeated, name))
    joined = {file: pl.concat(found, how="diagonal_relaxed") if found else None for file, found in found_tables.items()}
    baseline = baselines[0][1] if baselines else None
    tables = (joined[PREMIUMS], joined[EXAMPLES], joined[CHANGES], joined[TOKENIZERS])
    references = [
        one._replace(name=f"{one.name} ({name})") if one.name in repeated else one
        for (_, manifest), name in zip(runs, names, strict=True)
        for one in _references(manifest)
    ]
    return PremiumRuns(*tables, baseline, tuple(references))


def _references(manifest: Manifest) -> list[Reference]:
    paths = dict(manifest.facts.get(REFERENCES, ()))
    return [Reference(name, paths.get(name), digest) for name, digest in manifest.settings.get("tokenizers", ())]


def _tokenizers(directory: Path) -> list[str]:
    table = pl.read_parquet(directory / PREMIUMS, columns=["tokenizer"], glob=False)
    return table["tokenizer"].unique(maintain_order=True).to_list()


def _renamed(table: pl.DataFrame, repeated: set[str], run: str) -> pl.DataFrame:
    """Write the run's name behind the tokenizers that are in several runs."""
    label = pl.concat_str(pl.col("tokenizer"), pl.lit(f" ({run})"))
    return table.with_columns(
        pl.when(pl.col("tokenizer").is_in(list(repeated))).then(label).otherwise("tokenizer").alias("tokenizer")
    )


def _names(paths: Sequence[Path]) -> list[str]:
    """Return the shortest ends of the paths that differ: `a/old/premiums`, `a/new/premiums` are old, new."""
    parts = [path.resolve().parts for path in paths]
    while len({one[-1:] for one in parts}) == 1 < len(parts) and all(len(one) > 1 for one in parts):
        parts = [one[:-1] for one in parts]  # an end that all have in common
    for depth in range(1, max(map(len, parts), default=1) + 1):
        names = ["/".join(one[-depth:]) for one in parts]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]
