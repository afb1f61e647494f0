"""Findings from a corpus: uses of tokens, residues, languages and sources, and the cost of pruning."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from operators.arrays import I64
from operators.pruning.derivations import Structure
from operators.pruning.order import removal_order
from operators.pruning.residues import are_residues, derived_by_length, emitted_share, made_counts
from operators.tokenizer import Tokenizer
from pipelines.context import Context
from pipelines.corpus.sources import InputFile
from pipelines.inspect.findings import Findings
from pipelines.inspect.settings import Inspect
from pipelines.token_uses.counting import Emitted, all_fragments, emissions_by_language
from pipelines.token_uses.neighbours import neighbour_entropies
from pipelines.token_uses.tables import FRAGMENTATION, fragmentation_table

_SHARES: Final = (0.75, 0.5, 0.25, 0.1)
"""Shares of the tokens that can leave that remain where costs.parquet has the tokens of each language."""


def find_uses(
    found: Findings, tokenizer: Tokenizer, structure: Structure, paths: Sequence[Path], files: Sequence[InputFile],
    settings: Inspect, context: Context,
) -> None:  # fmt: skip
    """Add uses, languages, residues, and the cost of pruning. paths: word tables by language."""
    apart = emissions_by_language(paths, tokenizer, structure, context)
    emitted = np.zeros(len(tokenizer.tokens), np.int64)
    for tokens, counts in apart.values():
        emitted[tokens] += counts
    made = made_counts(structure, emitted)
    share = emitted_share(emitted, made)
    candidates = np.flatnonzero((share <= settings.residue) & ~structure.atoms)
    entropies = neighbour_entropies(files, tokenizer, candidates, context)
    residues = are_residues(structure, share, entropies, settings.residue, settings.entropy)
    found.columns |= {"emitted": pl.Series(emitted), "made": pl.Series(made), "r": pl.Series(share)}
    found.columns |= {"left_entropy": pl.Series(entropies[0]), "right_entropy": pl.Series(entropies[1])}
    found.columns["residue"] = pl.Series(residues)
    found.columns |= languages_of_tokens(apart, structure)
    found.faults |= {"residue": pl.col("residue"), "not used": (pl.col("emitted") == 0) & ~pl.col("special")}
    found.faults["glitch candidate"] = (
        (pl.col("emitted") == 0) & (pl.col("made") > 0) & ~pl.col("special") & ~pl.col("undecodable")
    )
    order, _ = removal_order(structure, emitted)
    fragments = all_fragments(paths, tokenizer, structure, order, context)
    vocabulary = int(np.count_nonzero(structure.present))
    found.tables[Path(FRAGMENTATION).stem] = fragmentation_table(fragments, vocabulary)
    found.tables["costs"] = _costs(fragments, vocabulary, len(order))


def _costs(fragments: Mapping[str, I64], vocabulary: int, removable: int) -> pl.DataFrame:
    rows = [
        (language, size, int(tokens[vocabulary - size]), float(tokens[vocabulary - size] / tokens[0] - 1))
        for language, tokens in sorted(fragments.items())
        for size in (vocabulary - removable + round(part * removable) for part in _SHARES)
        if tokens[0]
    ]
    names = {"language": pl.String, "vocabulary": pl.Int64, "tokens": pl.Int64, "growth": pl.Float64}
    return pl.DataFrame(rows, names, orient="row")


def languages_of_tokens(emitted: Mapping[str, Emitted], structure: Structure) -> dict[str, pl.Series]:
    """Return the columns language and language_share of all ids, null for tokens that no text makes.

    language: the one whose text makes the token most often, for each of its own tokens; so a language does not win by
    having more text. language_share: its part of the sum of these rates over all languages, from 0 to 1.
    """
    size = len(structure.atoms)
    best, total, of = np.zeros(size), np.zeros(size), np.full(size, -1, np.int64)
    names = sorted(emitted)
    for place, name in enumerate(names):
        tokens, counts = emitted[name]
        dense = np.zeros(size, np.int64)
        dense[tokens] = counts
        rate = made_counts(structure, dense) / max(1, int(counts.sum()))
        of[rate > best] = place
        best = np.maximum(best, rate)
        total += rate
    share = np.divide(best, total, out=np.full(size, np.nan), where=total > 0)
    named = pl.Series([names[place] if place >= 0 else None for place in of.tolist()], dtype=pl.String)
    return {"language": named, "language_share": pl.Series(share).fill_nan(None)}


def only_sources(emitted: Mapping[str, Emitted], structure: Structure) -> pl.Series:
    """Return the source whose text alone makes each token, by id; null: no source does, or several do."""
    names, size = sorted(emitted), len(structure.atoms)
    first, last = np.full(size, len(names), np.int64), np.full(size, -1, np.int64)
    for place, name in enumerate(names):
        tokens, _ = emitted[name]
        first[tokens], last[tokens] = np.minimum(first[tokens], place), place
    for longer in reversed(list(derived_by_length(structure))):
        for part in (structure.derivations.left[longer], structure.derivations.right[longer]):
            np.minimum.at(first, part, first[longer])
            np.maximum.at(last, part, last[longer])
    is_one = first == last
    return pl.Series([names[i] if one else None for i, one in zip(first, is_one, strict=True)], dtype=pl.String)
