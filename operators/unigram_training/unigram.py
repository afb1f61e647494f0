"""Unigram language model: expectation maximization and pruning, from many substrings down to a vocabulary.

After Kudo 2018 (arXiv 1804.10959, section 3.2), with the choices of sentencepiece's trainer: the Bayesian M step of
digammas, the estimate of a piece's loss, and the sizes between rounds.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from operators.arrays import F64, I64
from operators.kernels.unigram_training import put_losses
from operators.tokenizer import Tokenizer, initial_tokens, known_tokens
from operators.unigram_training.substrings import Children, branching, texts_of
from operators.unigram_training.vocabulary import BYTES, Pieces, piece_tokenizer
from operators.unigram_training.words import WordSums

STEPS: Final = 2
"""EM steps between two prunings."""
LEAST_EXPECTED: Final = 0.5
"""Expected count under which a piece is dropped."""
SHRINKING: Final = 0.75
"""Share of the pieces that a pruning leaves."""
SPARE: Final = 1.1
"""Pieces at which pruning by loss ends, as a multiple of the vocabulary; the most probable of them are taken."""
PENALTY: Final = 10.0
"""Difference of the score of a byte that is not expected from the lowest of all others."""
LONGEST: Final = 16
"""Bytes of the longest piece, where nobody says otherwise."""
MOST_SEEDS: Final = 1_000_000
_UNIT_BITS: Final = 32
_SUM_BITS: Final = 61


class Rules(NamedTuple):
    """Limits of a vocabulary."""

    pieces: int
    """Number of pieces, the 256 bytes included."""
    longest: int = LONGEST
    """Bytes of the longest piece."""
    may_be_piece: Callable[[bytes], bool] = lambda _: True
    """Judge of the texts of pieces of more than a byte."""


def unigram(
    start: Tokenizer, words: WordSums, size: int, max_token_length: int | None = None, *,
    whole_characters: bool = False, advance: Callable[[int], None] = lambda _: None,
) -> tuple[Tokenizer, int]:  # fmt: skip
    """Return the tokenizer of `size` tokens, and the number of rounds; fewer tokens where words have fewer substrings.

    start: its pre-tokenizer cut the words; its special tokens come first, and no piece spells one. Pieces are shorter
    than `max_token_length` bytes, at most LONGEST where it is None. whole_characters: no piece but a byte has a part of
    a character. `advance` as for `train_pieces`.
    """
    special = start.special_tokens
    taken = known_tokens(special)

    def may_be_piece(text: bytes) -> bool:
        return text not in taken and not (whole_characters and not _is_whole(text))

    longest = LONGEST if max_token_length is None else max_token_length - 1
    rules = Rules(size - len(initial_tokens(special)) + BYTES, longest, may_be_piece)
    pieces, rounds = train_pieces(words, rules, advance)
    return piece_tokenizer(start.pretokenizer, special, pieces.texts, pieces.scores), rounds


def _is_whole(text: bytes) -> bool:
    try:
        return bool(text.decode())
    except UnicodeDecodeError:
        return False


def seed_pieces(words: WordSums, rules: Rules) -> Pieces:
    """Return the bytes, and the substrings to begin with: of those that branch, the ones that cover most bytes."""
    kept, levels, branches = np.zeros(1, np.int64), list[Children](), list[I64]()
    for length in range(1, rules.longest + 2):
        children = words.children(length, kept)
        if levels:
            branches.append(branching(levels[-1], children))
        levels.append(children)
        kept = children.keys
    covered = [length * levels[length - 1].counts[numbers] for length, numbers in enumerate(branches, 1)]
    taken = _largest(np.concatenate([np.empty(0, np.int64), *covered[1:]]), MOST_SEEDS)
    texts, counts, end = [bytes([byte]) for byte in range(BYTES)], [np.ones(BYTES, np.int64)], 0
    counts[0][levels[0].keys] = levels[0].counts
    for length in range(2, rules.longest + 1):
        weights, begin = covered[length - 1], end
        end += len(weights)
        found = texts_of(levels[:length], branches[length - 1][taken[begin:end]])
        allowed = np.fromiter(map(rules.may_be_piece, found), np.bool_, len(found))
        texts += [text for text, one in zip(found, allowed.tolist(), strict=True) if one]
        counts.append(weights[taken[begin:end]][allowed])
    whole = np.concatenate(counts)
    return Pieces.of(texts, np.log(whole) - np.log(whole.sum()))


def _largest(values: I64, most: int) -> NDArray[np.bool_]:
    """Return which values are the largest `most`, of equal ones the first."""
    largest = np.zeros(len(values), np.bool_)
    largest[np.argsort(-values, kind="stable")[:most]] = True
    return largest


def train_pieces(words: WordSums, rules: Rules, advance: Callable[[int], None] = lambda _: None) -> tuple[Pieces, int]:
    """Return the trained pieces, with logarithms of probabilities as scores, and the number of rounds.

    There are fewer than asked for where words have fewer substrings. `advance` is called with the number of pieces that
    are dropped.
    """
    pieces = seed_pieces(words, rules)
    unit = 2.0 ** min(_UNIT_BITS, _SUM_BITS - words.symbols().bit_length())
    enough, rounds = int(SPARE * rules.pieces), 0
    while True:
        rounds += 1
        before = len(pieces)
        for _ in range(STEPS):
            pieces = maximized(pieces, words.expected(pieces.for_kernels, unit) / unit)
        if len(pieces) > enough:
            pieces = pruned(pieces, words.best_paths(pieces.for_kernels, 0.0), enough)
            advance(before - len(pieces))
            continue
        final = _finished(pieces, rules.pieces)
        advance(before - len(final))
        return final, rounds


def maximized(pieces: Pieces, expected: F64) -> Pieces:
    """Return the pieces that are expected often enough, with new scores. expected: float64[pieces]."""
    often = expected >= min(LEAST_EXPECTED, expected.max())
    keep = often.copy()
    keep[:BYTES] = True
    scores = digamma(np.where(often, expected, 1.0)[keep]) - digamma(np.array([expected[often].sum()]))[0]
    rare = ~often[keep]
    scores[rare] = scores[~rare].min() - PENALTY
    return pieces.kept(keep, scores)


def pruned(pieces: Pieces, used: I64, enough: int) -> Pieces:
    """Return the pieces whose loss would cost most: SHRINKING of them, but `enough` at least. used: by best paths."""
    losses = np.empty(len(pieces))
    put_losses(pieces.joined, pieces.for_kernels, used, losses)
    room = max(enough, int(SHRINKING * len(pieces)))
    keep = np.zeros(len(pieces), np.bool_)
    keep[np.argsort(-losses, kind="stable")[:room]] = True
    keep &= losses > -np.inf
    return pieces.kept(keep, pieces.scores[keep])


def _finished(pieces: Pieces, size: int) -> Pieces:
    """Return the bytes, and the most probable others."""
    others = BYTES + np.argsort(-pieces.scores[BYTES:], kind="stable")[: size - BYTES]
    keep = np.zeros(len(pieces), np.bool_)
    keep[:BYTES] = keep[others] = True
    return pieces.kept(keep, pieces.scores[keep])


def digamma(x: F64) -> F64:
    """Return the derivative of the logarithm of the gamma function, for x > 0; to 12 digits.

    By the recurrence up to 8, then by the asymptotic series (Abramowitz and Stegun 6.3.5 and 6.3.18).

    >>> digamma(np.array([1.0, 100.0])).round(9).tolist()
    [-0.577215665, 4.600161853]
    """
    x = np.array(x, np.float64)
    total = np.zeros_like(x)
    for _ in range(8):
        low = x < 8
        total[low] -= 1 / x[low]
        x[low] += 1
    square = 1 / (x * x)
    series = square * (1 / 12 - square * (1 / 120 - square * (1 / 252 - square * (1 / 240 - square / 132))))
    result: F64 = total + np.log(x) - 0.5 / x - series
    return result
