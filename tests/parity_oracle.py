"""Slow parity-aware training, written as a loop over the definition (Foroutan, Meister et al. 2025; arXiv 2508.04796).

The tie rules, and what happens to a language without pairs, are those of `ParityBpeTrainer` in tokenizers 0.23.3.
"""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from operators.byte_level import to_chars  # the definition of the order of strings

Words = Mapping[bytes, int]


@dataclass
class Step:
    """A merge: left and right text, its count, the language served (-1: all), and the lengths that decided."""

    left: bytes
    right: bytes
    count: int
    served: int
    lengths: list[int]


class Endless(Exception):
    """A choice at which Hugging Face's loop does not end."""


@dataclass
class Text:
    """One language's words as symbols, which are texts."""

    words: Words
    limit: float = float("inf")
    symbols: list[tuple[list[bytes], int]] = field(init=False)

    def __post_init__(self) -> None:
        self.symbols = [([word[i : i + 1] for i in range(len(word))], count) for word, count in self.words.items()]

    def length(self) -> int:
        return sum(len(symbols) * count for symbols, count in self.symbols)

    def pairs(self) -> Counter[tuple[bytes, bytes]]:
        totals: Counter[tuple[bytes, bytes]] = Counter()
        for symbols, count in self.symbols:
            for left, right in pairwise(symbols):
                if len(left) + len(right) < self.limit or len(left) == len(right) == 1:
                    totals[left, right] += count
        return totals

    def merge(self, pair: tuple[bytes, bytes]) -> None:
        for symbols, _ in self.symbols:
            i = 0
            while i + 1 < len(symbols):
                if (symbols[i], symbols[i + 1]) == pair:
                    symbols[i : i + 2] = [pair[0] + pair[1]]
                i += 1


def train(
    words: Sequence[Words],
    vocabulary_size: int,
    *,
    parallel: Sequence[Words] | None = None,
    ratios: Sequence[float] | None = None,
    after: int = 0,
    window: int | None = None,
    alpha: float = 2.0,
    special_tokens: Sequence[str] = (),
    min_pair_count: int = 1,
    max_token_length: int | None = None,
    refuse_endless: bool = False,
    given: Sequence[tuple[bytes, bytes]] = (),
) -> list[Step]:
    """The merges, one at a time, every count made anew at each.

    `given`: merges of a tokenizer that is extended. With `refuse_endless`, raises Endless where Hugging Face's trainer
    would not come to an end.
    """
    limit = float("inf") if max_token_length is None else max_token_length
    texts = [Text(one, limit) for one in words]
    judged = texts if parallel is None else [Text(one, limit) for one in parallel]
    initial = [text.length() for text in judged]
    vocabulary = {to_chars(bytes([byte])) for byte in range(256)} | set(special_tokens)
    for pair in given:
        vocabulary.add(to_chars(pair[0] + pair[1]))
        for text in [*texts, *(judged if parallel is not None else [])]:
            text.merge(pair)
    exhausted: set[int] = set()
    recent: deque[int] = deque(maxlen=window)
    steps: list[Step] = []

    while len(vocabulary) < vocabulary_size and len(exhausted) < len(texts):
        lengths = [text.length() for text in judged]
        counts = [text.pairs() for text in texts]
        if len(steps) < after:
            served = -1
            choice = _best(sum(counts, Counter()), min_pair_count)
            if choice is None:
                break
        else:
            costs: list[float] = list(lengths)
            if ratios is not None:
                costs = [-(initial[i] / lengths[i]) / ratios[i] for i in range(len(texts))]
            served = _served(costs, exhausted, recent, window, alpha, refuse_endless)
            if window is not None:
                recent.append(served)
            choice = _best(counts[served], min_pair_count)
            if choice is None:
                exhausted.add(served)
                continue
        n, pair = choice
        steps.append(Step(*pair, n, served, lengths))
        vocabulary.add(to_chars(pair[0] + pair[1]))
        for text in [*texts, *(judged if parallel is not None else [])]:
            text.merge(pair)
    return steps


def _best(totals: Counter[tuple[bytes, bytes]], minimum: int) -> tuple[int, tuple[bytes, bytes]] | None:
    """The most frequent pair, of the largest strings among equals, with its count; None: none is frequent enough."""
    found = [(n, (to_chars(left), to_chars(right)), (left, right)) for (left, right), n in totals.items()]
    n, _, pair = max(found, default=(0, None, None))
    return (n, pair) if pair is not None and n >= max(1, minimum) else None


def _served(
    costs: Sequence[float], exhausted: set[int], recent: Sequence[int], window: int | None, alpha: float,
    refuse_endless: bool,
) -> int:  # fmt: skip
    """The language that is served next: the costliest; with a window, the costliest not served too often."""
    order = sorted((i for i in range(len(costs)) if i not in exhausted), key=lambda i: (-costs[i], i))
    if window is None:
        return order[0]
    for i in order:
        if recent.count(i) / window <= alpha / len(costs):
            return i
    # All that still have pairs were served too often.
    if 0 in exhausted and (recent.count(0) / window <= alpha / len(costs) or exhausted == {0}):
        return 0
    if exhausted and refuse_endless:
        raise Endless
    return order[-1]
