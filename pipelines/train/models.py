"""Kinds of vocabularies that `train` makes, and the settings that go with merges alone."""

from typing import TYPE_CHECKING, Final

from pipelines.settings import BadSettings

if TYPE_CHECKING:
    from pipelines.train.settings import Train

OF_MERGES: Final = ("superwords", "extend", "sizes", "require", "parity")
"""Names of settings that are of merges where they are given."""
LONGEST: Final = 1024
"""Largest `max_token_length` for pieces."""


def check_model(settings: "Train") -> None:
    """Raise BadSettings for settings that the kind of vocabulary has no use for."""
    if settings.model == "bpe":
        return
    of_merges = {name: getattr(settings, name) for name in OF_MERGES}
    of_merges |= {"parity_ratios": settings.parity_ratios is not None}
    if settings.model == "unigram":
        of_merges["min_pair_count"] = settings.min_pair_count > 1
    if (name := next((name for name, given in of_merges.items() if given), None)) is not None:
        raise BadSettings(name, f"is of merges, which --model {settings.model} does not choose; leave it out")
    if (settings.max_token_length or 0) > LONGEST:
        raise BadSettings("max_token_length", f"is over {LONGEST:,}, the most for --model {settings.model}")
