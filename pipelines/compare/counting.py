"""Worker task of `compare`: encode groups of documents with one tokenizer and measure all figures of its tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from operators.arrays import F64, I64
from operators.encoding.encode import Encoder
from operators.metrics.efficiency import ALPHA, renyi_efficiency
from operators.metrics.token_pairs import (
    UNITS,
    TokenPairs,
    bigram_bits,
    follower_efficiency,
    pair_keys,
    renyi_parts,
    token_pairs,
    unigram_bits,
)
from operators.metrics.utf8_parts import Utf8Parts, utf8_parts
from operators.tokenizer import Tokenizer
from pipelines.compare.figures import Figure, scaled_share, unknown, write_figures
from pipelines.compare.groups import Group, documents_of
from pipelines.compare.measures import probe_of
from pipelines.compare.probes import Probe, Sampled
from pipelines.compare.settings import Measure
from pipelines.outputs import replacing

RENYI: Final = {f"renyi_efficiency_{alpha:g}": alpha for alpha in (2.0, ALPHA)}
"""Figure to the order of its Renyi entropy."""
TYPES: Final = "types"
UNIGRAM: Final = "unigram_bits_per_byte"
BIGRAM: Final = "bigram_bits_per_byte"
FOLLOWERS: Final = "follower_efficiency"
BYTES_PER_TOKEN: Final = "bytes_per_token"
CHARACTERS_PER_TOKEN: Final = "characters_per_token"
INCOMPLETE: Final = "incomplete_tokens"
CROSSING: Final = "crossing_tokens"
COUNTED: Final = (
    BYTES_PER_TOKEN, CHARACTERS_PER_TOKEN, TYPES, UNIGRAM, *RENYI, BIGRAM, FOLLOWERS, INCOMPLETE, CROSSING,
)  # fmt: skip
"""Figures of `figures_of`, in order."""


@dataclass(frozen=True)
class CountTask:
    """Groups to count with one tokenizer."""

    groups: tuple[Group, ...]
    tokenizer: Tokenizer
    place: int
    """Place of the tokenizer among the tokenizers of the run, from 0."""
    bundle: int
    """Number of the bundle of groups, from 0."""
    sample_bytes: int
    measures: tuple[Measure, ...]
    into: Path
    keeps_types: bool = False
    """True if the tokens that each group uses are written down."""

    @property
    def types(self) -> Path:
        """Path of the scratch file of the tokens that each group uses: group, ids."""
        return self.into / f"types-{self.place:03}-{self.bundle:03}.parquet"

    @property
    def figures(self) -> Path:
        """Path of the scratch file of figures."""
        return self.into / f"figures-{self.place:03}-{self.bundle:03}.parquet"

    @property
    def uses(self) -> Path:
        """Path of the scratch file of occurrences of each token."""
        return self.into / f"uses-{self.place:03}-{self.bundle:03}.parquet"


def count_groups(task: CountTask) -> int:
    """Worker task: write the scratch files; return the number of bytes of text that were encoded."""
    counter = _Counter(task.tokenizer, task.sample_bytes)
    found = list[tuple[str, Figure]]()
    uses, types = np.zeros(len(task.tokenizer.tokens), np.int64), dict[str, I64]()
    for group in task.groups:
        probes = [probe_of(one, counter.encoder) for one in task.measures]
        counts = counter.count(group, probes)
        uses += counts.uses
        if task.keeps_types:
            types[group.name] = np.flatnonzero(counts.uses)
        own = figures_of(counts, counter.parts)
        own += [figure for probe in probes for figure in probe.figures(counts.pairs.units)]
        found += [(group.name, one) for one in own]
    write_figures(found, task.figures)
    if task.keeps_types:
        rows = [(group, own.tolist()) for group, own in types.items()]
        with replacing(task.types, durable=False) as temporary:
            pl.DataFrame(rows, {"group": pl.String, "ids": pl.List(pl.Int64)}, orient="row").write_parquet(temporary)
    with replacing(task.uses, durable=False) as temporary:
        pl.DataFrame({"uses": uses}).write_parquet(temporary)
    return sum(group.bytes for group in task.groups)


@dataclass(frozen=True)
class Counts:
    """Counts of one group under one tokenizer."""

    bytes: F64
    """float64[units], as the next two: sums over all documents of a unit."""
    characters: F64
    tokens: F64
    uses: I64
    """int64[vocabulary]: occurrences of each token in all documents."""
    sampled_bytes: F64
    """float64[units of the sample]: bytes of the sampled documents."""
    pairs: TokenPairs
    """Token pairs of the sampled documents, by their units."""


class _Units:
    """Sums of columns over units, to which documents are dealt in turn."""

    def __init__(self, columns: int) -> None:
        self.documents = 0
        self._sums = np.zeros((columns, UNITS))

    def add(self, *columns: I64) -> I64:
        """Add a column of counts each, one count a document; return the documents' units."""
        units = (self.documents + np.arange(len(columns[0]))) % UNITS
        self.documents += len(units)
        for sums, column in zip(self._sums, columns, strict=True):
            sums += np.bincount(units, weights=column, minlength=UNITS)
        return units

    @property
    def number(self) -> int:
        """Number of units that have documents."""
        return min(self.documents, UNITS)

    @property
    def sums(self) -> list[F64]:
        """Sums of each column, float64[number]."""
        return [sums[: self.number] for sums in self._sums]


class _Counter:
    """Encoder of one tokenizer with tables of its tokens."""

    def __init__(self, tokenizer: Tokenizer, sample_bytes: int) -> None:
        self.encoder, self._sample_bytes = Encoder(tokenizer), sample_bytes
        self._tokens = pa.array(tokenizer.tokens, pa.large_binary())
        self.parts = utf8_parts(tokenizer.tokens)

    def count(self, group: Group, probes: Sequence[Probe]) -> Counts:
        """Count a group's tokens, and show the sampled documents to the probes."""
        share, draw, vocabulary = self._sample_bytes / group.bytes, np.random.default_rng(0), len(self._tokens)
        every, sampled, uses = _Units(3), _Units(1), np.zeros(vocabulary, np.int64)
        keys = list[I64]()
        for text, characters, language in documents_of(group):
            ids, offsets = self.encoder.encode(text)
            sizes = pc.binary_length(text).to_numpy()
            tokens = np.diff(offsets)
            every.add(sizes, characters.to_numpy(), tokens)
            uses += np.bincount(ids, minlength=vocabulary)
            if share < 1:
                chosen = draw.random(len(text)) < share
                ids, sizes, tokens = ids[np.repeat(chosen, tokens)], sizes[chosen], tokens[chosen]
                offsets, text = np.append(0, np.cumsum(tokens)), text.filter(pa.array(chosen))
            units = sampled.add(sizes)
            keys.append(pair_keys(ids, offsets, units))
            seen = Sampled(text, language, ids, offsets, units, self._tokens)
            for probe in probes:
                probe.add(seen)
        pairs = token_pairs(keys, max(1, sampled.number))
        size, letters, count = every.sums
        return Counts(size, letters, count, uses, sampled.sums[0], pairs)


def figures_of(counts: Counts, parts: Utf8Parts) -> list[Figure]:
    """Return the figures of compression and of the distribution of tokens."""
    found = [
        Figure(BYTES_PER_TOKEN, counts.bytes, counts.tokens),
        Figure(CHARACTERS_PER_TOKEN, counts.characters, counts.tokens),
    ]
    values = use_figures(counts.uses, float(counts.bytes.sum()))
    found.append(Figure(TYPES, np.empty(0), np.empty(0), values[TYPES], adds_up=False))
    if not len(counts.pairs.count):
        reason = "no document is in the sample; enlarge --sample"
        return found + [unknown(name, reason) for name in COUNTED[3:]]
    bits, pairs = unigram_bits(counts.pairs, counts.uses), counts.pairs
    found.append(Figure(UNIGRAM, bits, counts.sampled_bytes, values[UNIGRAM], adds_up=False))
    for name, alpha in RENYI.items():
        if values[name] is None:
            found.append(unknown(name, "one type of token; an efficiency takes two"))
        else:
            found.append(Figure(name, *renyi_parts(pairs, counts.uses, alpha), values[name], adds_up=False))
    found.append(Figure(BIGRAM, bigram_bits(pairs), counts.sampled_bytes, adds_up=False))
    followers = follower_efficiency(pairs)
    if followers is None:
        found.append(unknown(FOLLOWERS, "no token is followed three times"))
    else:
        found.append(Figure(FOLLOWERS, np.empty(0), np.empty(0), followers, adds_up=False))
    every, total = pairs.by_unit(np.ones(len(pairs.count))), float(counts.uses.sum())
    for name, flags in ((INCOMPLETE, parts.incomplete), (CROSSING, parts.crossing)):
        flagged = pairs.by_unit(flags[pairs.right].astype(np.float64))
        found.append(Figure(name, *scaled_share(flagged, every, float(counts.uses[flags].sum()), total)))
    return found


def use_figures(uses: I64, size: float) -> dict[str, float | None]:
    """Return the figures that the occurrences of tokens (int64[vocabulary]) in `size` bytes of text determine."""
    seen = uses[uses > 0].astype(np.float64)
    bits = float((seen * (np.log2(seen.sum()) - np.log2(seen))).sum())
    efficiencies = {name: renyi_efficiency(uses, alpha=alpha) for name, alpha in RENYI.items()}
    return {TYPES: float(len(seen)), UNIGRAM: bits / size, **efficiencies}
