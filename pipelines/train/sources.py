"""Training by sources: settings that fit, and the selection of pairs."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from operators.training.selection import Selection
from operators.training.sources import PrioritySelection, SourceSelection
from pipelines.settings import BadSettings
from pipelines.train.settings import Train

_OTHERS: Final = ("word_table", "extend", "superwords", "parity", "parity_ratios", "require", "whole_characters")


def check_sources(settings: Train) -> None:
    """Raise BadSettings where settings of sources contradict others."""
    if settings.sources_field is None:
        given = {"min_sources": settings.min_sources > 1, "source_priority": settings.source_priority}
        for name, is_given in given.items():
            if is_given:
                raise BadSettings(name, "needs the documents' sources; add --sources-field")
    elif settings.model != "bpe":
        raise BadSettings(
            "sources_field", f"is of merges, which --model {settings.model} has not; leave one of the two out"
        )
    elif other := next((name for name in _OTHERS if getattr(settings, name)), None):
        raise BadSettings("sources_field", f"cannot be joined with {other}; leave one of the two out")


def check_supported(settings: Train, facts: Mapping[str, Any]) -> None:
    """Raise BadSettings where there are too few sources. facts: of the word tables."""
    if settings.sources_field is None:
        return
    sources = int(facts["sources"])
    if sources < 2:
        raise BadSettings(
            "sources_field", f"{settings.sources_field} names one source alone; name a field that differs"
        )
    if settings.min_sources > sources:
        raise BadSettings(
            "min_sources", f"is {settings.min_sources:,}, and there are {sources:,} sources; ask for fewer"
        )


def source_selection(settings: Train, facts: Mapping[str, Any]) -> Callable[[], Selection] | None:
    """Return the maker of a selection by sources; None: by frequency alone."""
    if settings.sources_field is None:
        return None
    if settings.source_priority:
        return partial(PrioritySelection, settings.min_sources, int(facts["sources"]), len(facts["languages"]))
    return partial(SourceSelection, settings.min_sources)
