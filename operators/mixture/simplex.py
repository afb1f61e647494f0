"""The least of a quadratic function over shares: all at least 0, together 1."""

import numpy as np

from operators.arrays import F64


def least_on_simplex(quadratic: F64, linear: F64) -> F64:
    """The a that minimises a'Qa / 2 - linear'a over the simplex, by active sets.

    `quadratic` is float64[n, n], symmetric and positive definite (its null space may hold no difference of shares).
    """
    n = len(linear)
    free = np.ones(n, np.bool_)
    slack = 1e-12 * float(np.abs(linear).max() + np.abs(quadratic).max())
    share = np.full(n, 1.0 / n)
    for _ in range(10 * n):
        chosen = np.flatnonzero(free)
        system = np.ones((len(chosen) + 1, len(chosen) + 1))
        system[:-1, :-1] = quadratic[np.ix_(chosen, chosen)]
        system[-1, -1] = 0.0
        solution = _solved(system, np.append(linear[chosen], 1.0))
        goal = np.zeros(n)
        goal[chosen] = solution[:-1]
        if (goal < 0.0).any():
            # From the feasible point towards the goal, as far as the first share that would turn negative.
            falling = goal < 0.0
            reach = np.where(falling, share / np.maximum(share - goal, 1e-300), np.inf)
            stop = int(np.argmin(reach))
            share = np.maximum(share + min(float(reach[stop]), 1.0) * (goal - share), 0.0)
            share[stop], free[stop] = 0.0, False
            continue
        share = goal
        pull = np.where(free, 0.0, quadratic @ share - linear + solution[-1])
        if float(pull.min()) >= -slack:
            break
        free[int(np.argmin(pull))] = True
    return share / float(share.sum())


def _solved(system: F64, right: F64) -> F64:
    """Of a singular system the shortest of the nearest solutions: shares that nothing tells apart are made equal."""
    try:
        return np.asarray(np.linalg.solve(system, right), np.float64)
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.lstsq(system, right, rcond=None)[0], np.float64)
