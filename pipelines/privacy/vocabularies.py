"""Vocabularies of tokenizers that are trained on some of the sources, from their word tables added up."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from operators.arrays import U64
from operators.tokenizer import Merges, Tokenizer
from operators.training.in_memory import train_words
from operators.training.sources import SourceSelection
from operators.word_sources import capped, hashes_of, source_hash
from pipelines.words.word_tables import read_words, words_by_language


@dataclass(frozen=True)
class VocabularyTask:
    """A tokenizer to train. `paths`: word tables by source."""

    paths: tuple[Path, ...]
    sources: tuple[str, ...]
    """The sources to train on."""
    size: int
    """Number of tokens."""
    min_sources: int = 1


def train_vocabulary(task: VocabularyTask) -> list[bytes]:
    """Worker task: train; return the tokens by id. There are fewer where no pair is left."""
    words, counts = read_words(task.paths, dict.fromkeys(task.sources, 1))
    if task.min_sources == 1:
        merges = train_words(words, counts, task.size)
    else:
        selection = SourceSelection(task.min_sources)
        pairs = _sources_of_words(task.paths, set(task.sources))
        merges = train_words(words, counts, task.size, selection=selection, sources=pairs)
    plain = Merges(merges.left, merges.right, merges.token, merges.count)
    return Tokenizer("none", (), plain).tokens


def _sources_of_words(paths: Sequence[Path], sources: set[str]) -> tuple[U64, U64]:
    """Return the hashes of words and of the sources that have them, as `capped`."""
    words, own = [np.empty(0, np.uint64)], [np.empty(0, np.uint64)]
    for path in paths:
        for source, rows, _ in words_by_language(path):
            if source in sources:
                words.append(hashes_of(rows))
                own.append(np.full(len(rows), source_hash(source), np.uint64))
    return capped(np.concatenate(words), np.concatenate(own))
