"""Counting with one tokenizer: every document, all documents as one text, and what the tokens are like."""

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
"""Longer texts are not encoded as one."""
MEASURES: Final[Schema] = {
    "language": pl.String,
    "joined": pl.Int64,
    "words": pl.Int64,
    "told_words": pl.Int64,
    "continued": pl.Int64,
    "types": pl.Int64,
    "whole_words": pl.Int64,
    "renyi_efficiency": pl.Float64,
    "renyi_efficiency_vocabulary": pl.Float64,
    "unknown_characters": pl.Int64,
    "example": pl.List(pl.Binary),
}
"""What is measured of a language and tokenizer besides its documents' tokens."""


@dataclass(frozen=True)
class CountTask:
    """Some languages to count with one tokenizer."""

    texts: tuple[Texts, ...]
    selected: Path
    languages: tuple[str, ...]
    examples: dict[str, int]
    """Language to the place of its example among the compared documents."""
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
    """Scratch: a row a language (MEASURES)."""
    return f"measures-{place:03}-{group:03}.parquet"


def uses_name(place: int, group: int) -> str:
    """Scratch: how often each token occurs in a group's languages together."""
    return f"uses-{place:03}-{group:03}.parquet"


def count_tokens(task: CountTask) -> int:
    """Write the task's scratch files; returns the bytes of text that were encoded."""
    meter, places = _Meter(task.tokenizer), selected_places(task.selected)
    described = descriptions(task.into, task.group)
    counts, measures, done = list[I64](), list[dict[str, Any]](), 0
    uses = np.zeros(meter.vocabulary, np.int64)
    for language in task.languages:
        text = selected_text(task.texts, places, language)
        ids, offsets = meter.encoder.encode(text)
        counts.append(np.diff(offsets))
        own = np.bincount(ids, minlength=meter.vocabulary)
        uses += own
        measured = meter.measure(text, ids, offsets, own, described[language])
        measured["joined"] = joined_tokens(meter.encoder, text) if task.joined else None
        if (at := task.examples.get(language)) is not None:
            measured["example"] = [meter.texts[i] for i in ids[offsets[at] : offsets[at + 1]].tolist()]
        measures.append({"language": language, **measured})
        done += pc.sum(pc.binary_length(text)).as_py()
    tables = {
        tokens_name(task.place, task.group): pl.DataFrame({"tokens": np.concatenate(counts)}),
        measures_name(task.place, task.group): pl.DataFrame(measures, MEASURES),
        uses_name(task.place, task.group): pl.DataFrame({"uses": uses}),
    }
    for name, table in tables.items():
        with replacing(task.into / name, durable=False) as part:
            table.write_parquet(part)
    return done


def joined_tokens(encoder: Encoder, text: pa.LargeStringArray) -> int | None:
    """Tokens of all documents joined by one space each and encoded as one; None for a text of over JOINED_BYTES."""
    if text.nbytes > JOINED_BYTES:
        return None
    whole = pa.LargeListArray.from_arrays(pa.array([0, len(text)], pa.int64()), text)
    joined: I64 = encoder.count(pc.binary_join(whole, pa.scalar(" ", pa.large_string())))
    return int(joined[0])


class _Meter:
    """A tokenizer and what measuring needs to know of its tokens."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.encoder = Encoder(tokenizer)
        self.texts = tokenizer.tokens
        self.vocabulary = len(self.texts)
        self._unknown = tokenizer.vocabulary.unknown
        self._tokens = sum(1 for text in self.texts if text)  # ids that a file leaves out are no tokens
        self._lengths: I32 = np.array([len(text) for text in self.texts], np.int32)
        self._leading: U8 = np.array([text[:1] == b" " for text in self.texts], np.uint8)
        self._stripped = without_space(self.texts)
        if self._unknown is not None:
            self._lengths[self._unknown] = 0  # it stands for other bytes than its own

    def measure(
        self, text: pa.LargeStringArray, ids: I32, offsets: I64, own: I64, about: Description
    ) -> dict[str, Any]:
        """MEASURES of one language, but what concerns single documents."""
        types = np.flatnonzero(own)
        words = word_counts(text, ids, offsets, self._lengths, self._leading)
        return {
            "words": words.words,
            "told_words": words.measured,
            "continued": words.split,
            "types": len(types),
            "whole_words": whole_words(types, self._stripped, about.words),
            "renyi_efficiency": renyi_efficiency(own),
            "renyi_efficiency_vocabulary": renyi_efficiency(own, self._tokens),
            "unknown_characters": self._unknown_characters(about.characters),
        }

    def _unknown_characters(self, characters: dict[str, int]) -> int:
        """How many of a text's characters become the unknown token; each is tried by itself."""
        if self._unknown is None:
            return 0
        ids, offsets = self.encoder.encode(pa.array(list(characters), pa.large_string()))
        owner = np.repeat(np.arange(len(characters)), np.diff(offsets))
        counts = np.array(list(characters.values()), np.int64)
        return int(counts[np.unique(owner[ids == self._unknown])].sum())
