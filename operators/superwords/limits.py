"""Limits of superwords: pairs that the second stage never merges.

A pair that is forbidden stays so when either token grows, for its text then holds the forbidden one. So rounds may
hold several merges (`operators.training.reducer`): the pairs that a merge creates are forbidden where those that it
breaks are.
"""

from collections.abc import Sequence
from typing import Final

from operators.tokenizer import words_in
from operators.training.reducer import Judge
from operators.training.whole_characters import ALLOWED, FORBIDDEN

NO_LIMIT: Final = 0
"""Number of words that limits nothing."""


class SuperwordLimits:
    """Judge of pairs (`operators.training.reducer`), which survives pickling.

    A pair is forbidden if its text has more than `max_words` words (0: no limit), holds a character of `not_across`
    followed by a space, or would be `max_token_length` bytes or longer. `judge` decides of the others.
    After the published code of SuperBPE (its trainer skips both kinds of merges).
    """

    def __init__(
        self, max_words: int, not_across: str, max_token_length: int | None = None, judge: Judge | None = None
    ) -> None:
        self._max_words, self._length, self._judge = max_words, max_token_length, judge
        self._across: Sequence[bytes] = [f"{character} ".encode() for character in not_across]

    def __call__(self, left: bytes, right: bytes) -> int:
        """Return the verdict on two tokens' texts."""
        text = left + right
        if self._length is not None and len(text) >= self._length:
            return FORBIDDEN
        if self._max_words != NO_LIMIT and words_in(text) > self._max_words:
            return FORBIDDEN
        if any(sign in text for sign in self._across):
            return FORBIDDEN
        return ALLOWED if self._judge is None else self._judge(left, right)
