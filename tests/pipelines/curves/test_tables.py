"""The tables of curves: which language a merge belongs to."""

import numpy as np

from operators.curves.tokens_by_size import Curve
from pipelines.curves.tables import owners


def test_a_merge_belongs_to_whom_it_saves_most() -> None:
    curves = {
        "a": Curve(np.array([0, 1, 3]), np.array([100, 90, 80])),
        "b": Curve(np.array([0, 1, 2]), np.array([50, 46, 40])),
    }
    assert owners(curves, {"a": 100, "b": 50}) == {"a": 2, "b": 1}
    assert owners(curves, {"a": 100, "b": 10}) == {"a": 1, "b": 2}
