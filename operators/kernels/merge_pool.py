"""Uses of merges by language, and which merges a trainer with other weights would take.

A token's derivation is a tree of merges, so the uses of a merge are the uses of its token, and of every token above it.
Uses are rows by merge: of merge m, the rows starts[m]:starts[m + 1] of (language, training uses, saved tokens).
"""

from typing import Any

import numpy as np

from operators.kernels.kernel import kernel


@kernel
def count_uses(ids: Any, starts: Any, ends: Any, labels: Any, counts: Any, uses: Any) -> None:
    """Add the uses of each token in encoded words to `uses` (int64[tokens, languages]).

    The ids of word w are ids[starts[w]:starts[w + 1]]; its rows of (label, count) are ends[w]:ends[w + 1].
    """
    for word in range(len(ends) - 1):
        for place in range(starts[word], starts[word + 1]):
            for row in range(ends[word], ends[word + 1]):
                uses[ids[place], labels[row]] += counts[row]


@kernel
def spread_uses(left: Any, right: Any, token: Any, uses: Any) -> None:
    """Add each token's uses to the two tokens that it was merged from, the last merge first."""
    languages = uses.shape[1]
    for merge in range(len(left) - 1, -1, -1):
        for language in range(languages):
            used = uses[token[merge], language]
            uses[left[merge], language] += used
            uses[right[merge], language] += used


@kernel
def score_merges(starts: Any, labels: Any, training: Any, weights: Any, scores: Any) -> None:
    """Set each merge's score: its training uses, weighted by language."""
    for merge in range(len(scores)):
        score = 0.0
        for row in range(starts[merge], starts[merge + 1]):
            score += weights[labels[row]] * training[row]
        scores[merge] = score


@kernel
def subtract_saved(starts: Any, labels: Any, saved: Any, scores: Any, threshold: float, tokens: Any) -> None:
    """Subtract from `tokens` (float64[languages]) what merges with at least the threshold's score save."""
    for merge in range(len(scores)):
        if scores[merge] >= threshold:
            for row in range(starts[merge], starts[merge + 1]):
                tokens[labels[row]] -= saved[row]


def precompile() -> None:
    """Run every kernel once, with the types that searches use."""
    one, two = np.zeros(1, np.int64), np.array([0, 1], np.int64)
    uses = np.zeros((2, 1), np.int64)
    count_uses(np.zeros(1, np.int32), two, two, one, one, uses)
    merge = np.zeros(1, np.int32)
    spread_uses(merge, merge, np.ones(1, np.int32), uses)
    values = np.zeros(1)
    score_merges(two, np.zeros(1, np.int32), values, values, values)
    subtract_saved(two, np.zeros(1, np.int32), values, values, 0.0, values)
