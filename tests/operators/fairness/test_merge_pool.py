"""Uses of merges, and predictions, against tokenizers that were trained and text that was encoded."""

import numpy as np
import pytest

from operators.fairness.merge_pool import merge_pool, merge_uses
from operators.fairness.shared_words import SharedWords
from operators.tokenizer import Tokenizer
from operators.training.in_memory import train_words
from tests.operators.fairness.test_shared_words import joined


def words(seed: int) -> SharedWords:
    """Random words of three languages, of few letters."""
    random = np.random.default_rng(seed)
    return joined(
        {
            language: [bytes(random.choice(list(letters), random.integers(1, 7))) for _ in range(300)]
            for language, letters in {"de": b"abc", "en": b"abx", "hi": b"xyz"}.items()
        }
    )


def trained(table: SharedWords, weights: list[int], size: int) -> Tokenizer:
    """Train with weights."""
    return Tokenizer("none", (), train_words(table.words, table.weighted(np.array(weights, np.int64)), size))


def parts(tokenizer: Tokenizer, token: int) -> list[int]:
    """Return a token and all tokens of its derivation; one that several merges make has the first of them."""
    merges = tokenizer.merges
    made = np.flatnonzero(merges.token == token)
    if not len(made):
        return [token]
    left, right = int(merges.left[made[0]]), int(merges.right[made[0]])
    return [token, *parts(tokenizer, left), *parts(tokenizer, right)]


@pytest.mark.parametrize("seed", range(3))
def test_uses_of_merges_are_those_of_the_trees_of_tokens(seed: int) -> None:
    table = words(seed)
    tokenizer = trained(table, [1, 2, 3], 300)
    ids, starts = table.encode(tokenizer)
    wanted = np.zeros((len(tokenizer.tokens), 3), np.int64)
    for word in range(len(table.words)):
        for token in ids[starts[word] : starts[word + 1]].tolist():
            for row in range(table.ends[word], table.ends[word + 1]):
                for part in parts(tokenizer, token):
                    wanted[part, table.labels[row]] += table.counts[row]
    uses, tokens = merge_uses(table, tokenizer)
    _, first = np.unique(tokenizer.merges.token, return_index=True)
    assert (uses[first] == wanted[tokenizer.merges.token[first]]).all()
    assert tokens.tolist() == table.tokens(tokenizer).tolist()


@pytest.mark.parametrize("seed", range(3))
def test_with_all_merges_a_prediction_is_the_count(seed: int) -> None:
    table = words(seed)
    tokenizer = trained(table, [1, 1, 1], 320)
    pool = merge_pool(table, table, tokenizer, len(tokenizer.merges))
    assert pool.predict(np.ones(3)).tolist() == table.tokens(tokenizer).tolist()


@pytest.mark.parametrize("weights", [[9, 1, 1], [1, 2, 9]])
def test_other_weights_are_predicted_far_better_than_by_no_change(weights: list[int]) -> None:
    table = words(7)
    pool = merge_pool(table, table, trained(table, [1, 1, 1], 330), 40)
    wanted, same = (table.tokens(trained(table, some, 296)) for some in (weights, [1, 1, 1]))
    errors = [np.abs(np.log(one / wanted)).sum() for one in (pool.predict(np.array(weights, float)), same)]
    assert errors[0] < errors[1] / 3
