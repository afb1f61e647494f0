"""First trials of a design: unweighted training, and a temperature to learn how far the training text tells losses."""

from dataclasses import replace
from typing import Final

import numpy as np

from operators.arrays import F64
from operators.fairness.expectation import Expectation, trust_in_training
from pipelines.context import Context
from pipelines.design.judging import document_tokens
from pipelines.design.parallel_halves import Halves
from pipelines.design.search import Search, run_trials
from pipelines.design.trials import Trial, tokenizer_of

TEMPERATURE: Final = 5.0
"""Temperature of XLM-R-like mixtures (1 / 0.2)."""


def first_trials(search: Search, sizes: F64, halves: Halves, context: Context) -> tuple[Search, list[Trial], float]:
    """Return the search with what its bounds are measured by, the two trials, and the trust in the training text.

    sizes: bytes of training text, float64[N].
    """
    tasks = [search.task("unweighted", np.ones(len(sizes)), pool=True), search.temperature(sizes, TEMPERATURE)]
    trials = run_trials(tasks, context, "unweighted")
    tokenizers = [tokenizer_of(search.start, one.merges) for one in trials]
    before, after = document_tokens(halves, halves.searched, tokenizers, context)
    measured = search.market.measured
    plain, other = (one.training[measured] for one in trials)
    trust = trust_in_training(before, after, other / plain)
    return replace(search, expectation=Expectation(trials[0].tokens[measured], plain, trust)), trials, trust
