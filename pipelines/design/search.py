"""Rounds of a search: each predicts from the trials so far, and trains what it found for several bounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from operators.arrays import F64
from operators.fairness.expectation import Expectation
from operators.fairness.solve import Market
from operators.tokenizer import Tokenizer
from pipelines.context import Context
from pipelines.design.trials import Trial, TrialTask, run_trial

LADDER: Final = (1.0, 0.25, 0.5, 1.5)
"""Bounds of a round's trials, as multiples of the bound that is asked for: together they draw the frontier."""
MARGIN: Final = 0.02
"""Part of a bound by which a solution stays under it, as trained tokenizers differ that much from predictions."""
STEPS_OF_TEMPERATURE: Final = (1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0, 20.0, 50.0)


@dataclass(frozen=True)
class Search:
    """Parameters that all trials of a search share."""

    words: Path
    start: Tokenizer
    vocabulary: int
    market: Market
    bound: float
    """Largest loss that is allowed."""
    expectation: Expectation | None = None
    """Expected tokens, from the training text too; None: the tokens of the searched half."""

    def task(self, method: str, weights: F64, *, pool: bool = False) -> TrialTask:
        """Return a trial of given weights."""
        market = self.market if pool else None
        return TrialTask(self.words, method, self.start, self.vocabulary, weights, market)

    def temperature(self, sizes: F64, value: float) -> TrialTask:
        """Return a trial of a temperature. sizes: bytes of training text, float64[N]."""
        return self.task(f"temperature {value:.4g}", sizes ** (1 / value - 1))

    def tokens(self, trial: Trial) -> F64:
        """Return the expected tokens of the measured languages, float64[n]."""
        measured = self.market.measured
        searched = trial.tokens[measured]
        return searched if self.expectation is None else self.expectation.tokens(searched, trial.training[measured])

    def loss(self, trial: Trial, unweighted: Trial) -> float:
        """Return the tokens of the measured languages over those of unweighted training, less 1."""
        return float(self.tokens(trial).sum() / self.tokens(unweighted).sum() - 1)

    def value(self, trial: Trial) -> float:
        """Return the objective."""
        return self.market.objective.value(self.tokens(trial))


def run_trials(tasks: Sequence[TrialTask], context: Context, stage: str) -> list[Trial]:
    """Run trials side by side; return them in their order."""
    found: dict[int, Trial] = {}
    with context.progress.stage(stage, len(tasks), "trials") as advance:
        for index, trial in context.engine.run(run_trial, tasks):
            found[index] = trial
            advance(1)
    return [found[i] for i in range(len(tasks))]


def search_weights(search: Search, unweighted: Trial, rounds: int, context: Context) -> list[Trial]:
    """Return the trials of all rounds: one for each bound of the ladder, predicted from the bound's trial before it."""
    total = float(search.tokens(unweighted).sum())
    bounds = [search.bound * step for step in LADDER] if search.bound > 0 else [search.bound]
    last = dict.fromkeys(bounds, unweighted)
    equal = np.ones(len(search.market.measured))
    trials: list[Trial] = []
    for number in range(rounds):
        tasks = [
            TrialTask(
                search.words, "design", search.start, search.vocabulary, market=search.market,
                prediction=last[bound].prediction(search.market, search.tokens(last[bound])),
                prices=equal if last[bound].prices is None else last[bound].prices,
                most_tokens=total * (1 + bound - MARGIN * abs(bound)), loss=bound,
            )
            for bound in bounds
        ]  # fmt: skip
        made = run_trials(tasks, context, f"search, round {number + 1} of {rounds}")
        trials += made
        last |= dict(zip(bounds, made, strict=True))
    return trials


def search_temperatures(search: Search, sizes: F64, rounds: int, context: Context) -> list[Trial]:
    """Return trials of temperatures: a grid, then in each round those between the best one and its neighbours.

    sizes: bytes of training text, float64[N].
    """
    tried: dict[float, Trial] = {}
    wanted: Sequence[float] = STEPS_OF_TEMPERATURE
    for _ in range(rounds):
        tasks = [search.temperature(sizes, one) for one in wanted]
        tried |= dict(zip(wanted, run_trials(tasks, context, "search temperatures"), strict=True))
        ordered = sorted(tried)
        best = ordered.index(min(ordered, key=lambda one: search.value(tried[one])))
        around = ordered[max(0, best - 1) : best + 2]
        wanted = [float(np.sqrt(low * high)) for low, high in pairwise(around)]
    return list(tried.values())


def choose(search: Search, trials: Sequence[Trial], unweighted: Trial) -> tuple[Trial, bool]:
    """Return the trial with the best objective among those within the bound, and True.

    Where none is within it, the one of the least loss, and False.
    """
    within = [one for one in trials if search.loss(one, unweighted) <= search.bound]
    if within:
        return min(within, key=search.value), True
    return min(trials, key=lambda one: search.loss(one, unweighted)), False
