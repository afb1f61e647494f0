"""Leaves of syntax trees and indentation under a tokenizer, after TokEval (Meister 2026)."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import gcd
from typing import Final, Literal

import numpy as np

from operators.metrics.token_borders import Borders
from operators.statistics.rank_correlation import spearman

Kind = Literal["identifier", "keyword", "operator", "literal", "delimiter"]
KINDS: Final[tuple[Kind, ...]] = ("identifier", "keyword", "operator", "literal", "delimiter")
_DELIMITERS: Final = frozenset("(){}[];,")
_NO_OPERATORS: Final = frozenset([".", ":", "::", "@", "#", "...", "\\"])
_IDENTIFIERS: Final = frozenset(
    [
        "identifier", "type_identifier", "field_identifier", "property_identifier", "shorthand_property_identifier",
        "shorthand_property_identifier_pattern",
    ]
)  # fmt: skip
_LITERALS: Final = frozenset(
    [
        "string", "string_literal", "string_content", "string_fragment", "raw_string_literal", "char_literal",
        "character_literal", "integer", "integer_literal", "decimal_integer_literal", "hex_integer_literal",
        "octal_integer_literal", "binary_integer_literal", "float", "float_literal", "decimal_floating_point_literal",
        "number", "number_literal", "true", "false", "none", "null", "nil", "boolean", "boolean_literal",
        "null_literal", "regex_pattern",
    ]
)  # fmt: skip
_NAMED_KEYWORDS: Final = frozenset(["self", "this", "super", "crate", "mut", "void", "break", "continue", "yield"])
"""Keywords that some grammar has as a node with a name of its own."""


@dataclass(frozen=True)
class Leaf:
    """A leaf of a syntax tree, by bytes of its document."""

    kind: Kind
    begin: int
    end: int


def kind_of(node_type: str, text: str, is_named: bool) -> Kind | None:
    """Return the class of a leaf from its type in tree-sitter's grammar and its text; None: of no class.

    >>> kind_of("identifier", "x", True), kind_of("if", "if", False), kind_of("==", "==", False)
    ('identifier', 'keyword', 'operator')
    """
    if text in _DELIMITERS:
        return "delimiter"
    if node_type in _IDENTIFIERS:
        return "identifier"
    if node_type in _LITERALS:
        return "literal"
    if text.isalpha() and (text in _NAMED_KEYWORDS if is_named else node_type == text):
        return "keyword"
    if not is_named and text.strip() and not text.isalnum() and text.strip() not in _NO_OPERATORS:
        return "operator"
    return None


def has_own_borders(borders: Borders, begin: int, end: int) -> bool:
    """Return True if a token begins at the first byte of a span and behind its last one; places in `borders.text`.

    A space that begins a token may count to either side of a border.
    """
    return _is_border(borders, begin) and _is_border(borders, end)


def _is_border(borders: Borders, place: int) -> bool:
    behind_space = place > 0 and borders.text[place - 1] == 0x20 and borders.at[place - 1]
    return bool(borders.at[place] or behind_space)


def tokens_of(borders: Borders, begin: int, end: int) -> int:
    """Count the tokens with bytes in a span."""
    return 1 + int(borders.at[begin + 1 : end].sum())


Indentation = tuple[int, tuple[bytes, ...]]
"""Depth of an indented line, and the text of the tokens that its white space is in."""


def indentations(borders: Borders, first: int, last: int) -> Iterator[Indentation]:
    """Yield the indentation of each indented line of a document, the bytes `first` to `last` of `borders.text`.

    The depth is the width, tabs expanded, over the greatest common divisor of all widths of the document.
    """
    lines, begin = list[tuple[int, int, int]](), first
    for line in borders.text[first:last].tobytes().split(b"\n"):
        blank = len(line) - len(line.lstrip())
        if blank and blank < len(line):
            lines.append((len(line[:blank].expandtabs()), begin, begin + blank))
        begin += len(line) + 1
    unit = gcd(*(width for width, _, _ in lines)) or 1
    places = np.flatnonzero(borders.at[first : last + 1]) + first
    for width, begin, end in lines:
        own = places[np.searchsorted(places, begin, "right") - 1 : np.searchsorted(places, end) + 1].tolist()
        tokens = [borders.text[a:b].tobytes() for a, b in pairwise(own)]
        yield width // unit, tuple(tokens)


def indent_stability(found: Iterable[Indentation]) -> float:
    """Return the share of indented lines whose tokens are the commonest ones of their depth."""
    patterns = defaultdict[int, Counter[tuple[bytes, ...]]](Counter)
    for depth, tokens in found:
        patterns[depth][tokens] += 1
    return sum(max(own.values()) for own in patterns.values()) / sum(own.total() for own in patterns.values())


def indent_correlation(found: Iterable[Indentation]) -> float | None:
    """Return Spearman's correlation of depth and number of tokens, 0 where all lines have as many tokens.

    None with fewer than three depths.
    """
    depths, tokens = (
        np.array(one, np.float64) for one in zip(*((depth, len(own)) for depth, own in found), strict=True)
    )
    return spearman(depths, tokens) or 0.0 if len(np.unique(depths)) > 2 else None
