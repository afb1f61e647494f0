"""Kinds of vocabularies that `train` makes, and the settings that go with merges alone."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal

from pipelines.settings import BadSettings

if TYPE_CHECKING:
    from pipelines.train.settings import Train

Model = Literal["bpe", "mingram", "unigram"]
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
    refuse_merges(f"--model {settings.model}", of_merges, settings.max_token_length)


def refuse_merges(model: str, of_merges: Mapping[str, object], max_token_length: int | None) -> None:
    """Raise BadSettings if one of the settings that are of merges is given beside a model that has none.

    model: its name for messages. of_merges: value by name; one that is not given is empty or False.
    """
    if (name := next((name for name, given in of_merges.items() if given), None)) is not None:
        raise BadSettings(name, f"is of merges, which {model} does not choose; leave it out")
    if (max_token_length or 0) > LONGEST:
        raise BadSettings("max_token_length", f"is over {LONGEST:,}, the most for {model}")
