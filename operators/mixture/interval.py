"""Covariance of the shares: the noise of the samples' documents and of the training text, through the fit."""

import numpy as np

from operators.arrays import F64
from operators.mixture.evidence import Evidence
from operators.mixture.rank import Fit


def occurrence_variance(evidence: Evidence) -> F64:
    """Estimate the variance of one occurrence's rate from the blocks, float64[n].

    It is 1 / bytes where words occur independently. Counts of words that clump in documents vary more: variance over
    mean of the blocks' counts, averaged over the merges that occur 20 times or more.
    """
    size = evidence.text_bytes.astype(np.float64)
    part = size / size.sum(axis=0)
    blocks = len(size)
    total = evidence.counts.sum(axis=0, dtype=np.int64).astype(np.float64)
    square = np.zeros_like(total)
    for b in range(blocks):
        square += (evidence.counts[b] - total * part[b]) ** 2
    # Of a Poisson variable cut into parts p, this sum has the expectation total * (1 - sum of p^2).
    expected = total * (1.0 - (part**2).sum(axis=0))
    often = total >= 20.0
    index = np.ones(part.shape[1])
    for i in range(part.shape[1]):
        if often[:, i].any() and expected[often[:, i], i].min() > 0:
            index[i] = float(np.mean(square[often[:, i], i] / expected[often[:, i], i]))
    return np.asarray(index / size.sum(axis=0))


def effective_blocks(evidence: Evidence) -> F64:
    """Return the number of equal blocks that each category's blocks are worth, float64[n]; 1 if its text is in one."""
    part = evidence.text_bytes / np.maximum(evidence.text_bytes.sum(axis=0), 1)
    return np.asarray(1.0 / np.maximum((part**2).sum(axis=0), 1e-300))


def covariance(evidence: Evidence, fit: Fit, unit: F64) -> F64:
    """Estimate the covariance of the shares, float64[n, n].

    The blocks' contributions to the estimating equations vary as their documents do; each category's part is widened by
    the noise that the residuals show beyond that of the samples.
    """
    n = len(fit.share)
    size = evidence.text_bytes.astype(np.float64)
    whole = size.sum(axis=0)
    rates = evidence.counts.sum(axis=0, dtype=np.int64)[fit.ranks] / whole
    pull = fit.deviation * fit.weight[:, None]
    expected = rates.T @ pull
    blocks = len(size)
    spread = np.zeros((n, blocks, n))
    for b in range(blocks):
        block = evidence.counts[b][fit.ranks].astype(np.float64).T @ pull
        spread[:, b] = (block - expected * size[b][:, None]) / whole[:, None]
    spread -= spread.mean(axis=1, keepdims=True)
    own = np.maximum(fit.share, 1e-12) * unit
    mass = rates * fit.weight[:, None]
    level = (mass * fit.curve[fit.ranks][:, None]).sum(axis=0) / np.maximum(mass.sum(axis=0), 1e-300)
    noise = fit.noise
    wider = noise.sample + noise.list_scaled + (noise.list_flat + noise.relative * level) / own
    moved = np.einsum("i,ibj,ibk->jk", fit.share**2 * wider * blocks / (blocks - 1), spread, spread)
    system = np.ones((n + 1, n + 1))
    system[:n, :n], system[n, n] = fit.jacobian, 0.0
    inverse = np.linalg.pinv(system)[:n, :n]
    return np.asarray(inverse @ moved @ inverse.T)
