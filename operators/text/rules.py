"""Named rules on top of a named pre-tokenizer, written into its regular expression.

The result is one expression, which `tokenizers` and tiktoken apply alike. Scanners know the rules for numbers
(`SCANNED`), so these cost no speed, and runs of numbers of any length take linear time.
"""

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

from operators.text.errors import RuleRefused
from operators.text.pretokenizers import NO_SPLIT, PRETOKENIZERS

SUPERBPE_REGEX: Final = r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]{2,}[\r\n/]*| +(?!\S)"
"""Second stage of SuperBPE, as published (`operators.superwords.rules`)."""

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
RULED: Final = tuple(name for name, row in PRETOKENIZERS.items() if any(own in row.regex for own in _OWN))
"""Names of the pre-tokenizers that rules can be put on: those with an alternative for numbers, and one for words."""
SCRIPTS: Final = (
    "Balinese", "Bengali", "Bopomofo", "Devanagari", "Ethiopic", "Gujarati", "Gurmukhi", "Han", "Hangul", "Hiragana",
    "Javanese", "Kannada", "Katakana", "Khmer", "Lao", "Malayalam", "Mongolian", "Myanmar", "Oriya", "Sinhala",
    "Tai_Tham", "Tamil", "Telugu", "Thai", "Tibetan", "Yi",
)  # fmt: skip
"""Scripts whose letters may stand apart, by their Unicode names."""
_LETTERS: Final = (r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}", r"\p{Ll}\p{Lm}\p{Lo}")
"""Letters of the classes that begin and that end a word, in the named expressions whose words have marks."""


def _with_numbers(regex: str, alternative: str) -> str:
    own = next(own for own in _OWN if own in regex)
    return regex.replace(own, f"|{alternative}|")


SCANNED: Final[dict[str, tuple[str, str]]] = {
    _with_numbers(row.regex, alternative): (row.scanner, rule)
    for row in (PRETOKENIZERS[name] for name in RULED)
    if row.scanner is not None
    for alternative, rule in _NUMBERS.values()
}
"""Expression with a rule to the names of its scanner and of the rule, constants of `operators.kernels.scan`."""


def with_rules(pretokenizer: str, digits: Digits = KEEP, letters_apart: Sequence[str] = ()) -> str:
    """Return the pre-tokenizer with its rules: its name, or the expression that the rules make of it.

    digits: rule for runs of numbers. letters_apart: scripts whose letters stand one by one, each with its marks.
    Raises RuleRefused for rules on anything but a named expression, and for other scripts.

    >>> with_rules("o200k")
    'o200k'
    """
    regex = with_digits(pretokenizer, digits)
    return with_letters_apart(pretokenizer, regex, letters_apart) if letters_apart else regex


def with_letters_apart(pretokenizer: str, regex: str, scripts: Sequence[str]) -> str:
    """Return an expression that cuts letters of these scripts apart; regex: the pre-tokenizer with its other rules.

    A new alternative stands in front, and the letters are taken out of all classes behind it.
    """
    for script in scripts:
        if script not in SCRIPTS:
            raise RuleRefused("letters_apart", script, "a script has one of these names", ", ".join(SCRIPTS))
    _require_ruled(pretokenizer, "letters_apart", scripts[0], "letters")
    chosen = "".join(rf"\p{{{script}}}" for script in sorted(set(scripts)))
    regex = PRETOKENIZERS[regex].regex if regex in PRETOKENIZERS else regex
    regex = regex.replace(r"\p{L}+", rf"[\p{{L}}&&[^{chosen}]]+")
    for letters in _LETTERS:
        regex = regex.replace(rf"[{letters}\p{{M}}]", rf"[\p{{M}}[{letters}&&[^{chosen}]]]")
    return rf"[\p{{L}}&&[{chosen}]]\p{{M}}*|{regex}"


def with_digits(pretokenizer: str, digits: Digits) -> str:
    """Return the pre-tokenizer with a rule for numbers: its name, or the expression that the rule makes of it.

    Raises RuleRefused for anything but a named expression.

    >>> with_digits("o200k", "keep")
    'o200k'
    """
    if digits == KEEP:
        return pretokenizer
    _require_ruled(pretokenizer, "digits", digits, "numbers")
    regex = _with_numbers(PRETOKENIZERS[pretokenizer].regex, _NUMBERS[digits][0])
    return next((name for name, other in PRETOKENIZERS.items() if other.regex == regex), regex)


def _require_ruled(pretokenizer: str, rule: str, value: str, what: str) -> None:
    """Raise RuleRefused for a pre-tokenizer that a rule for letters or numbers cannot be put on."""
    if pretokenizer in RULED:
        return
    reason = f"an expression says itself how {what} are cut"
    if pretokenizer == NO_SPLIT:
        reason = f"{NO_SPLIT} cuts nothing"
    elif pretokenizer in PRETOKENIZERS:
        reason = f"{pretokenizer} has no alternative for {what} alone"
    raise RuleRefused(rule, value, reason, ", ".join(RULED))
