"""Renyi efficiency against its definition, written out."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.metrics.efficiency import ratio, renyi_efficiency

counts = st.lists(st.integers(0, 1000), min_size=1, max_size=30)


@given(counts, st.sampled_from([0.5, 1, 2, 2.5, 3]), st.integers(0, 50))
def test_renyi_efficiency_is_its_definition(counts: list[int], alpha: float, more: int) -> None:
    seen = [count for count in counts if count]
    types = len(counts) + more
    for among in (None, types):
        found = renyi_efficiency(np.array(counts, np.int64), among, alpha)
        w = len(seen) if among is None else among
        if w < 2 or not seen:
            assert found is None
            continue
        p = [count / sum(seen) for count in seen]
        if alpha == 1:
            entropy = -sum(one * math.log2(one) for one in p)
        else:
            entropy = math.log2(sum(one**alpha for one in p)) / (1 - alpha)
        assert found == pytest.approx(entropy / math.log2(w), abs=1e-12)


def test_tokens_used_alike_are_fully_efficient_and_one_token_says_nothing() -> None:
    assert renyi_efficiency(np.array([7, 7, 7, 0], np.int64)) == pytest.approx(1)
    assert renyi_efficiency(np.array([7, 0], np.int64)) is None
    assert renyi_efficiency(np.array([0, 0], np.int64), 2) is None
    assert ratio(3, 0) is None and ratio(3, 2) == 1.5
