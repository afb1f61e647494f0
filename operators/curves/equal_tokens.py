"""Vocabulary sizes, one a language, at which all languages need about the same tokens (Arnett et al. 2025, 5.2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.arrays import I64
from operators.curves.tokens_by_size import Curve

TARGETS: Final = 400
"""Number of targets that are tried, evenly spaced in their logarithm."""


@dataclass(frozen=True)
class Choice:
    """A size for each language, in the order of their names."""

    target: int
    """Number of tokens that was aimed at."""
    sizes: I64
    tokens: I64
    """int64[languages] each: vocabulary sizes, and the tokens at them."""
    variance: float
    """Variance of the tokens over languages."""


def choose_sizes(curves: Mapping[str, tuple[Curve, I64]], smallest: int, largest: int) -> Choice:
    """Choose the target with the least variance, between the fewest and the most tokens of any language at any size.

    Each language gets the smallest size from `smallest` to `largest` with at most the target's tokens, and `largest`
    where it never gets there. `curves`: language to its curve and its vocabulary sizes (int64, by merges). Of equal
    targets the lowest.
    """
    steps = [_steps(*curves[language], smallest, largest) for language in sorted(curves)]
    fewest, most = min(int(tokens[-1]) for _, tokens in steps), max(int(tokens[0]) for _, tokens in steps)
    best: Choice | None = None
    for target in np.unique(np.geomspace(max(fewest, 1), max(most, 1), TARGETS).round().astype(np.int64)).tolist():
        at = [min(int(np.searchsorted(-tokens, -target)), len(tokens) - 1) for _, tokens in steps]
        sizes = np.array([own[i] for (own, _), i in zip(steps, at, strict=True)])
        tokens = np.array([own[i] for (_, own), i in zip(steps, at, strict=True)])
        variance = float(tokens.var())
        if best is None or variance < best.variance:
            best = Choice(int(target), sizes, tokens, variance)
    assert best is not None
    return best


def _steps(curve: Curve, sizes: I64, smallest: int, largest: int) -> tuple[I64, I64]:
    """Return a language's possible sizes (rising) and tokens (falling): one step each, the first at `smallest`."""
    vocabulary = sizes[np.minimum(curve.merges, len(sizes) - 1)]
    inside = (vocabulary > smallest) & (vocabulary <= largest)
    first = curve.tokens[max(int(np.searchsorted(vocabulary, smallest, side="right")) - 1, 0)]
    begin = min(max(smallest, int(sizes[0])), int(sizes[-1]))
    return np.concatenate([[begin], vocabulary[inside]]), np.concatenate([[first], curve.tokens[inside]])
