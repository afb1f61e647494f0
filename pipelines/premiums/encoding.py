"""Counting with one tokenizer: tokens of every document, and of all documents of a language joined into one text."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from operators.arrays import I64
from operators.encode import Encoder
from operators.tokenizer import Tokenizer
from pipelines.outputs import replacing
from pipelines.premiums.texts import Texts, language_column

JOINED_BYTES: Final = 1 << 30
"""Longer texts are not encoded as one."""


@dataclass(frozen=True)
class CountTask:
    """Some languages to count with one tokenizer."""

    texts: tuple[Texts, ...]
    selected: Path
    languages: tuple[str, ...]
    tokenizer: Tokenizer
    place: int
    """Which of the tokenizers it is."""
    group: int
    """Which group of languages these are."""
    joined: bool
    """Whether to encode the joined texts as well: documents are the same in all languages."""
    into: Path


def tokens_name(place: int, group: int) -> str:
    """Scratch: tokens of every compared document of a group's languages, in the order of `selected.parquet`."""
    return f"tokens-{place:03}-{group:03}.parquet"


def measures_name(place: int, group: int) -> str:
    """Scratch: a row a language."""
    return f"measures-{place:03}-{group:03}.parquet"


def count_tokens(task: CountTask) -> int:
    """Write the task's scratch files; returns the bytes of text that were encoded."""
    encoder, places = Encoder(task.tokenizer), selected_places(task.selected)
    counts, measures, done = [], [], 0
    for language in task.languages:
        text = language_column(task.texts, language, "text").take(places[language])
        _ids, offsets = encoder.encode(text)
        counts.append(np.diff(offsets))
        joined = joined_tokens(encoder, text) if task.joined else None
        measures.append({"language": language, "joined": joined})
        done += pc.sum(pc.binary_length(text)).as_py()
    with replacing(task.into / tokens_name(task.place, task.group), durable=False) as part:
        pl.DataFrame({"tokens": np.concatenate(counts)}).write_parquet(part)
    with replacing(task.into / measures_name(task.place, task.group), durable=False) as part:
        pl.DataFrame(measures, schema_overrides={"joined": pl.Int64}).write_parquet(part)
    return done


def selected_places(selected: Path) -> dict[str, pa.Int64Array]:
    """For each language the places of its compared documents in the corpus, in the baseline's order."""
    table = pl.read_parquet(selected, columns=["language", "place"], glob=False)
    parts = table.partition_by("language", maintain_order=True)
    return {part.item(0, "language"): pa.array(part["place"].to_numpy()) for part in parts}


def joined_tokens(encoder: Encoder, text: pa.LargeStringArray) -> int | None:
    """Tokens of all documents joined by one space each and encoded as one; None for a text of over JOINED_BYTES."""
    if text.nbytes > JOINED_BYTES:
        return None
    whole = pa.LargeListArray.from_arrays(pa.array([0, len(text)], pa.int64()), text)
    joined: I64 = encoder.count(pc.binary_join(whole, pa.scalar(" ", pa.large_string())))
    return int(joined[0])
