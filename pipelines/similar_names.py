"""Names of languages that differ in capitals only, which are most often one language."""

import logging
from collections import defaultdict
from collections.abc import Iterable

from pipelines.progress import Progress

_LOG = logging.getLogger("babelmerge")


def similar_names(names: Iterable[str]) -> list[list[str]]:
    """Return the names that are equal but for capitals: `similar_names(["EN", "en", "de"])` is [["EN", "en"]]."""
    by_folded = defaultdict[str, set[str]](set)
    for name in names:
        by_folded[name.casefold()].add(name)
    return sorted(sorted(group) for group in by_folded.values() if len(group) > 1)


def note_similar(languages: Iterable[str], progress: Progress | None) -> None:
    """Note the languages that differ in capitals only: each is counted for itself. Without progress, log a warning."""
    for group in similar_names(languages):
        line = f"languages {' and '.join(group)} differ in capitals only, and are counted apart; name them alike"
        if progress is None:
            _LOG.warning(line)
        else:
            progress.note(line)
