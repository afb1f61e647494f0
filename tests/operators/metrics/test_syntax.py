"""Leaves and indentation under a tokenizer, on known pieces of code and against slow loops."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.metrics.syntax import (
    has_own_borders,
    indent_correlation,
    indent_stability,
    indentations,
    kind_of,
    tokens_of,
)
from operators.metrics.token_borders import Borders, token_borders
from operators.statistics.rank_correlation import spearman
from tests.conftest import examples


def borders_of(*tokens: str) -> Borders:
    """Borders of one document, cut into these tokens."""
    known = sorted({token.encode() for token in tokens})
    ids = np.array([known.index(token.encode()) for token in tokens], np.int32)
    text = pa.array(["".join(tokens)], pa.large_string())
    return token_borders(text, ids, np.array([0, len(ids)]), pa.array(known, pa.large_binary()))


@pytest.mark.parametrize(
    ("node", "text", "is_named", "kind"),
    [
        ("identifier", "self", True, "identifier"), ("(", "(", False, "delimiter"), ("integer", "12", True, "literal"),
        ("return", "return", False, "keyword"), ("self", "self", True, "keyword"), ("&&", "&&", False, "operator"),
        ("::", "::", False, None), ("comment", "# x", True, None), ("string_content", "a b", True, "literal"),
    ],
)  # fmt: skip
def test_leaves_have_a_class_by_type_and_text(node: str, text: str, is_named: bool, kind: str | None) -> None:
    assert kind_of(node, text, is_named) == kind


def test_a_space_that_begins_a_token_belongs_to_either_side() -> None:
    borders = borders_of("if", " foo", "_bar", "==", "1):")
    assert borders.text.tobytes() == b"if foo_bar==1):"
    assert has_own_borders(borders, 0, 2) and has_own_borders(borders, 3, 10)
    assert has_own_borders(borders, 10, 12)
    assert not has_own_borders(borders, 12, 13) and not has_own_borders(borders, 4, 10)
    assert tokens_of(borders, 3, 10) == 2 and tokens_of(borders, 12, 13) == 1


def test_indentation_has_the_tokens_of_its_white_space() -> None:
    borders = borders_of("def", " f", ":\n", "   ", " return", " 1", "\n", "\t", "\t", "x", "\n  \n    ", "y")
    found = [*indentations(borders, 0, len(borders.text))]
    assert found == [(1, (b"   ", b" return")), (4, (b"\t", b"\t")), (1, (b"\n  \n    ",))]
    assert indent_stability(found) == 2 / 3
    assert indent_correlation(found) is None
    assert indent_correlation([(depth, (b" ",) * depth) for depth in (1, 2, 3)]) == pytest.approx(1)
    assert indent_correlation([(depth, (b" ",)) for depth in (1, 2, 3)]) == 0.0


@examples(50)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=9))
def test_spearman_is_the_correlation_of_mean_ranks(pairs: list[tuple[int, int]]) -> None:
    ranks = []
    for own in zip(*pairs, strict=True):
        counts = Counter(own)
        ranks.append([sum(n for v, n in counts.items() if v < one) + (counts[one] - 1) / 2 for one in own])
    found = spearman(*(np.array(one, np.float64) for one in zip(*pairs, strict=True)))
    if any(len(set(one)) == 1 for one in ranks):
        assert found is None
    else:
        assert found == pytest.approx(float(np.corrcoef(ranks[0], ranks[1])[0, 1]))
