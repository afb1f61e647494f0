"""Heaps' law: growth of the number of distinct words with the text read, fitted to a sample made of blocks.

The curve is that of sample-based rarefaction (Colwell et al. 2012, Journal of Plant Ecology 5(1), eq. 17): how many
kinds m of the sample's blocks hold on average over all choices of m blocks. It needs no order of the blocks, so that a
language that comes late does not bend it. Heaps' law, V = K n^beta (Heaps 1978, section 7.5; Herdan 1960), is a line in
it on logarithmic axes. Real curves fall below the line as they go on (docs/explanation/planning.md).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.arrays import F64, I64

LEAST_BLOCKS: Final = 16
"""Fewest blocks with a fit."""
POINTS: Final = 48
"""Greatest number of points of the curve, geometrically spaced."""
FITTED: Final = 4.0
"""Ratio of the sample to the start of the fit of Heaps' law: the curve from a quarter of the sample on."""
BENT: Final = 8.0
"""Ratio of the sample to the start of the fit of the slope's fall, which needs a longer part of the curve."""
GROUPS: Final = 16
"""Groups of blocks that are left out in turn (jackknife)."""
MODEL_ERROR: Final = 0.04
"""Standard error of a prediction's logarithm for each e-fold of extrapolation, where the sample does not show more.

Found by predicting corpora that were counted whole (docs/explanation/planning.md)."""
_TWO_SIDED_95: Final = 1.96


@dataclass(frozen=True)
class Incidences:
    """Occurrences of kinds (of words) in blocks: arrays of one length, int64, each (kind, block) once."""

    kind: I64
    block: I64
    blocks: int
    """Number of blocks."""
    weights: F64
    """float64[kinds]: the weight of a kind; 1 to count kinds, its length to count bytes."""

    def frequencies(self, kept: np.ndarray[tuple[int], np.dtype[np.bool_]] | None = None) -> I64:
        """Count the blocks that hold each kind, int64[kinds]; only those in `kept` (bool[blocks]) if given."""
        kind = self.kind if kept is None else self.kind[kept[self.block]]
        counted: I64 = np.bincount(kind, minlength=len(self.weights)).astype(np.int64)
        return counted


@dataclass(frozen=True)
class Interval:
    """A prediction and the bounds of its 95 % interval."""

    low: float
    value: float
    high: float


@dataclass(frozen=True)
class Growth:
    """A fitted curve. Sizes are in the unit that `fit` was given, such as bytes of text."""

    beta: float
    """Exponent of Heaps' law, where the sample ends."""
    beta_error: float
    """Standard error of `beta`."""
    log_scale: float
    """log K."""
    log_scale_error: float
    """Standard error of `log_scale`. K is found at size 1, far from the data, so its error goes with that of beta."""
    missed_by_half: float
    """Error of predicting all blocks from half of them: prediction / truth - 1, the mean of both halves."""
    missed_by_quarter: float
    """Error of predicting all blocks from a quarter of them, the mean of four."""
    sizes: F64
    """The curve, from one block to all of them: sizes, ascending."""
    found: F64
    """Weight of the kinds in a text of each size."""
    parameters: F64
    """float64[1 + GROUPS, 4]: beta, log K, logarithm at the sample's end, fall of the slope; first of all blocks."""

    def predict(self, size: float) -> Interval:
        """Predict the weight of the kinds in a text of `size`, from the same source as the sample.

        Up to the sample's end that is the curve itself. Beyond, the value is the geometric mean of two courses: Heaps'
        law, whose slope stays, and a slope that goes on falling as it does in the sample. The interval holds both, the
        error of sampling (jackknife) and that of the model.
        """
        if size <= self.sizes[-1]:
            value = float(np.exp(np.interp(np.log(max(size, 1e-9)), np.log(self.sizes), np.log(self.found))))
            return Interval(value, value, value)
        distance = float(np.log(size / self.sizes[-1]))
        straight, bent = _courses(self.parameters, float(np.log(size)), distance)
        middle = (straight + bent) / 2
        missed = abs(np.log1p(self.missed_by_quarter)) / np.log(4)
        sampling = _jackknife(middle[1:])
        half = np.hypot(
            abs(straight[0] - bent[0]) / 2,
            _TWO_SIDED_95 * np.hypot(sampling, max(MODEL_ERROR, missed) * distance),
        )
        value = float(np.exp(middle[0]))
        return Interval(max(value * float(np.exp(-half)), float(self.found[-1])), value, value * float(np.exp(half)))


def fit(incidences: Incidences, block_size: float) -> Growth:
    """Fit the growth of what a sample's blocks hold; `block_size` is their mean size. ValueError under LEAST_BLOCKS."""
    blocks = incidences.blocks
    if blocks < LEAST_BLOCKS:
        raise ValueError(f"{blocks} blocks, at least {LEAST_BLOCKS} are needed")
    drawn, found = curve(incidences.frequencies(), blocks, incidences.weights)
    parameters = [_parameters(drawn, found, block_size)]
    groups = np.arange(blocks) * GROUPS // blocks if blocks < 2 * GROUPS else np.arange(blocks) % GROUPS
    for group in range(GROUPS):
        kept = groups != group
        part = curve(incidences.frequencies(kept), int(kept.sum()), incidences.weights)
        parameters.append(_parameters(*part, block_size))
    table = np.array(parameters)
    return Growth(
        beta=float(table[0, 0]),
        beta_error=_jackknife(table[1:, 0]),
        log_scale=float(table[0, 1]),
        log_scale_error=_jackknife(table[1:, 1]),
        missed_by_half=_missed(incidences, 2, float(found[-1])),
        missed_by_quarter=_missed(incidences, 4, float(found[-1])),
        sizes=drawn * block_size,
        found=found,
        parameters=table,
    )


def curve(frequencies: I64, blocks: int, weights: F64) -> tuple[F64, F64]:
    """Return blocks drawn and the mean weight in them, both float64, at geometrically spaced points from 1 to `blocks`.

    `frequencies` (int64[kinds]) says in how many of the blocks each kind stands: 0 to `blocks`. A kind of frequency f
    is missed by m of B blocks with the probability C(B - f, m) / C(B, m).
    """
    drawn = np.unique(np.rint(np.geomspace(1, blocks, POINTS)).astype(np.int64))
    held = np.bincount(frequencies, weights=weights, minlength=blocks + 1)
    present = np.flatnonzero(held[1:]) + 1
    log_factorial = np.concatenate([np.zeros(1), np.cumsum(np.log(np.arange(1, blocks + 1)))])
    found = np.empty(len(drawn))
    for i, m in enumerate(drawn.tolist()):
        missable = present[present <= blocks - m]
        log_missed = (
            log_factorial[blocks - missable]
            - log_factorial[blocks - missable - m]
            - log_factorial[blocks]
            + log_factorial[blocks - m]
        )
        found[i] = held[present].sum() - np.dot(held[missable], np.exp(log_missed))
    return drawn.astype(np.float64), found


def _parameters(drawn: F64, found: F64, block_size: float) -> tuple[float, float, float, float]:
    """Fit beta and log K by least squares; the logarithm at the end of the sample; how fast the slope falls there.

    The slope falls as beta exp(-fall d) over the distance d = log(n / n_end), so that it never turns negative.
    """
    x, y = np.log(drawn * block_size), np.log(found)
    upper = drawn >= drawn[-1] / FITTED
    beta, log_scale = np.polyfit(x[upper], y[upper], 1)
    longer = drawn >= drawn[-1] / BENT
    bend, slope, _ = np.polyfit(x[longer] - x[-1], y[longer], 2)
    slope = min(max(slope, 1e-9), beta)
    return float(beta), float(log_scale), float(y[-1]), float(max(-2 * bend / slope, 1e-9))


def _courses(parameters: F64, log_size: float, distance: float) -> tuple[F64, F64]:
    """Return logarithms by Heaps' law and by the falling slope, for each row of parameters."""
    beta, log_scale, end, fall = parameters.T
    straight = log_scale + beta * log_size
    bent = end + beta / fall * -np.expm1(-fall * distance)
    return straight, np.minimum(bent, straight)


def _jackknife(left_out: F64) -> float:
    """Return the standard error from estimates that each leave a group out."""
    groups = len(left_out)
    return float(np.sqrt((groups - 1) / groups * np.sum((left_out - left_out.mean()) ** 2)))


def _missed(incidences: Incidences, parts: int, truth: float) -> float:
    """Return the mean relative error of predicting all blocks from each of `parts` disjoint parts of them."""
    errors = []
    for part in range(parts):
        kept = np.arange(incidences.blocks) % parts == part
        own = int(kept.sum())
        row = np.array([_parameters(*curve(incidences.frequencies(kept), own, incidences.weights), 1.0)])
        straight, bent = _courses(row, float(np.log(incidences.blocks)), float(np.log(incidences.blocks / own)))
        errors.append(float(np.exp((straight[0] + bent[0]) / 2) / truth - 1))
    return float(np.mean(errors))
