"""What became of each language's premium since another run: paired over the documents that both have."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from operators.bootstrap import product_intervals
from operators.errors import DataError
from pipelines.outputs import Manifest, read_manifest
from pipelines.premiums.tables import DOCUMENTS

CHANGES: Final = "changes.parquet"
ROUNDING: Final = 1e-9
"""A change no larger is none: the baseline's own is 1 but for rounding."""


class NotComparable(DataError):
    """Another run that says nothing about this one."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"--against {self.path}: {self.reason}"


def earlier_run(directory: Path, baseline: str) -> Manifest:
    """The manifest of the run to compare with. Raises NotComparable."""
    manifest = read_manifest(directory)
    if manifest is None or manifest.stage != "premiums":
        raise NotComparable(str(directory), "holds no finished premiums; name the output of an earlier run")
    if manifest.settings["baseline"] != baseline:
        other = manifest.settings["baseline"]
        raise NotComparable(str(directory), f"its baseline is {other}, not {baseline}; compare with the same one")
    return manifest


def changes(
    old: Path, new: Path, old_names: list[str], new_names: list[str], baseline: str, resamples: int
) -> pl.DataFrame:
    """changes.parquet: tokenizer, language, documents, old, new, change, low, high, verdict.

    `change` is the new premium over the old, both of sums over the documents that a language and the baseline have in
    both runs; `verdict` is better, worse, or same where the 95 % interval holds 1 (or there is none). Tokenizers are
    those of one name; a run of one tokenizer is compared with a run of one, whatever their names.
    """
    pairs = [(old_names.index(name), place) for place, name in enumerate(new_names) if name in old_names]
    if len(old_names) == len(new_names) == 1:
        pairs = [(0, 0)]
    before, after = (pl.read_parquet(one / DOCUMENTS, glob=False) for one in (old, new))
    rows: list[dict[str, Any]] = []
    for i, j in pairs:
        both = before.select("language", "id", old=f"tokens_{i}").join(
            after.select("language", "id", new=f"tokens_{j}"), on=["language", "id"]
        )
        base = both.filter(pl.col("language") == baseline).select("id", old_base="old", new_base="new")
        paired = both.join(base, on="id").sort("language", "id")
        for (language,), own in paired.group_by(["language"], maintain_order=True):
            rows.append({"tokenizer": new_names[j], "language": language, **_changed(own, resamples)})
    kinds = dict.fromkeys(("old", "new", "change", "low", "high"), pl.Float64)
    schema = {"tokenizer": pl.String, "language": pl.String, "documents": pl.Int64, **kinds, "verdict": pl.String}
    return pl.DataFrame(rows, schema=schema)


def _changed(own: pl.DataFrame, resamples: int) -> dict[str, Any]:
    columns = [own[name].to_numpy().astype(np.float64)[:, None] for name in ("new", "new_base", "old", "old_base")]
    sums = [float(column.sum()) for column in columns]
    if not all(sums):
        nothing = dict.fromkeys(("old", "new", "change", "low", "high"))
        return {"documents": len(own), **nothing, "verdict": "same"}
    found = product_intervals(columns, (1, -1, -1, 1), resamples)
    low, high = (float(one[0]) if np.isfinite(one[0]) else None for one in (found.low, found.high))
    verdict = "same"
    if low is not None and high is not None:
        verdict = "better" if high < 1 - ROUNDING else "worse" if low > 1 + ROUNDING else "same"
    return {
        "documents": len(own), "old": sums[2] / sums[3], "new": sums[0] / sums[1], "change": float(found.value[0]),
        "low": low, "high": high, "verdict": verdict,
    }  # fmt: skip
