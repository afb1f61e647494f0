"""Errors of pre-tokenizers."""

from operators.errors import DataError, UsageError
from operators.redaction import masked, shown
from operators.text.pretokenizers import NAMES


class BadPattern(UsageError):
    """A pre-tokenizer that is neither a name nor a regular expression that compiles."""

    pattern: str
    reason: str

    def __str__(self) -> str:
        names = ", ".join(NAMES)
        return f"pre-tokenizer {_short(self.pattern)} is neither a name ({names}) nor a regular expression: " + shown(
            self.reason
        )


class RuleRefused(UsageError):
    """A rule that cannot be put on top of a pre-tokenizer, or that has no such value."""

    rule: str
    value: str
    reason: str
    names: str
    message = "{rule}: {value} is refused, {reason}; name one of {names}"


class PatternGaveUp(DataError):
    """A regular expression that backtracks too long on a document."""

    pattern: str
    document_bytes: int
    reason: str

    def __str__(self) -> str:
        return (
            f"pre-tokenizer {_short(self.pattern)} gave up on a document of {self.document_bytes} bytes: "
            f"{shown(self.reason)}; write the expression without nested repetition"
        )


def _short(pattern: str) -> str:
    """Quote a pattern for a message, its first 80 characters."""
    return repr(masked(pattern if len(pattern) <= 80 else f"{pattern[:80]}..."))
