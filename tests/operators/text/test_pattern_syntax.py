"""Expressions that are compiled, and those that are refused with a reason."""

import pytest

from operators.text.automata import tables
from operators.text.character_classes import NotCompiled
from operators.text.pattern_syntax import parse


@pytest.mark.parametrize(
    ("regex", "reason"),
    [
        (r"(?<=a)b", r"a group (?<="),
        (r"(a)\1", r"\1"),
        (r"\bword", r"\b"),
        (r"^a", "^ where it stands"),
        (r"\p{Emoji}", r"\p{Emoji}, which is no general category or script"),
        (r"[[:alpha:]]", "a POSIX class"),
        (r"a*", "it may match nothing"),
        (r"(?:a*)+b", "a repeat of what may match nothing"),
        (r"a(?=bc)", "a look-ahead of more than one character"),
        (r"(?i:ss)", "(?i) for more than plain ASCII alternatives"),
        (r"(?i:é)", "(?i) for characters outside ASCII"),
        (r"(?i)a", "a group (?i)"),
        (r"(?>ab|a)b", "a possessive part of more than one class, with more behind it"),
        (r"a{65}", "a repeat of more than 64 times"),
        (r"a{2}?", "{2}?, which engines read differently"),
        (r"[a-\d]", "a range without an end"),
        (r"[\d-a]", "a range of classes"),
        (r"a**", "* where it stands"),
        (r"[]a]", "an empty class"),
    ],
)
def test_what_no_automaton_can_match_exactly_is_refused(regex: str, reason: str) -> None:
    with pytest.raises(NotCompiled) as caught:
        parse(regex)
    assert reason in str(caught.value)


def test_tables_that_grow_over_their_limit_are_refused() -> None:
    with pytest.raises(NotCompiled, match="states"):
        tables([parse("(?:a|b)*a" + "(?:a|b)" * 12)])
    with pytest.raises(NotCompiled, match="classes of characters"):
        tables([parse("|".join(chr(0x4E00 + i) for i in range(200)))])
    with pytest.raises(NotCompiled, match="too long"):
        tables([parse("(?:" + "a" * 64 + "){64}")])


@pytest.mark.parametrize(
    "regex",
    [
        r"[\p{Han}&&\p{L}]\p{M}*|\p{L}+",
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
        r"[^(\s|[.,!?…。])]+",
        r"\x{4e00}|\u00e9|\x41",
        r"(?=a).b",
    ],
)
def test_what_published_tokenizers_write_is_read(regex: str) -> None:
    assert tables([parse(regex)])[1][0].states > 3
