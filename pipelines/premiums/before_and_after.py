"""Premiums of a tokenizer before and after a change, for the commands that change one."""

from pathlib import Path
from typing import Any, Final

import polars as pl

from pipelines.context import Context
from pipelines.premiums.settings import Premiums
from pipelines.premiums.step import premiums
from pipelines.settings import ComparedSettings

FOLDER: Final = "premiums"
"""Name of the folder of premiums, in the directory of the changed tokenizer."""


def compare_before_and_after(settings: ComparedSettings[Any], before: str, after: Path, context: Context) -> str | None:
    """Write premiums/ in the directory of the changed tokenizer; return what changed, as one line.

    before: the tokenizer that was changed. None: the settings name no parallel text. Raises what `premiums` raises.
    """
    if not settings.parallel:
        return None
    fields = {name: getattr(settings, name) for name in ("text_field", "id_field", "language_field")}
    compared = premiums(
        Premiums(
            parallel=settings.parallel, tokenizer=[before, str(after)], out=str(after / FOLDER),
            baseline=settings.baseline, **fields,
        ),
        context,
    )  # fmt: skip
    table = compared.premiums.select("tokenizer", "language", "tokens", "premium").collect()
    first, second = (own for _, own in table.group_by("tokenizer", maintain_order=True))
    tokens = 100 * (int(second["tokens"].sum()) / int(first["tokens"].sum()) - 1)
    (was, _), (now, worst) = (_worst(own) for own in (first, second))
    return (
        f"parallel text: {tokens:+.2f} % tokens; the highest premium was {was:.2f} and is {now:.2f} ({worst}): "
        f"{after / FOLDER}"
    )


def _worst(table: pl.DataFrame) -> tuple[float, str]:
    row = table.sort("premium", descending=True, nulls_last=True).row(0, named=True)
    return float(row["premium"] or float("nan")), str(row["language"])
