"""Names of languages that differ in capitals only, which are most often one language."""

from collections import defaultdict
from collections.abc import Iterable

from pipelines.progress import Progress


def similar_names(names: Iterable[str]) -> list[list[str]]:
    """Return the names that are equal but for capitals: `similar_names(["EN", "en", "de"])` is [["EN", "en"]]."""
    by_folded = defaultdict[str, set[str]](set)
    for name in names:
        by_folded[name.casefold()].add(name)
    return sorted(sorted(group) for group in by_folded.values() if len(group) > 1)


def note_similar(languages: Iterable[str], progress: Progress) -> None:
    """Note the languages that differ in capitals only: each is counted for itself."""
    for group in similar_names(languages):
        names = " and ".join(group)
        progress.note(f"languages {names} differ in capitals only, and are counted apart; name them alike")
