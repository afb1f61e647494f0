"""The record of a replay, compared with recounting after every merge."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from operators.byte_level import byte_ids
from operators.mixture.replay import record_changes
from tests.operators.training.test_reducer import counted, few_letters, some_words, train


@given(st.one_of(some_words, few_letters), st.one_of(some_words, few_letters))
def test_the_record_adds_up_to_a_recount_at_every_step(
    trained_on: list[tuple[str, int]], replayed: list[tuple[str, int]]
) -> None:
    tokenizer, _ = train(counted(trained_on), vocabulary_size=280)
    words, ids = counted(replayed), byte_ids()
    arrow = pa.array(list(words), pa.large_binary())
    record = record_changes("x", arrow, np.array(list(words.values()), np.int64), ids, tokenizer.merges)
    assert record.text_bytes == sum(len(word) * n for word, n in words.items())
    assert record.characters == sum(len(word.decode()) * n for word, n in words.items())
    texts = [([int(ids[byte]) for byte in word], n) for word, n in words.items()]
    totals: Counter[tuple[int, int]] = Counter()
    rows = list(zip(*(getattr(record, name).tolist() for name in ("step", "left", "right", "change")), strict=True))
    merges = tokenizer.merges
    for step in range(-1, len(merges)):
        if step >= 0:
            pair, new = (int(merges.left[step]), int(merges.right[step])), int(merges.token[step])
            for symbols, _ in texts:
                i = 0
                while i + 1 < len(symbols):
                    if (symbols[i], symbols[i + 1]) == pair:
                        symbols[i : i + 2] = [new]
                    i += 1
        for at, left, right, change in rows:
            if at == step:
                totals[left, right] += change
        expected: Counter[tuple[int, int]] = Counter()
        for symbols, n in texts:
            for one in pairwise(symbols):
                expected[one] += n
        assert {one: n for one, n in totals.items() if n} == dict(expected)
    assert record.pairs == sum(change for at, _, _, change in rows if at == -1)
