"""Minimum of a quadratic function over shares: all at least 0, none above its bound, sum 1."""

import numpy as np

from operators.arrays import F64


def least_on_simplex(quadratic: F64, linear: F64, most: F64) -> F64:
    """Return the a that minimises a'Qa / 2 - linear'a over 0 <= a <= most, sum of a = 1, by active sets.

    `quadratic` is float64[n, n], symmetric and positive definite (its null space may hold no difference of shares).
    `most` is float64[n] and sums to 1 or more.
    """
    n = len(linear)
    free = np.ones(n, np.bool_)
    slack = 1e-12 * float(np.abs(linear).max() + np.abs(quadratic).max())
    share = most / float(most.sum())
    for _ in range(20 * n):
        chosen = np.flatnonzero(free)
        system = np.ones((len(chosen) + 1, len(chosen) + 1))
        system[:-1, :-1] = quadratic[np.ix_(chosen, chosen)]
        system[-1, -1] = 0.0
        fixed = np.where(free, 0.0, share)
        right = np.append((linear - quadratic @ fixed)[chosen], 1.0 - float(fixed.sum()))
        solution = _solved(system, right)
        goal = fixed.copy()
        goal[chosen] = solution[:-1]
        if len(chosen) > 1 and ((goal < 0.0) | (goal > most)).any():
            # From the feasible point towards the goal, as far as the first share that would leave its bounds.
            way = goal - share
            end = np.where(way < 0.0, 0.0, most)
            reach = np.where((goal < 0.0) | (goal > most), (end - share) / np.where(way == 0.0, 1.0, way), np.inf)
            stop = int(np.argmin(reach))
            share = np.clip(share + min(max(float(reach[stop]), 0.0), 1.0) * way, 0.0, most)
            share[stop], free[stop] = end[stop], False
            continue
        share = np.clip(goal, 0.0, most)
        pull = quadratic @ share - linear + solution[-1]
        wrong = np.where(free, 0.0, np.where(share > 0.5 * most, -pull, pull))
        if float(wrong.min()) >= -slack:
            break
        free[int(np.argmin(wrong))] = True
    return share / float(share.sum())


def _solved(system: F64, right: F64) -> F64:
    """Solve a system; a singular one by least squares, with the shortest solution: shares are equal if undecided."""
    try:
        return np.asarray(np.linalg.solve(system, right), np.float64)
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.lstsq(system, right, rcond=None)[0], np.float64)
