"""Token counts under one tokenizer: of each document, of all documents as one text, and of words and types."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from operators.arrays import I32, I64, U8
from operators.encoding.encode import Encoder
from operators.metrics.efficiency import renyi_efficiency
from operators.metrics.words import whole_words, without_space, word_counts
from operators.tokenizer import Tokenizer
from pipelines.outputs import replacing
from pipelines.parallel_text.texts import Texts, selected_places, selected_text
from pipelines.premiums.describing import Description, descriptions

Schema: TypeAlias = dict[str, pl.DataType | type[pl.DataType]]
JOINED_BYTES: Final = 1 << 30
"""Largest text that is encoded as one."""
MEASURES: Final[Schema] = {
    "language": pl.String,
    "joined": pl.Int64,
    "words": pl.Int64,
    "measured_words": pl.Int64,
    "split_words": pl.Int64,
    "types": pl.Int64,
    "whole_words": pl.Int64,
    "renyi_efficiency": pl.Float64,
    "renyi_efficiency_vocabulary": pl.Float64,
    "unknown_characters": pl.Int64,
    "example": pl.List(pl.Binary),
}
"""Columns of the scratch file of measures: one row for each language, under one tokenizer."""


@dataclass(frozen=True)
class CountTask:
    """A group of languages to count with one tokenizer."""

    texts: tuple[Texts, ...]
    selected: Path
    languages: tuple[str, ...]
    examples: dict[str, int]
    """Place of the example among the compared documents, by language."""
    tokenizer: Tokenizer
    place: int
    """Place of the tokenizer among the tokenizers of the run, from 0."""
    group: int
    """Number of the group of languages, from 0."""
    joined: bool
    """True if the joined texts are encoded as well: all languages have the same documents."""
    into: Path


def tokens_name(place: int, group: int) -> str:
    """Return the name of a scratch file: tokens of each document of a group, in the order of `selected.parquet`."""
    return f"tokens-{place:03}-{group:03}.parquet"


def measures_name(place: int, group: int) -> str:
    """Return the name of a scratch file: one row for each language (MEASURES)."""
    return f"measures-{place:03}-{group:03}.parquet"


def uses_name(place: int, group: int) -> str:
    """Return the name of a scratch file: occurrences of each token in a group of languages."""
    return f"uses-{place:03}-{group:03}.parquet"


def count_tokens(task: CountTask) -> int:
    """Worker task: write the scratch files; return the number of bytes of text that were encoded."""
    probe, places = _TokenizerProbe(task.tokenizer), selected_places(task.selected)
    described = descriptions(task.into, task.group)
    counts, measures, done = list[I64](), list[dict[str, Any]](), 0
    uses = np.zeros(probe.vocabulary, np.int64)
    for language in task.languages:
        text = selected_text(task.texts, places, language)
        ids, offsets = probe.encoder.encode(text)
        counts.append(np.diff(offsets))
        own = np.bincount(ids, minlength=probe.vocabulary)
        uses += own
        measured = probe.measure(text, ids, offsets, own, described[language])
        measured["joined"] = joined_tokens(probe.encoder, text) if task.joined else None
        if (at := task.examples.get(language)) is not None:
            measured["example"] = [probe.texts[i] for i in ids[offsets[at] : offsets[at + 1]].tolist()]
        measures.append({"language": language, **measured})
        done += pc.sum(pc.binary_length(text)).as_py()
    tables = {
        tokens_name(task.place, task.group): pl.DataFrame({"tokens": np.concatenate(counts)}),
        measures_name(task.place, task.group): pl.DataFrame(measures, MEASURES),
        uses_name(task.place, task.group): pl.DataFrame({"uses": uses}),
    }
    for name, table in tables.items():
        with replacing(task.into / name, durable=False) as temporary:
            table.write_parquet(temporary)
    return done


def joined_tokens(encoder: Encoder, text: pa.LargeStringArray) -> int | None:
    """Count the tokens of all documents, joined by spaces and encoded as one text; None above JOINED_BYTES."""
    if text.nbytes > JOINED_BYTES:
        return None
    whole = pa.LargeListArray.from_arrays(pa.array([0, len(text)], pa.int64()), text)
    joined: I64 = encoder.count(pc.binary_join(whole, pa.scalar(" ", pa.large_string())))
    return int(joined[0])


class _TokenizerProbe:
    """A tokenizer with lookups by token: length, leading space, text without white space."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.encoder = Encoder(tokenizer)
        self.texts = tokenizer.tokens
        self.vocabulary = len(self.texts)
        self._unknown = tokenizer.vocabulary.unknown
        self._tokens = sum(1 for text in self.texts if text)  # an id that a file leaves out is no token
        self._lengths: I32 = np.array([len(text) for text in self.texts], np.int32)
        self._leading: U8 = np.array([text[:1] == b" " for text in self.texts], np.uint8)
        self._stripped = without_space(self.texts)
        if self._unknown is not None:
            self._lengths[self._unknown] = 0  # it stands for bytes that are not its own

    def measure(
        self, text: pa.LargeStringArray, ids: I32, offsets: I64, own: I64, about: Description
    ) -> dict[str, Any]:
        """Return the columns of MEASURES that one language's whole text determines."""
        types = np.flatnonzero(own)
        words = word_counts(text, ids, offsets, self._lengths, self._leading)
        return {
            "words": words.words,
            "measured_words": words.measured,
            "split_words": words.split,
            "types": len(types),
            "whole_words": whole_words(types, self._stripped, about.words),
            "renyi_efficiency": renyi_efficiency(own),
            "renyi_efficiency_vocabulary": renyi_efficiency(own, self._tokens),
            "unknown_characters": self._unknown_characters(about.characters),
        }

    def _unknown_characters(self, characters: dict[str, int]) -> int:
        """Count the characters of a text that become the unknown token; each distinct character is encoded alone."""
        if self._unknown is None:
            return 0
        ids, offsets = self.encoder.encode(pa.array(list(characters), pa.large_string()))
        owner = np.repeat(np.arange(len(characters)), np.diff(offsets))
        counts = np.array(list(characters.values()), np.int64)
        return int(counts[np.unique(owner[ids == self._unknown])].sum())
