"""Rules for numbers: the exported expression cuts alike in `tokenizers`, in tiktoken and here, in linear time here."""

import itertools
import random
import time
import unicodedata

import numpy as np
import pyarrow as pa
import pytest

from operators.text.errors import RuleRefused
from operators.text.pretokenize import Pretokenizer
from operators.text.rules import RULED, SCANNED, SCRIPTS, Digits, with_digits, with_rules
from tests.operators.text.test_pretokenize import EDGES, reference, split, tiktoken_pieces

RULES: list[Digits] = ["single", "threes", "threes-from-right"]
NAMES = list(RULED)
NUMBERS = "0123456789٣२፩²Ⅷ１𝟘"
"""Decimal digits of several scripts, full-width ones, other numbers: `\\p{N}` has them all."""


def regex_of(name: str, rule: Digits) -> str:
    return Pretokenizer(with_digits(name, rule)).regex or ""


def texts(seed: int, count: int) -> list[str]:
    draw, made = random.Random(seed), []
    for _ in range(count):
        alphabet = draw.sample([*EDGES, *NUMBERS], 5) + list(NUMBERS) * draw.choice([0, 1, 3])
        made.append("".join(draw.choices(alphabet, k=draw.choice([3, 9, 30, 90]))))
    return made


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", NAMES)
def test_cuts_equal_tokenizers_on_the_exported_expression(name: str, rule: Digits) -> None:
    regex = regex_of(name, rule)
    assert regex in SCANNED
    documents = texts(3, 1500)
    assert split(Pretokenizer(regex), documents) == reference(regex, documents)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", ["gpt2", "o200k"])
def test_cuts_equal_tiktoken_on_the_exported_expression(name: str, rule: Digits) -> None:
    documents = [text[:12] for text in texts(5, 500)] + ["1" * n for n in range(12)]
    ours = split(Pretokenizer(regex_of(name, rule)), documents)
    pieces = [
        [document.encode()[a:b] for a, b in itertools.pairwise([0, *ends])]
        for document, ends in zip(documents, ours, strict=True)
    ]
    assert pieces == tiktoken_pieces(regex_of(name, rule), documents)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", ["gpt2", "gpt4", "o200k", "tekken"])
def test_runs_of_every_length_are_cut_as_the_rule_says(name: str, rule: Digits) -> None:
    pretokenizer = Pretokenizer(with_digits(name, rule))
    documents = ["7" * n for n in range(1, 511)]
    assert split(pretokenizer, documents) == reference(pretokenizer.regex or "", documents)
    for n, ends in enumerate(split(pretokenizer, documents), 1):
        first = {"single": 1, "threes": min(3, n), "threes-from-right": (n - 1) % 3 + 1}[rule]
        assert ends == [*range(first, n, 1 if rule == "single" else 3), n]
    between = [f"ab{digits} {digits}cd,{digits}" for digits in documents[:40]]
    for text, ends in zip(between, split(pretokenizer, between), strict=True):
        for at in range(1, len(text)):
            if (text[at - 1] == "7") != (text[at] == "7"):
                assert at in ends  # a run stands apart from what is before and behind it


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", ["gpt2", "o200k"])
def test_a_million_digits_take_well_under_a_second(name: str, rule: Digits) -> None:
    pretokenizer = Pretokenizer(with_digits(name, rule))
    for text in ("1" * 1_000_001, "!\n/!" + "1" * 1_000_000):
        array = pa.array([text], pa.large_string())
        pretokenizer.split(array)
        began = time.thread_time()
        ends = pretokenizer.split(array).ends
        assert time.thread_time() - began < 0.5
        if text[0] == "1" and rule == "threes-from-right":
            assert ends[:2].tolist() == [2, 5] and len(ends) == 333_334


def test_a_rule_that_changes_nothing_keeps_the_name() -> None:
    assert with_digits("o200k", "keep") == with_digits("o200k", "threes") == "o200k"
    assert with_digits("qwen", "single") == "qwen" and with_digits(r"\w+", "keep") == r"\w+"


@pytest.mark.parametrize("pretokenizer", ["none", "codebpe2", "codebpe4", r"\w+", '{"pre_tokenizer":null}'])
def test_what_has_no_alternative_for_numbers_is_refused(pretokenizer: str) -> None:
    with pytest.raises(RuleRefused, match=r"digits: threes is refused, .*; name one of gpt2, gpt4, .*tekken$"):
        with_digits(pretokenizer, "threes")


APART = "漢字々〆ກັนน้ำกขเกខាំ한ㄱあかァーa'sB ñé\u0301\u0e31\u0300\u200d1٣! \n"
"""Letters of scripts that stand apart and of others, marks of both, and what else an expression looks at."""


def is_letter(character: str, scripts: tuple[str, ...]) -> bool:
    """True for a letter of these scripts, which its Unicode name begins with."""
    return unicodedata.category(character)[0] == "L" and unicodedata.name(character, "").startswith(scripts)


def letters_with_marks(text: str, scripts: tuple[str, ...]) -> list[tuple[int, int]]:
    """Return where each letter of these scripts begins, and where the marks behind it end, in bytes."""
    found = []
    for at, character in enumerate(text):
        if is_letter(character, scripts):
            end = at + 1
            while end < len(text) and unicodedata.category(text[end])[0] == "M":
                end += 1
            found.append((len(text[:at].encode()), len(text[:end].encode())))
    return found


@pytest.mark.parametrize("rule", ["keep", "threes-from-right"])
@pytest.mark.parametrize("name", NAMES)
def test_letters_apart_cut_alike_in_both_libraries_and_in_a_loop(name: str, rule: Digits) -> None:
    regex = with_rules(name, rule, ["Thai", "Han", "Hangul"])
    draw = random.Random(7)
    documents = ["".join(draw.choices(APART, k=draw.choice([2, 5, 12]))) for _ in range(300)]
    ours = split(Pretokenizer(regex), documents)
    assert ours == reference(regex, documents)
    pieces = [
        [document.encode()[a:b] for a, b in itertools.pairwise([0, *ends])]
        for document, ends in zip(documents, ours, strict=True)
    ]
    assert pieces == tiktoken_pieces(regex, documents)
    for document, ends in zip(documents, ours, strict=True):
        borders = [0, *ends]
        for begin, end in letters_with_marks(document, ("THAI", "CJK", "IDEOGRAPHIC ITERATION", "HANGUL")):
            assert borders[borders.index(begin) + 1] == end


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_are_those_that_names_of_characters_tell(script: str) -> None:
    regex = with_rules("o200k", "keep", [script])
    first = ("CJK UNIFIED",) if script == "Han" else (script.upper().replace("_", " ") + " ",)
    own = [chr(point) for point in range(0x20000) if is_letter(chr(point), first)]
    own = random.Random(3).sample(own, min(20, len(own)))
    text = "".join(own) + "".join(letter for letter in "aДगำ漢한" if letter not in own and not is_letter(letter, first))
    [ends] = reference(regex, [text])
    assert ends[: len(own)] == list(itertools.accumulate(len(letter.encode()) for letter in own))
    assert [len(piece) for piece in tiktoken_pieces(regex, [text])[0]] == list(np.diff([0, *ends]))


@pytest.mark.parametrize(
    ("name", "script"), [(r"\w+", "Han"), ("none", "Han"), ("codebpe1", "Han"), ("o200k", "Klingon")]
)
def test_letters_apart_are_refused_elsewhere(name: str, script: str) -> None:
    with pytest.raises(RuleRefused, match=f"letters_apart: {script} is refused"):
        with_rules(name, "keep", [script])
