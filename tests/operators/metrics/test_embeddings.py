"""Indicators of under-trained tokens by their definitions, row by row (Land and Bartolo 2024)."""

import numpy as np

from operators.metrics.embeddings import indicators


def test_indicators_are_those_of_the_definitions() -> None:
    drawn = np.random.default_rng(3)
    matrix = (drawn.normal(size=(60, 7)) + 2).astype(np.float32)
    matrix[5] = 0
    unused = [1, 4, 30]
    found = indicators(matrix, unused)
    rows = matrix.astype(np.float64)
    _, _, directions = np.linalg.svd(rows - rows.mean(0))
    variants = {
        "cosine": rows,
        "cosine_centred": rows - rows.mean(0),
        "cosine_without_pc": np.array([row - row @ directions[0] * directions[0] for row in rows]),
    }
    for name, own in variants.items():
        mean = own[unused].mean(0)
        expected = [1 - row @ mean / max(np.linalg.norm(row) * np.linalg.norm(mean), 1e-6) for row in own]
        np.testing.assert_allclose(found[name], expected, rtol=1e-9, atol=1e-12)
    expected = [np.linalg.norm(row - rows[unused].mean(0)) for row in rows]
    np.testing.assert_allclose(found["l2"], expected, rtol=1e-12)
