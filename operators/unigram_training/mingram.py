"""MinGram: a vocabulary for the fewest tokens, pruned from that of merges.

After Land 2026 (arXiv 2606.27019). The seed has 1.15 times the tokens. In two rounds each word is cut into the fewest
pieces, of several ways in the most probable one, and pieces that no word has are dropped. Then the least probable
pieces are dropped.
"""

from typing import Final

import numpy as np

from operators.arrays import F64, I64
from operators.tokenizer import Tokenizer, initial_tokens
from operators.unigram_training.vocabulary import BYTES, Pieces, piece_tokenizer
from operators.unigram_training.words import WordSums

ROUNDS: Final = 2
DELTA: Final = 1e-5
"""Weight of a logarithm of a probability beside that of a token, which is 1."""
SLACK: Final = 1e-12
"""Difference of two paths' scores up to which they are equal: then the one with the longer last piece is taken."""
UNUSED: Final = -100.0
"""Logarithm of the probability of a byte that no word has."""


def seed_size(size: int) -> int:
    """Return the tokens of the seed of a vocabulary: 1.15 times as many, rounded up.

    >>> seed_size(300), seed_size(32768)
    (345, 37684)
    """
    return -(-115 * size // 100)


def mingram(seed: Tokenizer, words: WordSums, size: int) -> Tokenizer:
    """Return the tokenizer of `size` tokens; fewer where the seed has fewer that words use.

    seed: trained on the same words, to `seed_size(size)` tokens.
    """
    first = len(initial_tokens(seed.special_tokens))
    texts = [*(bytes([byte]) for byte in range(BYTES)), *seed.tokens[first:]]
    ids = np.concatenate([seed.byte_ids, np.arange(first, len(seed.tokens))])
    counts = np.maximum(words.merged(seed)[ids], 1)
    pieces = Pieces.of(texts, path_scores(np.log(counts / counts.sum())))
    probable = np.empty(0)
    for _ in range(ROUNDS):
        pieces, probable = _round(pieces, words.best_paths(pieces.for_kernels, SLACK))
    room = size - first
    others = BYTES + np.argsort(-probable[BYTES:], kind="stable")[: max(room, 0)]
    kept = np.concatenate([np.arange(BYTES), np.sort(others)])
    scores = path_scores(np.maximum(probable[kept], UNUSED))
    return piece_tokenizer(seed.pretokenizer, seed.special_tokens, [pieces.texts[i] for i in kept.tolist()], scores)


def _round(pieces: Pieces, used: I64) -> tuple[Pieces, F64]:
    """Return the pieces that are used, and the logarithms of their probabilities; bytes stay, with -inf if unused."""
    keep = used > 0
    keep[:BYTES] = True
    with np.errstate(divide="ignore"):
        probable = np.log(used[keep] / used.sum())
    return pieces.kept(keep, path_scores(probable)), probable


def path_scores(probable: F64) -> F64:
    """Return scores of which a path's sum is highest for the fewest pieces, then for the most probable ones."""
    scores: F64 = DELTA * probable - 1.0
    return scores
