"""Ways from a word to tokens of one vocabulary. docs/reference/segmentation.md defines each, with its source."""

from dataclasses import dataclass
from typing import Final

from operators.errors import UsageError
from operators.kernels.segmentation import FEWEST_TOKENS, LONGEST_PREFIX, LONGEST_SUFFIX, LONGEST_TOKEN
from operators.kernels.segmentation import MERGES as BY_MERGES
from operators.kernels.stochastic import CERTAIN

KERNELS: Final = {
    "merges": BY_MERGES,
    "longest-prefix": LONGEST_PREFIX,
    "longest-token": LONGEST_TOKEN,
    "longest-suffix": LONGEST_SUFFIX,
    "fewest-tokens": FEWEST_TOKENS,
}
"""Ways that chance has no part in, and the kernels' numbers for them."""
RANDOM: Final = ("dropout", "stochastok")
"""Ways that draw, with the probability behind a colon."""
WAYS: Final = (*KERNELS, *(f"{name}:P" for name in RANDOM))
"""Spelling of every way, as `parse_segmentation` reads it; P is a probability."""


class BadSegmentation(UsageError):
    """A way to encode that there is not."""

    text: str
    reason: str
    message = "inference {text!r}: {reason}; take one of " + ", ".join(WAYS) + ", with P from 0 to 1"


@dataclass(frozen=True)
class Segmentation:
    """Way from a word to tokens. `str` gives what `parse_segmentation` reads."""

    name: str
    """One of KERNELS or RANDOM."""
    probability: float = 0.0
    """Probability of a random way: that a merge is left out, or the share of tokens that are taken apart."""

    @property
    def is_random(self) -> bool:
        """True if ids depend on a seed. Not with a probability of 0, which comes to the merges."""
        return self.name in RANDOM and self.chance > 0

    @property
    def chance(self) -> int:
        """The probability as kernels take it."""
        return round(self.probability * CERTAIN)

    @property
    def kernel(self) -> int:
        """The kernels' number for it, or for what a random one begins with."""
        return KERNELS.get(self.name, BY_MERGES)

    def __str__(self) -> str:
        return f"{self.name}:{self.probability!r}" if self.name in RANDOM else self.name


MERGES: Final = Segmentation("merges")
"""The merges in their order: what a tokenizer's own library does."""


def parse_segmentation(text: str) -> Segmentation:
    """A way to encode from its name, as `merges` or `dropout:0.1`. Raises BadSegmentation."""
    name, colon, given = text.partition(":")
    if name in KERNELS:
        if colon:
            raise BadSegmentation(text, f"{name} takes no probability")
        return Segmentation(name)
    if name not in RANDOM:
        raise BadSegmentation(text, "no such way")
    try:
        probability = float(given)
    except ValueError:
        raise BadSegmentation(text, f"{name} needs a probability, as {name}:0.1") from None
    if not 0 <= probability <= 1:
        raise BadSegmentation(text, "the probability is not from 0 to 1")
    return Segmentation(name, probability)
