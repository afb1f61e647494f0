"""Attacks on one vocabulary: the scores of all sources, and the tokens that one source alone explains."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from operators.arrays import F64, I64
from operators.membership import (
    Bools,
    frequency_score,
    naive_bayes_evidence,
    overlap_scores,
    rank_exponent,
    self_information,
    token_counts,
    tokens_in_words,
)
from pipelines.words.word_tables import words_by_language

ATTACKS: Final = ("vocabulary_overlap", "frequency_estimation", "naive_bayes")
KNOWN_SHADOWS: Final = 10
"""Shadow tokenizers whose sources are known ones: their counts stand for the training text."""
LAST_SHARE: Final = 4
"""Naive Bayes asks the last tokens, 1 / LAST_SHARE of the vocabulary: 20,000 of 80,000 in the paper."""


@dataclass(frozen=True)
class AttackTask:
    """A vocabulary to attack. `paths`: word tables by source."""

    paths: tuple[Path, ...]
    sources: tuple[str, ...]
    target: tuple[bytes, ...]
    """Tokens by id, b"" for those that are not of text."""
    shadows: tuple[Sequence[bytes], ...]
    """Tokens of each shadow tokenizer, by id."""
    inside: Bools
    """bool[shadows, sources]: the sources that each shadow was trained on."""


@dataclass(frozen=True)
class Attacked:
    """Result of the attacks."""

    evidence: dict[str, F64]
    """Attack to the evidence for each source, which ranks them; of naive_bayes the logarithm that its score is of."""
    single: list[tuple[bytes, int, int]]
    """Token, source (its place) and count of the tokens that one source alone explains, by id."""


def attack(task: AttackTask) -> Attacked:
    """Worker task: run the three attacks."""
    corpus = SourceWords.read(task.paths, task.sources)
    ids = {token: i for i, token in enumerate(task.target) if len(token) > 1}  # of equal tokens the last
    tokens, ranks = list(ids), np.array(list(ids.values()), np.int64) + 1
    found = tokens_in_words(corpus.words, tokens)
    are_known: Bools = np.any(task.inside[:KNOWN_SHADOWS], axis=0)
    known = token_counts(found, *corpus.joined(are_known), len(tokens))
    least, exponent = _rank_law(corpus, task.shadows[0], task.inside[0])
    is_frequent, is_late = ranks > least, ranks > len(task.target) - len(task.target) // LAST_SHARE
    information = self_information(ranks[is_frequent], exponent, least, len(task.target))
    frequency, bayes = list[float](), list[float]()
    holder, holders, held = (np.zeros(len(tokens), np.int64) for _ in range(3))
    for source, is_known in enumerate(are_known.tolist()):
        own = token_counts(found, *corpus.sources[source], len(tokens))
        frequency.append(frequency_score(own[is_frequent], known[is_frequent], is_known, information))
        bayes.append(naive_bayes_evidence(own[is_late], known[is_late], is_known))
        holder[own > 0], holders, held = source, holders + (own > 0), held + own
    evidence = overlap_scores(*_vocabularies(task)), np.array(frequency), np.array(bayes)
    single = [(tokens[i], int(holder[i]), int(held[i])) for i in np.flatnonzero(holders == 1).tolist()]
    return Attacked(dict(zip(ATTACKS, evidence, strict=True)), single)


def score_of(name: str, evidence: F64) -> F64:
    """Return an attack's scores as published: of naive_bayes 1 - the product, which rounds to 1 for large sources."""
    return -np.expm1(-evidence) if name == ATTACKS[2] else evidence


def _rank_law(corpus: "SourceWords", shadow: Sequence[bytes], inside: Bools) -> tuple[int, float]:
    """Return the first rank of a shadow's merged tokens that occur, and the exponent of their frequencies."""
    ids = {token: i for i, token in enumerate(shadow) if len(token) > 1}
    total = token_counts(tokens_in_words(corpus.words, list(ids)), *corpus.joined(inside), len(ids))
    ranks, occurs = np.array(list(ids.values()), np.int64) + 1, total > 0
    if not occurs.any():
        return 0, 0.0
    ranks = ranks[occurs]
    return int(ranks.min()), rank_exponent(ranks, total[occurs].astype(np.float64), len(shadow))


def _vocabularies(task: AttackTask) -> tuple[Bools, Bools, Bools]:
    """Return the arguments of `overlap_scores`."""
    places: dict[bytes, int] = {}
    for tokens in (task.target, *task.shadows):
        for token in tokens:
            if token:
                places.setdefault(token, len(places))
    rows = np.zeros((1 + len(task.shadows), len(places)), np.bool_)
    for row, tokens in zip(rows, (task.target, *task.shadows), strict=True):
        row[[places[token] for token in tokens if token]] = True
    return rows[1:], task.inside, rows[0]


@dataclass(frozen=True)
class SourceWords:
    """Words of all sources: distinct ones, and for each source their places and counts (int64)."""

    words: pa.LargeBinaryArray
    sources: list[tuple[I64, I64]]

    @classmethod
    def read(cls, paths: Sequence[Path], sources: Sequence[str]) -> "SourceWords":
        """Read word tables by source."""
        places = {name: i for i, name in enumerate(sources)}
        found = [row for path in paths for row in words_by_language(path) if row[0] in places]
        coded = pa.concat_arrays([words for _, words, _ in found]).dictionary_encode()
        rows, first = coded.indices.to_numpy().astype(np.int64), 0
        own: list[list[tuple[I64, I64]]] = [[] for _ in sources]
        for name, words, counts in found:
            own[places[name]].append((rows[first : first + len(words)], counts))
            first += len(words)
        joined = [(np.concatenate([one for one, _ in parts]), np.concatenate([n for _, n in parts])) for parts in own]
        return cls(coded.dictionary, joined)

    def joined(self, chosen: Bools) -> tuple[I64, I64]:
        """Return the places and counts of the words of several sources, a place once for each; bool[sources]."""
        own = [self.sources[i] for i in np.flatnonzero(chosen)]
        nothing = np.empty(0, np.int64)
        return np.concatenate([nothing, *(one for one, _ in own)]), np.concatenate([nothing, *(n for _, n in own)])
