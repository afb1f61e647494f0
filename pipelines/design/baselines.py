"""Baselines of a design: weightings that are in use, and a regression over random mixtures.

The regression is after TReX (EACL 2026): proxies on random mixtures, a model from mixture to figure, the best of many
predicted mixtures. The model here is a ridge regression on logarithms of the shares and their squares.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from operators.arrays import F64
from pipelines.context import Context
from pipelines.design.search import Search, run_trials
from pipelines.design.trials import Trial

TEMPERATURE: Final = 3.3
"""Temperature of mBERT-like mixtures (1 / 0.3)."""
PREDICTED: Final = 20_000
"""Random mixtures whose figures the regression predicts."""
RIDGE: Final = 1.0
CONCENTRATION: Final = 4.0
"""Parameter of the Dirichlet distribution: languages get half to twice their share, mostly."""


def usual_baselines(search: Search, sizes: F64, context: Context) -> list[Trial]:
    """Return trials of equal bytes, of a second temperature, and of training by parity on the searched half.

    sizes: bytes of training text, float64[N].
    """
    tasks = [search.task("equal bytes", 1 / sizes), search.temperature(sizes, TEMPERATURE)]
    tasks.append(replace(search.task("parity", np.ones(len(sizes))), parity_after=0))
    return run_trials(tasks, context, "baselines")


def random_mixtures(search: Search, sizes: F64, unweighted: Trial, trials: int, context: Context) -> list[Trial]:
    """Return `trials` trials of random mixtures; the last one is of the mixture that a regression over them predicts.

    Shares are drawn around those of the training text. The best predicted mixture is the one with the best objective
    among those whose predicted loss is within the bound.
    """
    random = np.random.default_rng(0)
    natural = sizes / sizes.sum()
    drawn = _draw(random, natural, max(1, trials - 1))
    made = run_trials([search.task("random mixture", one / sizes) for one in drawn], context, "random mixtures")
    losses = np.array([search.loss(one, unweighted) for one in made])
    values = np.array([search.value(one) for one in made])
    candidates = _draw(random, natural, PREDICTED)
    predicted = _regression(np.log(drawn / natural), np.stack([losses, values], 1), np.log(candidates / natural))
    within = np.flatnonzero(predicted[:, 0] <= search.bound)
    best = within[predicted[within, 1].argmin()] if len(within) else predicted[:, 0].argmin()
    last = search.task("regression over mixtures", candidates[best] / sizes)
    return [*made, *run_trials([last], context, "regression over mixtures")]


def _draw(random: np.random.Generator, natural: F64, number: int) -> F64:
    """Draw shares, float64[number, N]: from a Dirichlet distribution, times the shares of the text."""
    shares = random.dirichlet(np.full(len(natural), CONCENTRATION), number) * natural + 1e-6 * natural
    drawn: F64 = shares / shares.sum(1, keepdims=True)
    return drawn


def _regression(known: F64, targets: F64, wanted: F64) -> F64:
    """Predict targets (float64[k, t]) at `wanted` from ridge regression on the columns of `known` and their squares."""
    inputs = np.concatenate([known, known**2], 1)
    middle, scale = inputs.mean(0), inputs.std(0) + 1e-9
    scaled = (inputs - middle) / scale
    center = targets.mean(0)
    inner = scaled @ scaled.T + RIDGE * len(scaled) * np.eye(len(scaled))
    found: F64 = np.linalg.solve(inner, targets - center)
    others = (np.concatenate([wanted, wanted**2], 1) - middle) / scale
    predicted: F64 = others @ (scaled.T @ found) + center
    return predicted
