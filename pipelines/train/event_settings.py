"""Settings of vocabularies that are cleaned while they are trained, and what they go with."""

from typing import TYPE_CHECKING, Final

from pipelines.settings import BadSettings

if TYPE_CHECKING:
    from pipelines.train.settings import Train

PLAIN_ONLY: Final = ("superwords", "extend", "sizes", "require", "parity", "parity_ratios", "sources_field")
"""Names of settings that need a merge list, where they are given."""


def check_events(settings: "Train") -> None:
    """Raise BadSettings for settings that need merges that stay."""
    if settings.picky is None:
        return
    given = {name: getattr(settings, name) for name in PLAIN_ONLY}
    given["parity_ratios"] = settings.parity_ratios is not None
    given["model"] = settings.model != "bpe"
    if (name := next((name for name, one in given.items() if one), None)) is not None:
        raise BadSettings(name, "cannot be joined with picky, which undoes merges; leave one of the two out")
