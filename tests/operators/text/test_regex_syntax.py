"""Expressions read as tiktoken's engine and as Oniguruma read them, against both libraries."""

import random
from itertools import pairwise

import pyarrow as pa
import pytest
import tiktoken
from tokenizers import Regex, normalizers
from tokenizers.pre_tokenizers import Split

from operators.text.errors import BadPattern
from operators.text.pretokenize import Pretokenizer, require_unambiguous
from operators.text.pretokenizers import NAMES, PATTERNS
from operators.text.regex_syntax import (
    UnknownSyntax,
    always_consumes,
    ambiguity,
    atoms,
    from_tiktoken_syntax,
    to_tiktoken_syntax,
)

SHIPPED = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]"
    r"|\s+(?!\S)|\s"
)
"""tiktoken's cl100k_base."""
READ_DIFFERENTLY = [
    r"\p{N}{1,3}+|\P{N}", r"(?:ab|c){1,2}+|\s+|.", r"a{2,}+a|[^b]|b", r"^\w+|\w|\W", r"\w+$|\w|\W", 
    r"((a|b)(?:b|c|a)){1,2}+|.|\n", r"[$^]{1,2}+|.|\n", SHIPPED,
]  # fmt: skip


def texts(count: int) -> list[str]:
    draw = random.Random(11)
    alphabets = ("aabbcc112233 \n\r$^'s", "abc", "123", "a \n$^^")
    return ["".join(draw.choices(alphabets[i % 4], k=draw.randint(1, 12))) for i in range(count)]


def words(pretokenizer: Pretokenizer, text: str) -> list[str]:
    cut = pretokenizer.split(pa.array([text], pa.large_string()))
    data, begins = cut.data.tobytes(), [0, *cut.ends.tolist()]
    return [data[a:b].decode() for a, b in pairwise(begins)]


def tiktoken_words(regex: str, text: str) -> list[str]:
    """Words as tiktoken cuts them: every part of the text is a token, so that each word becomes one."""
    parts = [text[a:b].encode() for a in range(len(text)) for b in range(a + 1, len(text) + 1)]
    known = dict.fromkeys([*(bytes([byte]) for byte in range(256)), *parts])
    encoding = tiktoken.Encoding(
        "t", pat_str=regex, mergeable_ranks={token: i for i, token in enumerate(known)}, special_tokens={}
    )
    return [encoding.decode_single_token_bytes(i).decode() for i in encoding.encode_ordinary(text)]


@pytest.mark.parametrize("regex", READ_DIFFERENTLY)
def test_words_are_those_of_tiktoken(regex: str) -> None:
    ours, as_oniguruma = Pretokenizer.from_tiktoken(regex), Pretokenizer(regex)
    differing = 0
    for text in texts(400):
        expected = tiktoken_words(regex, text)
        assert words(ours, text) == expected
        differing += words(as_oniguruma, text) != expected
    assert differing, "both engines read this one in the same way: it tests nothing"


@pytest.mark.parametrize("regex", READ_DIFFERENTLY)
def test_a_setting_that_engines_read_differently_is_refused(regex: str) -> None:
    with pytest.raises(BadPattern, match=r"for tiktoken; write ") as error:
        require_unambiguous(regex)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("regex", "text"),
    [
        ("[[:alpha:]]+", "한"), ("[^[:digit:]]+", "٣"), (r"\pL+", "한"), (r"a(?i)b|c", "c"), (r"(?m)a.", "a\n"),
        (r"\<a", "a"), (r"a{1,2}{2}", "aa"), (r"(?:a+){2}|a?{3}", "a"), (r"[a~~a]", "a"),
        ("(?i:\u00df)", "SS"), (r"(?i:[\x{fb01}x])", "FI"), (r"[+--]", ","),
        (r"\U00000041", "A"), (r"\p{Graph}+", "\ue000"), (r"\p{Print}+", "\u2028"), (r"\p{Word}+", "½"),
    ],
)  # fmt: skip
def test_parts_of_two_meanings_are_refused_in_settings_and_in_files(regex: str, text: str) -> None:
    ours = Split(Regex(regex), "removed", invert=True).pre_tokenize_str(text)
    ranks = {bytes([byte]): byte for byte in range(256)}
    encoding = tiktoken.Encoding("x", pat_str=regex, mergeable_ranks=ranks, special_tokens={})
    assert bool(ours) != bool(encoding.encode_ordinary(text)), "both engines read this one in the same way"
    with pytest.raises(BadPattern, match="tiktoken; "):
        require_unambiguous(regex)
    with pytest.raises(UnknownSyntax):
        from_tiktoken_syntax(regex)


@pytest.mark.parametrize(
    "regex", [*PATTERNS.values(), r"(?:\p{N}{1,3})+", r"(?>\p{N}{1,3})", r"a++b?+c*+", r"[$^]", r"\$", "a{2}?"]
)
def test_other_expressions_are_left_alone(regex: str) -> None:
    assert ambiguity(regex) is None
    assert from_tiktoken_syntax(regex) == regex
    require_unambiguous(regex)
    for name in NAMES:
        require_unambiguous(name)


@pytest.mark.parametrize("regex", [r"(?s).|a", r"a(?m:^b)", r"[a--b]", r"[a~~b]", r"\hx", r"a{,3}", r"b(?i)a"])
def test_what_has_no_counterpart_is_refused(regex: str) -> None:
    with pytest.raises(UnknownSyntax):
        from_tiktoken_syntax(regex)
    with pytest.raises(BadPattern):
        Pretokenizer.from_tiktoken(regex)


ALWAYS = [
    " ", "  +", " {2,}", r"\s+", "[^a]", "(?i:a|b)c*", "a|b", "(?<n>a)", "[]a]", "[^]a]+", "[[:alpha:]x]", r"\p{L}",
    "(?:a)+", "^a", "a$", r"\[", "a{1,3}+", "(?>a)", r"[\]]", *PATTERNS.values(),
]  # fmt: skip
IN_DOUBT = [
    "^", "$", "x*", "(?=b)", "(?<=a)", r"\b", "a*", "|a", "b?", "(?<!a)", "(?=a)a?", "^a?", r"\A", "(a|b?)", "(?:a*)+",
    "a{0,3}", "a{,3}", "[", "(a", "(?x) a", "()", "(?#a)", "x{0}", "(?~a)", r"(a)|\1",
]  # fmt: skip


def test_an_expression_that_always_consumes_never_replaces_nothing() -> None:
    for regex in ALWAYS:
        assert always_consumes(regex), regex
        assert "".join(atom.text + atom.quantifier for atom in atoms(regex)) == regex
        inserted = normalizers.Replace(Regex(regex), "\0\0\0\0\0")
        for text in texts(60):
            after = inserted.normalize_str(text)
            assert after.count("\0") // 5 <= len(text) - len(after.replace("\0", "")), (regex, text)
    assert not any(always_consumes(regex) for regex in IN_DOUBT)


@pytest.mark.parametrize("regex", [r"(?i:x|\p{Lu}+)", r"(?i)[\p{Ll}x]+", r"a(?i:(b|\p{Lt}))", r"(?i:\p{^Lu})"])
def test_a_case_within_a_group_that_ignores_case_is_ambiguous(regex: str) -> None:
    assert "within (?i) is one case for `tokenizers` and both for tiktoken" in str(ambiguity(regex))
    with pytest.raises(UnknownSyntax, match="both cases"):
        from_tiktoken_syntax(regex)


@pytest.mark.parametrize("regex", [r"(?i:'s)?|\p{Lu}+", r"(?i:x(?-i:\p{Lu}))", r"(?i:\p{L}+)", r"((?i)x)\p{Lu}"])
def test_a_case_outside_such_a_group_is_not(regex: str) -> None:
    assert ambiguity(regex) is None


WORDS = [r"\w+|\s", r"\W+|\w", r"[\w']+|.", r"[^\w\s]+|.", r"[\Wb]+|.", r"\b.|\n", r"\B.", r"(?<=\w)[^\W\d]|."]
AT_BORDERS = "ab 1\n_\u00b2\u00bd\u200c\u200d\u2163\u24b6\u0301\u0660"
"""Characters that are of words for one engine, for both, or for none."""


@pytest.mark.parametrize("regex", WORDS)
def test_characters_of_words_are_each_engine_s_own(regex: str) -> None:
    draw, ours = random.Random(5), Pretokenizer(regex)
    for _ in range(60):
        text = "".join(draw.choices(AT_BORDERS, k=draw.randint(1, 8)))
        split = Split(Regex(regex), "removed", invert=True).pre_tokenize_str(text)
        matched = [word for word, _ in split]
        assert [word for word, _ in Split(Regex(regex), "isolated").pre_tokenize_str(text)] == words(ours, text)
        assert matched == tiktoken_words(to_tiktoken_syntax(regex), text)
        covering = rf"(?:{regex})|.|\n"  # tiktoken drops what no match covers
        assert words(Pretokenizer.from_tiktoken(covering), text) == tiktoken_words(covering, text)
