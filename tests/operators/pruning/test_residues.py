"""Makings of tokens from one pass over the vocabulary are those of a loop that encodes and counts."""

import random
from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa

from operators.pruning.derivations import structure_of
from operators.pruning.fragmentation import count_tokens
from operators.pruning.residues import emitted_share, made_counts
from operators.tokenizer import Merges
from tests.operators.curves.test_tokens_by_size import trained


def test_makings_are_those_of_a_plain_loop() -> None:
    drawn = random.Random(5)
    words = ["".join(drawn.choices("abc é", k=drawn.randrange(1, 14))) for _ in range(200)]
    tokenizer = trained(words[:120], 300)
    ranks = {(a, b): (i, t) for i, (a, b, t) in enumerate(_rows(tokenizer.merges))}
    made, emitted = Counter[int](), Counter[int]()
    for word in words:
        parts = [int(tokenizer.byte_ids[byte]) for byte in word.encode()]
        made.update(parts)
        while pairs := [(*ranks[pair], pair) for pair in pairwise(parts) if pair in ranks]:
            _, token, best = min(pairs)
            joined: list[int] = []
            while parts:
                if tuple(parts[:2]) == best:
                    joined.append(token)
                    made[token] += 1
                    parts = parts[2:]
                else:
                    joined.append(parts.pop(0))
            parts = joined
        emitted.update(parts)
    structure = structure_of(tokenizer)
    found = count_tokens(
        pa.array([w.encode() for w in words], pa.large_binary()), np.ones(200, np.int64), tokenizer, structure
    )
    assert {i: n for i, n in enumerate(found.tolist()) if n} == dict(emitted)
    assert {i: n for i, n in enumerate(made_counts(structure, found).tolist()) if n} == dict(made)
    shares = emitted_share(found, made_counts(structure, found))
    assert all(np.isnan(share) if i not in made else share == emitted[i] / made[i] for i, share in enumerate(shares))


def _rows(merges: Merges) -> list[tuple[int, int, int]]:
    return list(zip(merges.left.tolist(), merges.right.tolist(), merges.token.tolist(), strict=True))
