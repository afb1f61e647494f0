"""Description of each language's text, once for all tokenizers: script, characters, whitespace words."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa

from operators.metrics.words import word_table
from operators.unicode.scripts import main_script
from pipelines.outputs import replacing
from pipelines.parallel_text.texts import Texts, selected_places, selected_text

DESCRIBED: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "language": pl.String,
    "script": pl.String,
    "characters": pl.List(pl.String),
    "counts": pl.List(pl.Int64),
    "words": pl.List(pl.Binary),
}
"""Columns of the scratch file: `counts` are the occurrences of `characters`, `words` are distinct."""


@dataclass(frozen=True)
class DescribeTask:
    """A group of languages to describe."""

    texts: tuple[Texts, ...]
    selected: Path
    languages: tuple[str, ...]
    group: int
    into: Path


def described_name(group: int) -> str:
    """Return the name of a scratch file: one row for each language of a group (DESCRIBED)."""
    return f"described-{group:03}.parquet"


def describe_languages(task: DescribeTask) -> int:
    """Worker task: write the scratch file (DESCRIBED); return the number of languages in it."""
    places, rows = selected_places(task.selected), list[dict[str, Any]]()
    for language in task.languages:
        texts = selected_text(task.texts, places, language).to_pylist()
        characters = character_counts("".join(texts))
        rows.append(
            {
                "language": language,
                "script": main_script(characters),
                "characters": list(characters),
                "counts": list(characters.values()),
                "words": [word.encode() for word in word_table(" ".join(texts))],
            }
        )
    with replacing(task.into / described_name(task.group), durable=False) as temporary:
        pl.DataFrame(rows, DESCRIBED).write_parquet(temporary)
    return len(rows)


def character_counts(text: str) -> dict[str, int]:
    """Count the occurrences of each character of a text; the keys are sorted by code point."""
    counts = np.bincount(np.frombuffer(text.encode("utf-32-le"), np.uint32).astype(np.int64))
    return {chr(point): int(counts[point]) for point in np.flatnonzero(counts).tolist()}


@dataclass(frozen=True)
class Description:
    """Description of one language."""

    script: str | None
    """Script of most letters; None: there are none."""
    characters: dict[str, int]
    """Occurrences of each character."""
    words: pa.BinaryArray
    """Distinct whitespace words, as UTF-8."""


def descriptions(into: Path, group: int) -> dict[str, Description]:
    """Read the descriptions that `describe_languages` wrote, by language."""
    table = pl.read_parquet(into / described_name(group), glob=False)
    return {
        row["language"]: Description(
            row["script"],
            dict(zip(row["characters"], row["counts"], strict=True)),
            pa.array(row["words"], pa.binary()),
        )
        for row in table.iter_rows(named=True)
    }
