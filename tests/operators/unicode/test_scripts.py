"""Scripts by names against the scripts that a regular expression engine knows."""

import unicodedata
from collections import Counter

import numpy as np
import pytest
from tokenizers import Regex
from tokenizers.pre_tokenizers import Split

from operators.unicode.scripts import ANOTHER, SCRIPTS, main_script, script_of, scripts_of

PROPERTIES = {
    "Latn": "Latin", "Cyrl": "Cyrillic", "Grek": "Greek", "Deva": "Devanagari", "Hani": "Han", "Hira": "Hiragana",
    "Kana": "Katakana", "Arab": "Arabic", "Hang": "Hangul", "Mymr": "Myanmar", "Thai": "Thai", "Khmr": "Khmer",
    "Laoo": "Lao", "Hebr": "Hebrew", "Geor": "Georgian", "Armn": "Armenian", "Ethi": "Ethiopic", "Olck": "Ol_Chiki",
    "Cans": "Canadian_Aboriginal", "Mtei": "Meetei_Mayek", "Tibt": "Tibetan", "Talu": "New_Tai_Lue", "Lana": "Tai_Tham",
}  # fmt: skip


@pytest.fixture(scope="module")
def letters() -> dict[str, str]:
    """Letters of planes 0 to 2, and the script that we find of each."""
    points = [point for point in range(0x30000) if not 0xD800 <= point < 0xE000]
    letters = [chr(p) for p in points if unicodedata.category(chr(p)) in ("Lu", "Ll", "Lt", "Lo")]
    return {letter: script_of(letter) for letter in letters}


@pytest.mark.parametrize("code", PROPERTIES)
def test_letters_have_the_script_that_unicode_gives_them(code: str, letters: dict[str, str]) -> None:
    """But for modifier letters, which many scripts use, and one in a hundred others."""
    rest = Split(Regex(rf"\p{{{PROPERTIES[code]}}}"), "removed").pre_tokenize_str("".join(letters))
    theirs = set(letters) - {letter for piece, _ in rest for letter in piece}
    ours = {letter for letter, script in letters.items() if script == code}
    assert len(ours ^ theirs) <= 0.01 * len(theirs)


def test_what_is_no_letter_has_no_script() -> None:
    assert [script_of(one) for one in "1 .٣\u0301€ー"] == [""] * 7
    assert script_of("ß") == "Latn" and script_of("ｶ") == "Kana" and script_of("\U00010400") == "Dsrt"
    assert script_of("\U00010280") == ANOTHER  # Lycian
    assert script_of("ि") == "Deva"  # a vowel sign
    assert [SCRIPTS[i] for i in scripts_of(np.array([ord("a"), 0x4E2D, 0x31], np.uint32))] == ["Latn", "Hani", ""]


def test_the_main_script_of_a_text() -> None:
    assert main_script(Counter("это text по-русски")) == "Cyrl"
    assert main_script(Counter("漢字とかな")) == "Jpan"
    assert main_script(Counter("汉字" * 40 + "の")) == "Hani"
    assert main_script(Counter("123 …")) is None
