"""Language weights: weights, shares or a temperature, as integers that counts are multiplied by.

Integers keep training exact and repeatable: nothing is sampled, and only the integers themselves are rounded, from
rational arithmetic. The price is large counts: shares and temperatures multiply them by about 1,000 times the ratio of
the largest to the smallest weight, weights such as 0.333333 by their denominator. `min_pair_count` and the counts in
merges.parquet are in these units; totals of 2^62 or more raise an error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from math import gcd, isfinite, lcm
from typing import Any

from operators.errors import UsageError

FINEST_WEIGHT = 10**6
FINEST_MULTIPLIER = 1000
_DIGITS = 50
"""Digits of powers. Decimal computes in software, so they are equal on every machine."""


class WeightOutOfRange(UsageError):
    """Weights or shares so far apart that integers in their ratios would be too large."""

    ratio: int
    message = "weights and shares must be within a factor of {ratio:,} of 1 and of each other; bring them closer"


class UnknownLanguage(UsageError):
    """A requested language without text in the corpus. `present`: the languages with text."""

    setting: str
    language: str
    present: list[str]
    message = "{setting}: no text in the language '{language}'; the corpus has {present}"


@dataclass(frozen=True)
class Weighting:
    """Weighting of languages; at most one of the three is set. None set: counts stay as they are."""

    shares: Mapping[str, float] | None = None
    """Only these languages, their bytes in these shares."""
    weights: Mapping[str, float] | None = None
    """Factors for the counts of these languages; others have 1."""
    temperature: float | None = None
    """T >= 1: shares of bytes proportional to bytes^(1/T). Conneau et al. 2020 (XLM-R) write alpha for 1/T."""

    @property
    def settings(self) -> dict[str, Any]:
        """Settings for the fingerprint."""
        named = {"shares": self.shares, "weights": self.weights}
        return {name: None if wanted is None else dict(wanted) for name, wanted in named.items()} | {
            "temperature": self.temperature
        }

    def multipliers(self, sizes: Mapping[str, int]) -> dict[str, int] | None:
        """Return an integer for each language that counts, given all languages' bytes; None: 1 for all of them.

        Raises UnknownLanguage, WeightOutOfRange.
        """
        for setting, wanted in (("shares", self.shares), ("weights", self.weights)):
            for language in wanted or ():
                if not sizes.get(language):
                    raise UnknownLanguage(setting, language, sorted(name for name, size in sizes.items() if size))
        if self.shares is not None:
            return shares_to_multipliers(self.shares, sizes)
        if self.weights is not None:
            names = sorted(sizes)
            return dict(zip(names, whole_ratios([self.weights.get(name, 1) for name in names]), strict=True))
        if self.temperature is not None:
            return flattened(self.temperature, sizes)
        return None


def whole_ratios(weights: Sequence[float]) -> list[int]:
    """Return the smallest integers in the ratios of the weights: weights 1, 1, 0.5 become 2, 2, 1."""
    if not all(isfinite(weight) for weight in weights):
        raise WeightOutOfRange(FINEST_WEIGHT)
    ratios = [Fraction(str(weight)).limit_denominator(FINEST_WEIGHT) for weight in weights]
    if any(ratio <= 0 or ratio > FINEST_WEIGHT for ratio in ratios):
        raise WeightOutOfRange(FINEST_WEIGHT)
    common = lcm(*(ratio.denominator for ratio in ratios)) if ratios else 1
    whole = [int(ratio * common) for ratio in ratios]
    divisor = gcd(*whole) if whole else 1
    if whole and max(whole) // divisor > FINEST_WEIGHT**2:
        raise WeightOutOfRange(FINEST_WEIGHT)
    return [one // divisor for one in whole]


def shares_to_multipliers(wanted: Mapping[str, float], sizes: Mapping[str, int]) -> dict[str, int]:
    """Return integers that bring languages' bytes into the wanted shares when counts are multiplied by them.

    Shares are met to 1/2,000 of each.
    """
    largest, smallest = max(wanted.values()), min(wanted.values())
    if not isfinite(largest) or largest > FINEST_WEIGHT * smallest:
        raise WeightOutOfRange(FINEST_WEIGHT)
    return _scaled({language: Fraction(str(share)) / sizes[language] for language, share in wanted.items()})


def flattened(temperature: float, sizes: Mapping[str, int]) -> dict[str, int]:
    """Return integers that make languages' bytes proportional to their bytes^(1/temperature).

    Languages without text are left out. A temperature of 1 gives 1 for each.
    """
    context = Context(prec=_DIGITS)
    exponent = context.divide(Decimal(1), Decimal(str(temperature)))
    powers = {name: context.power(Decimal(size), exponent) for name, size in sizes.items() if size}
    return _scaled({name: Fraction(context.divide(power, Decimal(sizes[name]))) for name, power in powers.items()})


def _scaled(scale: Mapping[str, Fraction]) -> dict[str, int]:
    """Return integers in about these ratios: the smallest is 1,000, then all are divided by their common divisor."""
    if not scale:
        return {}
    unit = min(scale.values()) / FINEST_MULTIPLIER
    whole = {language: round(one / unit) for language, one in scale.items()}
    divisor = gcd(*whole.values())
    return {language: one // divisor for language, one in whole.items()}
