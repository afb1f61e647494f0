"""Two halves of the parallel text: one that the search sees, one that is judged."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from operators.arrays import F64, I64
from operators.errors import DataError
from operators.metrics.premiums import NoCommonDocuments
from operators.redaction import shown
from pipelines.context import Context
from pipelines.corpus.bad_records import LeftOut
from pipelines.corpus.sources import InputFile
from pipelines.parallel_text.agreement import document_bytes, stranger
from pipelines.parallel_text.reading import Parallel, read_parallel

FEWEST: Final = 8
"""Fewest documents that can be halved: an interval takes four."""


class NotParallel(DataError):
    """Parallel text of which no document is there in all languages, or whose documents are no translations."""

    language: str
    reason: str
    message = (
        "design: the parallel text is not parallel: {language} {reason}; leave it out with --languages, or see ids"
    )


class EmptyLanguage(DataError):
    """A language of the parallel text whose documents hold no text."""

    language: str
    message = "design: the parallel text has no text in {language!r}; add some, or name the others with --languages"


class TooFewDocuments(DataError):
    """Parallel text of too few documents for two halves."""

    documents: int
    fewest: int = FEWEST
    message = (
        "design: {documents:,} documents of the parallel text are there in all languages; it takes {fewest} to search "
        "on one half and judge on the other: add documents"
    )


@dataclass(frozen=True)
class Halves:
    """Parallel text with its common documents divided in two."""

    parallel: Parallel
    languages: tuple[str, ...]
    searched: I64
    """int64: places of the documents to search on, among the common ones."""
    judged: I64
    """int64: places of the documents to judge on."""
    noise: float
    """Relative standard error of a language's amount of text in one half, beside that of the others."""

    def text(self, language: str, places: I64) -> pa.LargeStringArray:
        """Return documents of a language by their places."""
        return self.parallel.evaluated(language).take(pa.array(places))


def read_halves(
    files: Sequence[InputFile], baseline: str, languages: Sequence[str] | None, scratch: Path, context: Context
) -> tuple[Halves, LeftOut]:
    """Read parallel text; divide the documents that all languages have; return them and the records left out.

    Raises NotParallel, EmptyLanguage, TooFewDocuments, and what reading raises.
    """
    try:
        parallel, bad = read_parallel(files, baseline, languages, scratch, context)
    except NoCommonDocuments as error:
        raise NotParallel(shown(error.language), "has no document with an id that all languages have") from error
    present = {language for one in parallel.texts for language in one.batches}
    for language in sorted(present if languages is None else present & set(languages)):
        if language not in parallel.selection.bytes:
            raise EmptyLanguage(language)
    if parallel.selection.documents < FEWEST:
        raise TooFewDocuments(parallel.selection.documents)
    names = tuple(sorted(parallel.selection.bytes))
    sizes = document_bytes(parallel.selection.path, names)
    if (found := stranger(sizes, names)) is not None:
        language, agreement = found
        raise NotParallel(shown(language), f"has long documents where others have short ones (r = {agreement:.2f})")
    searched, judged = even_halves(sizes, names.index(baseline))
    return Halves(parallel, names, searched, judged, _noise(sizes[searched])), bad


def even_halves(sizes: F64, baseline: int) -> tuple[I64, I64]:
    """Divide documents so that both halves have about the same shares of each language's bytes; return their places.

    sizes: float64[documents, languages]. Documents are paired by the length of the baseline's text, longest first. Each
    pair goes to the halves in the order that brings all languages' shares nearer to each other; an odd document, the
    shortest, is searched on.

    >>> [half.tolist() for half in even_halves(np.array([[9.0, 9], [8, 9], [5, 5], [4, 5]]), 0)]
    [[0, 3], [1, 2]]
    """
    order = np.argsort(-sizes[:, baseline], kind="stable")
    first, second = order[: len(order) // 2 * 2].reshape(-1, 2).T
    apart = (sizes[first] - sizes[second]) / sizes.sum(0)
    ahead, kept = np.zeros(sizes.shape[1]), np.ones(len(first), np.bool_)
    for pair, difference in enumerate(apart):
        kept[pair] = ahead @ difference <= 0
        ahead += difference if kept[pair] else -difference
    searched = np.concatenate([np.where(kept, first, second), order[2 * len(first) :]])
    return np.sort(searched), np.sort(np.where(kept, second, first))


def _noise(sizes: F64) -> float:
    """Return the root mean square, over languages, of the relative standard error of a language's share of the text."""
    shares = sizes / sizes.sum(0) - (sizes.sum(1) / sizes.sum())[:, None]
    return float(np.sqrt((shares**2).sum(0).mean()))
