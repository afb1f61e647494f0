"""Indicators of under-trained tokens in embedding matrices (Land and Bartolo 2024, 2405.05417, section 3.2)."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from operators.arrays import F64

_LEAST_NORM: Final = 1e-6
"""Least product of two norms, for rows of zeros."""


def indicators(output: NDArray[np.floating], unused: Sequence[int]) -> dict[str, F64]:
    """Return four indicators of each row of the output embeddings (float[rows, width]); low ones are suspicious.

    unused: rows that are known never to have been trained; their mean is what the others are compared with.

    - cosine: cosine distance to that mean
    - cosine_centred: the same, with the mean of all rows taken away from each
    - cosine_without_pc: the same, with the first principal component of all rows taken away from each
    - l2: Euclidean distance to that mean
    """
    matrix = output.astype(np.float64)
    rows = list(unused)
    centred = matrix - matrix.mean(0)
    component = np.linalg.eigh(centred.T @ centred)[1][:, -1]
    without = matrix - np.outer(matrix @ component, component)
    return {
        "cosine": _cosine_distance(matrix, matrix[rows].mean(0)),
        "cosine_centred": _cosine_distance(centred, centred[rows].mean(0)),
        "cosine_without_pc": _cosine_distance(without, without[rows].mean(0)),
        "l2": np.linalg.norm(matrix - matrix[rows].mean(0), axis=1),
    }


def _cosine_distance(matrix: F64, vector: F64) -> F64:
    norms = np.linalg.norm(matrix, axis=1) * np.linalg.norm(vector)
    distance: F64 = 1 - matrix @ vector / norms.clip(min=_LEAST_NORM)
    return distance
