"""Market of a design: the objective, and what turns prices into weights, from the settings and the texts."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from operators.arrays import F64, I64
from operators.fairness.limits import Limits
from operators.fairness.objective import objective_of
from operators.fairness.shared_words import SharedWords
from operators.fairness.solve import Market
from pipelines.design.parallel_halves import Halves
from pipelines.design.settings import Design
from pipelines.settings import BadSettings

NAMED: Final = ("gini", "worst", "mean")


def importance_of(objective: str | Mapping[str, float]) -> Mapping[str, float]:
    """Return the importance of languages that an objective gives; empty for a named one. Raises BadSettings."""
    if not isinstance(objective, str):
        if not objective or min(objective.values()) < 0 or max(objective.values()) <= 0:
            raise BadSettings("objective", "takes a number of at least 0 for each language, and one above 0")
        return objective
    if objective not in NAMED:
        raise BadSettings("objective", f"{objective[:80]!r} is none of {', '.join(NAMED)}, and no .yaml file; name one")
    return {}


def market_of(settings: Design, training: SharedWords, searched: SharedWords, halves: Halves, baseline: str) -> Market:
    """Return the market. Raises BadSettings for languages that are not measured, and for bounds that cannot be met."""
    names = halves.languages
    measured = np.array([training.languages.index(name) for name in names], np.int64)
    importance = importance_of(settings.objective)
    for setting, given in (
        ("objective", importance), ("groups", settings.groups), ("least_shares", settings.least_shares),
        ("most_shares", settings.most_shares),
    ):  # fmt: skip
        for name in given or ():
            if name not in names:
                raise BadSettings(setting, f"{name[:80]!r} is not among the languages that are compared; leave it out")
    kind = settings.objective if isinstance(settings.objective, str) else "file"
    objective = objective_of(kind, names, names.index(baseline), importance)
    sizes = training.bytes[measured].astype(np.float64)
    limits = Limits(sizes, _groups(settings, names), *_bounds(settings, names))
    exchange = searched.bytes[measured] / sizes
    return Market(objective, measured, exchange / exchange.mean(), limits, len(training.languages), halves.noise)


def _groups(settings: Design, names: tuple[str, ...]) -> I64 | None:
    if settings.groups is None:
        return None
    keys = [("group", settings.groups[name]) if name in settings.groups else ("alone", name) for name in names]
    order = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    return np.array([order[key] for key in keys], np.int64)


def _bounds(settings: Design, names: tuple[str, ...]) -> tuple[F64 | None, F64 | None]:
    if settings.least_shares is None and settings.most_shares is None:
        return None, None
    lowest = np.array([(settings.least_shares or {}).get(name, 0.0) for name in names])
    highest = np.array([(settings.most_shares or {}).get(name, 1.0) for name in names])
    if lowest.sum() > 1 or highest.sum() < 1 or (lowest > highest).any():
        raise BadSettings("least_shares", "and most_shares leave no shares that add up to 1; widen them")
    return lowest, highest
