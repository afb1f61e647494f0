"""Slow, loop-written answers that the fast code is compared with. Plain Python integers, no numpy."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise


def train(
    words: Mapping[bytes, int],
    vocabulary_size: int,
    *,
    special_tokens: Sequence[str] = (),
    min_pair_count: int = 1,
    max_token_length: int | None = None,
) -> list[tuple[bytes, bytes, int]]:
    """The merge list (left, right, count), one merge at a time, with the counts that Hugging Face's trainer keeps."""
    from operators.alphabet import BYTE_TO_CHAR  # the definition of the order itself

    spell = {byte: BYTE_TO_CHAR[byte] for byte in range(256)}
    tokens = list(special_tokens)
    tokens += sorted(char for char in spell.values() if char not in tokens)
    ids = {token: i for i, token in enumerate(tokens)}
    texts = [([ids[spell[byte]] for byte in word], count) for word, count in words.items()]
    bytes_of = {ids[char]: bytes([byte]) for byte, char in spell.items()}
    limit = float("inf") if max_token_length is None else max_token_length
    totals: Counter[tuple[int, int]] = Counter()
    for symbols, count in texts:
        for pair in pairwise(symbols):
            totals[pair] += count
    waiting = set(totals)
    merges = []
    while len(tokens) < vocabulary_size and waiting:
        left, right = best = min(waiting, key=lambda pair: (-totals[pair], pair))
        if totals[best] < max(1, min_pair_count):
            break
        waiting.discard(best)
        spelled = "".join(tokens[i] if i >= len(special_tokens) else special_tokens[i] for i in best)
        new = ids.setdefault(spelled, len(tokens))
        if new == len(tokens):
            tokens.append(spelled)
        bytes_of[new] = bytes_of[left] + bytes_of[right]
        merges.append((bytes_of[left], bytes_of[right], totals[best]))
        raised = set()
        for symbols, count in texts:
            i = 0
            while i + 1 < len(symbols):
                if (symbols[i], symbols[i + 1]) == best:
                    symbols[i : i + 2] = [new]
                    neighbours = [(i - 1, left, 0)] if i > 0 else []
                    neighbours += [(i + 1, right, 1)] if i + 1 < len(symbols) else []
                    for at, old, side in neighbours:
                        x = symbols[at]
                        totals[(x, old) if side == 0 else (old, x)] -= count
                        if len(bytes_of[x]) + len(bytes_of[new]) < limit:
                            made = (x, new) if side == 0 else (new, x)
                            totals[made] += count
                            raised.add(made)
                i += 1
        waiting |= {pair for pair in raised if totals[pair] > 0}
    return merges


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
