"""Detection by a score: how well scores tell members from others."""

import numpy as np
from numpy.typing import NDArray

from operators.arrays import F64


def area_under_curve(scores: F64, members: NDArray[np.bool_]) -> float | None:
    """Return the probability that a member's score is above another's, ties half: the area under the ROC curve.

    members: bool, one for each score. None where all or none are members.

    >>> area_under_curve(np.array([3.0, 1.0, 1.0, 0.0]), np.array([True, True, False, False]))
    0.875
    """
    pairs = int(members.sum()) * int((~members).sum())
    if not pairs:
        return None
    others = np.sort(scores[~members])
    below, above = (np.searchsorted(others, scores[members], side).sum() for side in ("left", "right"))
    return float(below + above) / 2 / pairs


def true_positive_rate(scores: F64, members: NDArray[np.bool_], false_positives: float = 0.01) -> float | None:
    """Return the largest share of members above a threshold that at most a share of `false_positives` of others reach.

    None where all or none are members.
    """
    own, others = scores[members], np.sort(scores[~members])[::-1]
    if not len(own) or not len(others):
        return None
    allowed = int(false_positives * len(others))
    if allowed >= len(others):
        return 1.0
    return float((own > others[allowed]).mean())
