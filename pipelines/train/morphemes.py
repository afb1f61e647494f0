"""Training that keeps morphemes' borders: `train --morphemes` (MorphBPE, Asgari et al. 2025, arXiv 2502.00894)."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Final

from pipelines.settings import BadSettings
from pipelines.train.settings import Train

_OTHERS: Final = (
    "extend", "superwords", "sequences", "parity", "parity_ratios", "require", "sources_field", "picky",
)  # fmt: skip


def check_morphemes(settings: Train) -> None:
    """Raise BadSettings where morphemes contradict other settings, and for a wrong table."""
    if settings.morphemes is None:
        return
    if settings.model != "bpe":
        raise BadSettings(
            "morphemes", f"are borders of merges, which --model {settings.model} has not; leave one of the two out"
        )
    if other := next((name for name in _OTHERS if getattr(settings, name)), None):
        raise BadSettings("morphemes", f"cannot be joined with {other}; leave one of the two out")
    morpheme_borders(settings)


def morpheme_borders(settings: Train) -> dict[bytes, tuple[int, ...]]:
    """Return the words of the table that have borders, and these, in bytes, ascending; none without a table.

    A word of several rows has the borders of all of them. Raises BadSettings.
    """
    if settings.morphemes is None:
        return {}
    from pipelines.morpheme_tables import read_morphemes  # polars

    found = dict[bytes, set[int]]()
    table = read_morphemes(settings.morphemes)
    for word, morphemes in table.select("word", "morphemes").iter_rows():
        ends = list(accumulate(len(one.encode()) for one in morphemes))
        found.setdefault(word.encode(), set()).update(ends[:-1])
    return {word: tuple(sorted(borders)) for word, borders in sorted(found.items()) if borders}


def listed(borders: Mapping[bytes, Sequence[int]]) -> list[list[str]]:
    """Return words and their borders, which decide the output, as plain data."""
    return [[word.decode(), ",".join(map(str, own))] for word, own in borders.items()]
