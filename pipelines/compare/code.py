"""Probe of code: borders of syntax leaves, identifiers and indentation."""

from typing import Final

import numpy as np

from operators.metrics.syntax import (
    KINDS,
    Indentation,
    has_own_borders,
    indent_correlation,
    indent_stability,
    indentations,
    tokens_of,
)
from operators.metrics.token_pairs import UNITS
from pipelines.compare.figures import Figure, counted, unknown
from pipelines.compare.probes import NOT_SPELLED, Sampled, whole
from pipelines.compare.syntax_trees import leaves_of, parser_of

LEAVES: Final = "code_leaf_borders"
PER_IDENTIFIER: Final = "tokens_per_identifier"
STABILITY: Final = "indent_stability"
CORRELATION: Final = "indent_depth_rho"
CODE: Final = (LEAVES, *(f"code_{kind}_borders" for kind in KINDS), PER_IDENTIFIER, STABILITY, CORRELATION)
MOST_BYTES: Final = 2 << 20
"""Largest number of bytes of a group that are parsed, from the beginning of its sample."""


class CodeProbe:
    """Syntax leaves and indentation of the documents whose language has a parser."""

    def __init__(self) -> None:
        self._bordered, self._leaves = (np.zeros((len(KINDS), UNITS)) for _ in range(2))
        self._identifier_tokens = np.zeros(UNITS)
        self._indented = list[Indentation]()
        self._bytes, self._reason = 0, NOT_SPELLED

    def add(self, sampled: Sampled) -> None:
        """Parse the documents of a batch."""
        parse = parser_of(sampled.language)
        if isinstance(parse, str):
            self._reason = parse
            return
        borders = sampled.borders
        for i in np.flatnonzero(borders.spelled).tolist():
            first, last, unit = int(borders.starts[i]), int(borders.starts[i + 1]), int(sampled.units[i])
            if self._bytes > MOST_BYTES:
                return
            self._bytes += last - first
            for leaf in leaves_of(borders.text[first:last].tobytes(), parse):
                kind, begin, end = KINDS.index(leaf.kind), first + leaf.begin, first + leaf.end
                self._leaves[kind, unit] += 1
                self._bordered[kind, unit] += has_own_borders(borders, begin, end)
                if leaf.kind == "identifier":
                    self._identifier_tokens[unit] += tokens_of(borders, begin, end)
            self._indented += indentations(borders, first, last)

    def figures(self, units: int) -> list[Figure]:
        """Return the shares of leaves with borders of their own, tokens an identifier, and how lines are indented."""
        if not self._leaves.any():
            reason = "no leaf of a syntax tree could be read" if self._bytes else self._reason
            return [unknown(name, reason) for name in CODE]
        bordered, leaves = self._bordered[:, :units], self._leaves[:, :units]
        found = [Figure(LEAVES, bordered.sum(0), leaves.sum(0))]
        for name, above, below, kind in zip(CODE[1:], bordered, leaves, KINDS, strict=False):
            found.append(counted(name, above, below, f"no {kind}"))
        found.append(counted(PER_IDENTIFIER, self._identifier_tokens[:units], leaves[0], "no identifier"))
        if not self._indented:
            return [*found, *(unknown(name, "no line is indented") for name in (STABILITY, CORRELATION))]
        found.append(whole(STABILITY, indent_stability(self._indented)))
        correlation = indent_correlation(self._indented)
        if correlation is None:
            return [*found, unknown(CORRELATION, "lines have fewer than three depths")]
        return [*found, whole(CORRELATION, correlation)]
