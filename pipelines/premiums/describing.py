"""What is to know of the text itself, once for all tokenizers: its script, its characters and its words."""

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


@dataclass(frozen=True)
class DescribeTask:
    """Some languages to describe."""

    texts: tuple[Texts, ...]
    selected: Path
    languages: tuple[str, ...]
    group: int
    into: Path


def described_name(group: int) -> str:
    """Scratch: language, script, its distinct characters and how often each occurs, its distinct words."""
    return f"described-{group:03}.parquet"


def describe_languages(task: DescribeTask) -> int:
    """Write the task's scratch file (DESCRIBED); returns how many languages it describes."""
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
    with replacing(task.into / described_name(task.group), durable=False) as part:
        pl.DataFrame(rows, DESCRIBED).write_parquet(part)
    return len(rows)


def character_counts(text: str) -> dict[str, int]:
    """Each character of a text and how often it occurs, by code point."""
    counts = np.bincount(np.frombuffer(text.encode("utf-32-le"), np.uint32).astype(np.int64))
    return {chr(point): int(counts[point]) for point in np.flatnonzero(counts).tolist()}


@dataclass(frozen=True)
class Description:
    """One language's row."""

    script: str | None
    characters: dict[str, int]
    words: pa.BinaryArray


def descriptions(into: Path, group: int) -> dict[str, Description]:
    """What `describe_languages` wrote, by language."""
    table = pl.read_parquet(into / described_name(group), glob=False)
    return {
        row["language"]: Description(
            row["script"],
            dict(zip(row["characters"], row["counts"], strict=True)),
            pa.array(row["words"], pa.binary()),
        )
        for row in table.iter_rows(named=True)
    }
