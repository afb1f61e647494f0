"""Numbers under a tokenizer: where their digits are cut, after Singh and Strouse 2024 and TokEval (Meister 2026).

A number is a maximal run of decimal digits of any script. Cut in threes from the right, digits have the same place in
their token whatever the number, and models add better.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from operators.arrays import F64, I64
from operators.metrics.token_borders import Borders
from operators.statistics.rank_correlation import spearman

LONGEST: Final = 10
"""Lengths from which on numbers count as one length in `magnitude`."""
SHORT: Final = 3
"""Largest number of digits that needs no cut."""
Cuts = tuple[int, ...]


@dataclass(frozen=True)
class Number:
    """A number as it is cut: its digits, and the places between digits at which tokens begin."""

    digits: int
    cuts: Cuts


@cache
def _digits() -> NDArray[np.bool_]:
    """Return True for the decimal digits, bool[0x110000]."""
    return np.array([chr(point).isdecimal() for point in range(0x110000)], np.bool_)


def numbers_in(borders: Borders) -> Iterator[tuple[int, Number]]:
    """Yield (document, number) for each number of the documents that their tokens spell, in order."""
    points = np.frombuffer(borders.text.tobytes().decode().encode("utf-32-le"), np.uint32)
    places = np.flatnonzero((borders.text & 0xC0) != 0x80)
    begins_token = borders.at[places]
    document = np.searchsorted(borders.starts, places, side="right") - 1
    digit = _digits()[points] & borders.spelled[document]
    goes_on = digit[1:] & digit[:-1] & (document[1:] == document[:-1])
    first, last = digit & ~np.append(False, goes_on), digit & ~np.append(goes_on, False)
    for begin, end in zip(np.flatnonzero(first).tolist(), np.flatnonzero(last).tolist(), strict=True):
        cuts = np.flatnonzero(begins_token[begin + 1 : end + 1]) + 1
        yield int(document[begin]), Number(end + 1 - begin, tuple(cuts.tolist()))


def boundary_f1(number: Number) -> float:
    """Compute F1 of a number's cuts against cuts in threes from the right; 1 if there are none and none are due.

    >>> boundary_f1(Number(7, (1, 4))), boundary_f1(Number(7, (4,))), boundary_f1(Number(2, (1,)))
    (1.0, 0.6666666666666666, 0.0)
    """
    due = set(range(number.digits - SHORT, 0, -SHORT))
    if not due and not number.cuts:
        return 1.0
    return 2 * len(due & set(number.cuts)) / (len(due) + len(number.cuts))


def pattern_bits(counts: Iterable[int]) -> float:
    """Compute Shannon's entropy of patterns of cuts from their counts, bits."""
    shares = np.array([*counts], np.float64)
    shares /= shares.sum()
    return float(-(shares * np.log2(shares)).sum()) + 0.0


def magnitude(tokens: F64, numbers: I64) -> tuple[float | None, float | None]:
    """Return how tokens a digit follow the length of numbers: Spearman's correlation, and coefficient of variation.

    tokens: float64[LONGEST], sums of tokens a digit over the numbers of 1, 2, ... digits, the last of LONGEST and more;
    numbers: int64[LONGEST], how many there are. The correlation is 0 where all lengths have one mean. None with numbers
    of fewer than two lengths.
    """
    lengths = np.flatnonzero(numbers)
    if len(lengths) < 2:
        return None, None
    means = tokens[lengths] / numbers[lengths]
    variation = float(means.std() / means.mean())
    correlation = spearman(lengths.astype(np.float64), means)
    return (0.0 if correlation is None else correlation), variation
