"""Tasks that count the tokens of word tables, all at once and after each removal."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from operators.arrays import I64
from operators.pruning.derivations import Structure
from operators.pruning.fragmentation import count_tokens, tokens_by_step
from operators.tokenizer import Tokenizer
from pipelines.context import Context
from pipelines.words.word_tables import words_by_language

Emitted: TypeAlias = tuple[I64, I64]
"""Tokens that occur, ascending, and how often each does."""


@dataclass(frozen=True)
class EmissionTask:
    """One partition of the word tables, whose tokens are counted."""

    file: Path
    languages: tuple[str, ...]
    tokenizer: Tokenizer
    structure: Structure

    @property
    def path(self) -> str:
        """Path of the partition, for messages."""
        return str(self.file)


@dataclass(frozen=True)
class FragmentationTask:
    """One partition of the word tables, whose tokens are counted after each removal."""

    file: Path
    tokenizer: Tokenizer
    structure: Structure
    removed: I64

    @property
    def path(self) -> str:
        """Path of the partition, for messages."""
        return str(self.file)


def sparse(counts: I64) -> Emitted:
    """Return the tokens whose count (int64[tokens]) is not 0, and their counts."""
    tokens = np.flatnonzero(counts)
    return tokens, counts[tokens]


def joined(*emitted: Emitted) -> Emitted:
    """Return the sum of some counts."""
    tokens, which = np.unique(np.concatenate([own for own, _ in emitted]), return_inverse=True)
    totals = np.zeros(len(tokens), np.int64)
    np.add.at(totals, which, np.concatenate([counts for _, counts in emitted]))
    return tokens, totals


def count_emissions(task: EmissionTask) -> I64:
    """Worker task: count each token over the task's languages, int64[tokens]."""
    emitted = np.zeros(len(task.tokenizer.tokens), np.int64)
    for language, words, counts in words_by_language(task.file):
        if language in task.languages:
            emitted += count_tokens(words, counts, task.tokenizer, task.structure)
    return emitted


def count_language_emissions(task: EmissionTask) -> dict[str, Emitted]:
    """Worker task: count each token in each language, which may be a source (`pipelines.words.sources`)."""
    emitted = dict[str, Emitted]()
    for language, words, counts in words_by_language(task.file):
        own = sparse(count_tokens(words, counts, task.tokenizer, task.structure))
        emitted[language] = joined(emitted[language], own) if language in emitted else own
    return emitted


def fragment(task: FragmentationTask) -> dict[str, I64]:
    """Worker task: count the tokens of each language after each removal, int64[removed + 1]."""
    return tokens_by_step(list(words_by_language(task.file)), task.tokenizer, task.structure, task.removed)


def all_emissions(
    files: Sequence[Path], languages: Sequence[str], tokenizer: Tokenizer, structure: Structure, context: Context
) -> I64:
    """Count each token in the encoding of the languages' words, by merges alone; int64[tokens]."""
    tasks = [EmissionTask(file, tuple(languages), tokenizer, structure) for file in files]
    total = np.zeros(len(tokenizer.tokens), np.int64)
    with context.progress.stage("count tokens", len(tasks), "partitions") as advance:
        for _, emitted in context.engine.run(count_emissions, tasks):
            total += emitted
            advance(1)
    return total


def emissions_by_language(
    files: Sequence[Path], tokenizer: Tokenizer, structure: Structure, context: Context
) -> dict[str, Emitted]:
    """Count each token in the encoding of each language's words, by merges alone."""
    tasks = [EmissionTask(file, (), tokenizer, structure) for file in files]
    found: dict[str, list[Emitted]] = {}
    with context.progress.stage("count tokens", len(tasks), "partitions") as advance:
        for _, emitted in context.engine.run(count_language_emissions, tasks):
            for language, own in emitted.items():
                found.setdefault(language, []).append(own)
            advance(1)
    return {language: joined(*found[language]) for language in sorted(found)}


def all_fragments(
    files: Sequence[Path], tokenizer: Tokenizer, structure: Structure, removed: I64, context: Context
) -> dict[str, I64]:
    """Count the tokens of each language after each removal, int64[removed + 1]."""
    tasks = [FragmentationTask(file, tokenizer, structure, removed) for file in files]
    totals: dict[str, I64] = {}
    with context.progress.stage("count tokens at every size", len(tasks), "partitions") as advance:
        for _, found in context.engine.run(fragment, tasks):
            for language, tokens in found.items():
                totals[language] = totals[language] + tokens if language in totals else tokens
            advance(1)
    return totals
