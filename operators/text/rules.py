"""Named rules on top of a named pre-tokenizer, written into its regular expression.

The result is one expression, which `tokenizers` and tiktoken apply alike. Scanners know it (`SCANNED`), so it costs no
speed, and runs of numbers of any length take linear time.
"""

from typing import Final, Literal, TypeAlias

from operators.text.errors import RuleRefused
from operators.text.pretokenizers import NO_SPLIT, PRETOKENIZERS

Digits: TypeAlias = Literal["keep", "single", "threes", "threes-from-right"]
KEEP: Final = "keep"
"""Name of the rule that leaves numbers as the pre-tokenizer has them."""

_NUMBERS: Final[dict[str, tuple[str, str]]] = {
    "single": (r"\p{N}", "SINGLE"),
    "threes": (r"\p{N}{1,3}", "THREES"),
    "threes-from-right": (r"\p{N}{1,3}(?=(?:\p{N}{3})*(?!\p{N}))", "FROM_RIGHT"),
}
"""Rule to the alternative for numbers, and the constant of `operators.kernels.scan`.

Of n numbers in a run the first piece from the right's rule has ((n - 1) mod 3) + 1: the least that leaves threes.
"""
_OWN: Final = (r"| ?\p{N}+|", r"|\p{N}{1,3}|", r"|\p{N}|")
"""Alternatives for numbers that the named expressions have."""


def _with_numbers(regex: str, alternative: str) -> str:
    own = next(own for own in _OWN if own in regex)
    return regex.replace(own, f"|{alternative}|")


SCANNED: Final[dict[str, tuple[str, str]]] = {
    _with_numbers(row.regex, alternative): (row.scanner, rule)
    for row in PRETOKENIZERS.values()
    if row.scanner is not None
    for alternative, rule in _NUMBERS.values()
}
"""Expression with a rule to the names of its scanner and of the rule, constants of `operators.kernels.scan`."""


def with_digits(pretokenizer: str, digits: Digits) -> str:
    """Return the pre-tokenizer with a rule for numbers: its name, or the expression that the rule makes of it.

    Raises RuleRefused for anything but a named expression.

    >>> with_digits("o200k", "keep")
    'o200k'
    """
    if digits == KEEP:
        return pretokenizer
    if pretokenizer == NO_SPLIT:
        raise RuleRefused("digits", digits, f"{NO_SPLIT} cuts nothing", ", ".join(PRETOKENIZERS))
    row = PRETOKENIZERS.get(pretokenizer)
    if row is None:
        raise RuleRefused("digits", digits, "an expression says itself how numbers are cut", ", ".join(PRETOKENIZERS))
    regex = _with_numbers(row.regex, _NUMBERS[digits][0])
    return next((name for name, other in PRETOKENIZERS.items() if other.regex == regex), regex)
