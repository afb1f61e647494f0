"""Probes: measures of sampled documents that need more than the counts of their tokens."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Protocol

import numpy as np
import pyarrow as pa

from operators.arrays import I32, I64
from operators.metrics.numbers import LONGEST, SHORT, Number, boundary_f1, magnitude, numbers_in, pattern_bits
from operators.metrics.token_borders import Borders, split_characters, token_borders
from operators.metrics.token_pairs import UNITS
from pipelines.compare.figures import Figure, counted, unknown

CHARACTERS: Final = ("split_characters",)
NUMBERS: Final = (
    "number_boundary_f1", "number_pattern_bits", "number_pattern_bits_by_length", "number_magnitude_rho",
    "number_magnitude_cv",
)  # fmt: skip
NOT_SPELLED: Final = "the tokens do not spell the text: it is normalized, or has unknown characters"
_NONE: Final = np.empty(0)


@dataclass(frozen=True)
class Sampled:
    """Sampled documents of one batch, with their tokens."""

    text: pa.LargeStringArray
    language: str
    ids: I32
    offsets: I64
    units: I64
    """int64[documents]: the unit of each."""
    tokens: pa.LargeBinaryArray
    """Bytes of every token, by id."""

    @cached_property
    def borders(self) -> Borders:
        """Borders of the tokens in the text."""
        return token_borders(self.text, self.ids, self.offsets, self.tokens)


class Probe(Protocol):
    """Measure that sees the sampled documents of one group under one tokenizer, batch by batch."""

    def add(self, sampled: Sampled) -> None:
        """Measure a batch."""

    def figures(self, units: int) -> list[Figure]:
        """Return the figures of all batches. units: number of units that have documents."""


class CharacterProbe:
    """Characters of several bytes that tokens split."""

    def __init__(self) -> None:
        self._split, self._all, self._spelled = np.zeros(UNITS), np.zeros(UNITS), 0

    def add(self, sampled: Sampled) -> None:
        """Count the characters of a batch."""
        self._spelled += int(sampled.borders.spelled.sum())
        for sums, counts in zip((self._split, self._all), split_characters(sampled.borders), strict=True):
            sums += np.bincount(sampled.units, weights=counts, minlength=UNITS)

    def figures(self, units: int) -> list[Figure]:
        """Return the share of characters that are split."""
        why = "no character has several bytes" if self._spelled else NOT_SPELLED
        return [counted(CHARACTERS[0], self._split[:units], self._all[:units], why)]


class NumberProbe:
    """Cuts of numbers."""

    def __init__(self) -> None:
        self._f1, self._all, self._spelled = np.zeros(UNITS), np.zeros(UNITS), 0
        self._numbers = Counter[Number]()

    def add(self, sampled: Sampled) -> None:
        """Count the numbers of a batch by their cuts."""
        self._spelled += int(sampled.borders.spelled.sum())
        for document, number in numbers_in(sampled.borders):
            unit = sampled.units[document]
            self._f1[unit] += boundary_f1(number)
            self._all[unit] += 1
            self._numbers[number] += 1

    def figures(self, units: int) -> list[Figure]:
        """Return F1 of cuts, how much cuts vary, and how tokens a digit follow the length."""
        if not self._numbers:
            return [unknown(name, "no numbers" if self._spelled else NOT_SPELLED) for name in NUMBERS]
        f1 = Figure(NUMBERS[0], self._f1[:units], self._all[:units])
        return [f1, *self._variation(), *self._magnitude()]

    def _variation(self) -> list[Figure]:
        long = {number: count for number, count in self._numbers.items() if number.digits > SHORT}
        if not long:
            return [unknown(name, f"no number has more than {SHORT} digits") for name in NUMBERS[1:3]]
        patterns, total, apart = Counter[tuple[int, ...]](), sum(long.values()), 0.0
        for number, count in long.items():
            patterns[number.cuts] += count
        for digits in {number.digits for number in long}:
            own = [count for number, count in long.items() if number.digits == digits]
            apart += sum(own) / total * pattern_bits(own)
        return [whole(NUMBERS[1], pattern_bits(patterns.values())), whole(NUMBERS[2], apart)]

    def _magnitude(self) -> list[Figure]:
        tokens, numbers = np.zeros(LONGEST), np.zeros(LONGEST, np.int64)
        for number, count in self._numbers.items():
            at = min(number.digits, LONGEST) - 1
            tokens[at] += count * (len(number.cuts) + 1) / number.digits
            numbers[at] += count
        rho, variation = magnitude(tokens, numbers)
        if rho is None or variation is None:
            return [unknown(name, "all numbers have one length") for name in NUMBERS[3:]]
        return [whole(NUMBERS[3], rho), whole(NUMBERS[4], variation)]


def whole(name: str, value: float) -> Figure:
    """Return a figure that is no ratio of sums over documents."""
    return Figure(name, _NONE, _NONE, value, adds_up=False)
