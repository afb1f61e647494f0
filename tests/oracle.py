"""Slow, loop-written answers that the fast code is compared with. Plain Python integers, no numpy."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any


def train(
    words: Mapping[bytes, int],
    vocabulary_size: int,
    *,
    special_tokens: Sequence[str] = (),
    min_pair_count: int = 1,
    max_token_length: int | None = None,
    may_join: Callable[[bytes, bytes], bool] = lambda left, right: True,
) -> list[tuple[bytes, bytes, int]]:
    """The merge list (left, right, count), one merge at a time, with the counts that Hugging Face's trainer keeps."""
    from operators.byte_level import BYTE_TO_CHAR  # the definition of the order itself

    names = list(special_tokens)
    names += sorted(char for char in BYTE_TO_CHAR.values() if char not in names)
    texts = {names.index(char): bytes([byte]) for byte, char in BYTE_TO_CHAR.items()}
    learned = extend(words, vocabulary_size, names, [], min_pair_count, max_token_length, may_join)
    merges = []
    for left, right, token, count in learned:
        texts[token] = texts[left] + texts[right]
        merges.append((texts[left], texts[right], count))
    return merges


def extend(
    words: Mapping[bytes, int],
    vocabulary_size: int,
    names: Sequence[str],
    given: Sequence[tuple[int, int]],
    min_pair_count: int = 1,
    max_token_length: int | None = None,
    may_join: Callable[[bytes, bytes], bool] = lambda left, right: True,
) -> list[tuple[int, int, int, int]]:
    """The merges (left, right, token, count) learned after `given`, for a vocabulary of `names` by id (ByteLevel)."""
    from operators.byte_level import BYTE_TO_CHAR

    ids = {name: i for i, name in reversed(list(enumerate(names)))}
    texts = [([ids[BYTE_TO_CHAR[byte]] for byte in word], count) for word, count in words.items()]
    return join(texts, vocabulary_size, names, given, min_pair_count, max_token_length, may_join)


def join(
    texts: Sequence[tuple[list[int], int]],
    vocabulary_size: int,
    names: Sequence[str],
    given: Sequence[tuple[int, int]] = (),
    min_pair_count: int = 1,
    max_token_length: int | None = None,
    may_join: Callable[[bytes, bytes], bool] = lambda left, right: True,
    order: Callable[[tuple[int, int], int], Any] = lambda pair, total: (-total, pair),
    may_take: Callable[[tuple[int, int]], bool] = lambda pair: True,
) -> list[tuple[int, int, int, int]]:
    """The merges that `extend` learns, for texts of token ids, changed in place; `order` is least for the next pair."""
    from operators.byte_level import to_bytes

    tokens, ids = list(names), {name: i for i, name in reversed(list(enumerate(names)))}
    length = dict.fromkeys(range(len(names)), 1)
    limit = float("inf") if max_token_length is None else max_token_length
    totals: Counter[tuple[int, int]] = Counter()
    for symbols, count in texts:
        for pair in pairwise(symbols):
            totals[pair] += count
    waiting = set(totals)

    def merge(best: tuple[int, int]) -> int:
        new = ids.setdefault(tokens[best[0]] + tokens[best[1]], len(tokens))
        if new == len(tokens):
            tokens.append(tokens[best[0]] + tokens[best[1]])
        length[new] = length[best[0]] + length[best[1]]
        waiting.discard(best)
        raised = set()
        for symbols, count in texts:
            i = 0
            while i + 1 < len(symbols):
                if (symbols[i], symbols[i + 1]) == best:
                    symbols[i : i + 2] = [new]
                    for at, old, side in ((i - 1, best[0], 0), (i + 1, best[1], 1)):
                        if not 0 <= at < len(symbols):
                            continue
                        x = symbols[at]
                        totals[(x, old) if side == 0 else (old, x)] -= count
                        if length[x] + length[new] < limit:
                            made = (x, new) if side == 0 else (new, x)
                            totals[made] += count
                            raised.add(made)
                i += 1
        waiting.update(pair for pair in raised if totals[pair] > 0)
        return new

    for pair in given:
        merge(pair)
    learned = []
    while len(tokens) < vocabulary_size and waiting:
        left, right = best = min(waiting, key=lambda pair: order(pair, totals[pair]))
        count = totals[best]
        if count < max(1, min_pair_count):
            break
        waiting.discard(best)
        if may_take(best) and may_join(*(to_bytes(tokens[part]) or b"" for part in best)):
            learned.append((left, right, merge(best), count))
    return learned


def encode(word: bytes, merges: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
    """A word's tokens: the merge of lowest rank first, the leftmost among equals, until none applies."""
    ranks = {pair: rank for rank, pair in enumerate(merges)}
    tokens = [word[i : i + 1] for i in range(len(word))]
    while len(tokens) > 1:
        best = min(range(len(tokens) - 1), key=lambda i: (ranks.get((tokens[i], tokens[i + 1]), len(ranks)), i))
        if (tokens[best], tokens[best + 1]) not in ranks:
            break
        tokens[best : best + 2] = [tokens[best] + tokens[best + 1]]
    return tokens


def merges_by_text(texts: Mapping[tuple[bytes, ...], int], wanted: int) -> list[tuple[bytes, bytes, int]]:
    """The merges that make `wanted` new tokens as BoundlessBPE's published code chooses them, all pairs counted anew.

    The highest count comes first, then the smallest bytes; a pair counts as often as it can be merged.
    """
    known, merges = {symbol for symbols in texts for symbol in symbols}, list[tuple[bytes, bytes, int]]()
    rows = [(list(symbols), count) for symbols, count in texts.items()]
    made = 0
    while made < wanted:
        totals = Counter[tuple[bytes, bytes]]()
        for symbols, count in rows:
            for pair, times in _mergeable(symbols).items():
                totals[pair] += times * count
        if not totals:
            break
        left, right = min(totals, key=lambda pair: (-totals[pair], pair))
        merges.append((left, right, totals[left, right]))
        made += left + right not in known
        known.add(left + right)
        rows = [(_replaced(symbols, left, right), count) for symbols, count in rows]
    return merges


def _mergeable(symbols: Sequence[bytes]) -> Counter[tuple[bytes, bytes]]:
    """Count of each pair of neighbours that can be merged: `aaa` holds one pair of `a`."""
    found, length = Counter(pair for pair in pairwise(symbols) if pair[0] != pair[1]), 1
    for symbol, following in pairwise([*symbols, b""]):
        if symbol == following:
            length += 1
            continue
        found[symbol, symbol] += length // 2
        length = 1
    return +found


def _replaced(symbols: Sequence[bytes], left: bytes, right: bytes) -> list[bytes]:
    made, i = list[bytes](), 0
    while i < len(symbols):
        joins = symbols[i] == left and symbols[i + 1 : i + 2] == [right]
        made.append(left + right if joins else symbols[i])
        i += 1 + joins
    return made
