"""Second-stage pre-tokenizers: regular expressions whose matches and gaps are the pieces that superwords stay inside.

`superbpe`: digits, runs of two and more signs, and spaces before a space are apart, all else runs on (Liu et al. 2025,
SuperBPE, arXiv 2503.13423, and its published code). `punctuation`: the first stage's pre-tokens, except that a word
with a space before it joins the word that it follows. `words`: runs of the first stage's words are pieces, other
pre-tokens stay as they are (what BoundlessBPE joins, Schmidt et al. 2025, arXiv 2504.00178).
"""

from typing import Final

from operators.errors import UsageError
from operators.text.pretokenizers import PATTERNS
from operators.text.rules import RULED, SCANNED, SUPERBPE_REGEX

SUPERBPE: Final = "superbpe"
PUNCTUATION: Final = "punctuation"
WORDS: Final = "words"

_CONTRACTION: Final = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_HEADS, _TAILS = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_OPTIONAL: Final = r"[^\r\n\p{L}\p{N}]?"


def _cased(first: str, end: str) -> str:
    """The words of o200k; `first`: what stands before one, `end`: what may stand behind it."""
    return f"{first}{_HEADS}*{_TAILS}+{end}|{first}{_HEADS}+{_TAILS}*{end}"


_WORDS: Final[dict[str, tuple[str, str]]] = {
    _cased(_OPTIONAL, _CONTRACTION): (_cased(_OPTIONAL, _CONTRACTION), _cased(" ", _CONTRACTION)),
    _cased(_OPTIONAL, ""): (_cased(_OPTIONAL, ""), _cased(" ", "")),
    _OPTIONAL + r"\p{L}+": (_OPTIONAL + r"\p{L}+", r" \p{L}+"),
    r" ?\p{L}+": (r" ?\p{L}+", r" \p{L}+"),
}
"""Alternatives for words that the named expressions have, to any word and to a word behind a space."""

SHOWN: Final = 60
"""Characters of a pre-tokenizer that an error shows."""


class NoSpaceRule(UsageError):
    """A first stage that `punctuation` and `words` cannot be made of."""

    rule: str
    pretokenizer: str
    names: str
    message = (
        "superword_pretokenizer: {rule} is made of one of {names}, not of {pretokenizer}; train with one of them, "
        "or give superbpe or a regular expression here"
    )


def second_stage(rule: str, first: str) -> str:
    """Return the regular expression of a second stage. Raises NoSpaceRule.

    rule: `superbpe`, `punctuation`, `words` or an expression. first: pre-tokenizer of the first stage.

    >>> second_stage("punctuation", "gpt2").split("|")[7]
    ' ?\\\\p{L}+(?: \\\\p{L}+)*'
    """
    if rule == SUPERBPE:
        return SUPERBPE_REGEX
    if rule not in (PUNCTUATION, WORDS):
        return rule
    regex = PATTERNS.get(first, first)
    if regex in PATTERNS.values() or regex in SCANNED:
        for words, (one, spaced) in _WORDS.items():
            before, found, after = regex.partition(words)
            if found and rule == WORDS:
                return f"(?:{before}{words})+{after}"
            if found:
                return f"{before}(?:{one})(?:{spaced})*{after}"
    raise NoSpaceRule(rule, first if len(first) <= SHOWN else first[:SHOWN] + "...", ", ".join(RULED))
