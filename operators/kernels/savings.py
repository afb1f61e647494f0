"""Count, for each merge of a list, the tokens that it saves: one encoding of each word answers for every list length.

Encoding takes the pair of the lowest rank again and again. With only the first T merges it goes the same way until it
would take a rank of T or more, and ends there. So a step is taken with T merges when no rank up to it, itself included,
is T or more: the step belongs to the highest rank so far. That holds for any list, also one whose ranks do not rise.
"""

from typing import Any

import numpy as np

from operators.kernels.bpe import SCANNED_SYMBOLS, merge_by_scanning, merge_linked, spell
from operators.kernels.kernel import kernel


@kernel
def save_steps(ranks: Any, n: Any, remaining: Any, whole: Any, count: Any, saved: Any) -> None:
    """Add `count` to saved[highest rank so far] for each step of a word's encoding, up to a rank of `whole` or more.

    ranks: the steps from n symbols to `remaining`, by their ranks. From rank `whole` on the word is one token.
    """
    highest = np.int64(-1)
    for step in range(n - remaining):
        highest = max(highest, ranks[step])
        if highest >= whole:
            remaining = n - step
            break
        saved[highest] += count
    if whole < len(saved):
        saved[whole] += count * (remaining - 1)


@kernel
def save_words(offsets: Any, data: Any, counts: Any, wholes: Any, spelling: Any, table: Any, saved: Any) -> Any:
    """Add the tokens that each merge saves over all words to `saved` (int64[merges + 1]); return the symbols at first.

    Words are data[offsets[i]:offsets[i + 1]] with their counts. wholes: int64[words], the rank from which on a word is
    one token against the merges (`ignore_merges`), len(saved) for never.
    """
    symbols, values = np.empty(SCANNED_SYMBOLS, np.int64), np.empty(SCANNED_SYMBOLS, np.int64)
    ranks = np.empty(SCANNED_SYMBOLS, np.int64)
    first: Any = 0
    for word in range(len(counts)):
        start, end = offsets[word], offsets[word + 1]
        if end - start <= SCANNED_SYMBOLS:
            n = spell(data, start, end, spelling, symbols)
            remaining = merge_by_scanning(symbols, values, n, 1, table, ranks)
            save_steps(ranks, n, remaining, wholes[word], counts[word], saved)
        else:
            many, many_ranks = np.empty(end - start, np.int64), np.empty(end - start, np.int64)
            n = spell(data, start, end, spelling, many)
            remaining = merge_linked(many, n, 1, table, many_ranks)
            save_steps(many_ranks, n, remaining, wholes[word], counts[word], saved)
        first += counts[word] * n
    return first
