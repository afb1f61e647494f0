"""Changes of words: each as it says, on words in several scripts."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.metrics.perturbations import changed_tokens, other_digits, other_form, typo, without_marks


@pytest.mark.parametrize(
    ("word", "plain", "digits"),
    [("Größe", "Große", "Größe"), ("việt12", "viet12", "việt١٢"), ("कु३", "क३", "कु3"), ("straße", "straße", "straße")],
)
def test_marks_and_digits_change_as_they_say(word: str, plain: str, digits: str) -> None:
    assert without_marks(word) == plain
    assert other_digits(word) == digits


@given(st.text("aäé각12कि", min_size=1, max_size=9), st.integers(0, 99))
def test_a_typo_moves_doubles_or_loses_one_character_and_repeats_itself(word: str, seed: int) -> None:
    slipped = typo(word, np.random.default_rng(seed))
    assert slipped == typo(word, np.random.default_rng(seed))
    without = [word[:i] + word[i + 1 :] for i in range(len(word))]
    doubled = [word[: i + 1] + word[i:] for i in range(len(word))]
    swapped = [word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)]
    assert slipped and slipped in [*without, *doubled, *swapped]
    other = other_form(word)
    assert unicodedata.normalize("NFC", other) == unicodedata.normalize("NFC", word)


def test_tokens_that_are_gone_are_counted_as_often_as_they_were_there() -> None:
    assert changed_tokens([1, 1, 2], [1, 2, 3]) == 1
    assert changed_tokens([1, 2], [2, 1]) == 0
    assert changed_tokens([], [4]) == 0
