"""Scripts of characters, from their Unicode names.

Python has the names, not the scripts, and a name begins with the script: "DEVANAGARI LETTER KA". Letters and marks have
a script. Other characters (digits, punctuation, signs that many scripts share) have none.
"""

import unicodedata
from functools import lru_cache
from typing import Final

import numpy as np

from operators.arrays import U8, U32

_ISO_15924: Final = {
    "ADLAM": "Adlm", "ARABIC": "Arab", "ARMENIAN": "Armn", "BALINESE": "Bali", "BAMUM": "Bamu", "BATAK": "Batk",
    "BENGALI": "Beng", "BOPOMOFO": "Bopo", "BUGINESE": "Bugi", "CANADIAN SYLLABICS": "Cans", "CHAKMA": "Cakm",
    "CHAM": "Cham", "CHEROKEE": "Cher", "CJK": "Hani", "COPTIC": "Copt", "CUNEIFORM": "Xsux", "CYRILLIC": "Cyrl",
    "DESERET": "Dsrt", "DEVANAGARI": "Deva", "EGYPTIAN HIEROGLYPH": "Egyp", "ETHIOPIC": "Ethi",
    "FEMININE ORDINAL": "Latn", "GEORGIAN": "Geor",
    "GLAGOLITIC": "Glag", "GOTHIC": "Goth", "GREEK": "Grek", "GUJARATI": "Gujr",
    "GURMUKHI": "Guru", "HANGUL": "Hang",
    "HANIFI ROHINGYA": "Rohg", "HEBREW": "Hebr", "HENTAIGANA": "Hira", "HIRAGANA": "Hira", "IDEOGRAPHIC": "Hani",
    "JAVANESE": "Java", "KANNADA": "Knda",
    "KATAKANA": "Kana", "KAYAH LI": "Kali", "KHMER": "Khmr", "LAO": "Laoo", "LATIN": "Latn", "LEPCHA": "Lepc",
    "LIMBU": "Limb", "LISU": "Lisu", "MALAYALAM": "Mlym", "MANDAIC": "Mand", "MASCULINE ORDINAL": "Latn",
    "MEETEI MAYEK": "Mtei",
    "MONGOLIAN": "Mong", "MYANMAR": "Mymr", "NEW TAI LUE": "Talu", "NKO": "Nkoo", "OGHAM": "Ogam", "OL CHIKI": "Olck",
    "ORIYA": "Orya", "OSAGE": "Osge", "PHAGS-PA": "Phag", "REJANG": "Rjng", "RUNIC": "Runr", "SAMARITAN": "Samr",
    "SAURASHTRA": "Saur", "SINHALA": "Sinh", "SUNDANESE": "Sund", "SYLOTI NAGRI": "Sylo", "SYRIAC": "Syrc",
    "TAGALOG": "Tglg", "TAI LE": "Tale", "TAI THAM": "Lana", "TAI VIET": "Tavt", "TAMIL": "Taml", "TELUGU": "Telu",
    "THAANA": "Thaa", "THAI": "Thai", "TIBETAN": "Tibt", "TIFINAGH": "Tfng", "VAI": "Vaii", "YI": "Yiii",
}  # fmt: skip
"""The first words of a character's name to its script's code."""
_LONGEST: Final = max(len(name.split()) for name in _ISO_15924)
_SHAPES: Final = ("FULLWIDTH ", "HALFWIDTH ")
ANOTHER: Final = "Zzzz"
"""A letter of a script that is not listed here."""
SCRIPTS: Final = ("", ANOTHER, *sorted(set(_ISO_15924.values())))
"""Codes by the numbers that `scripts_of` gives; the first is for what has no script."""
_NUMBER: Final = {code: number for number, code in enumerate(SCRIPTS)}


@lru_cache(maxsize=1 << 17)
def script_of(character: str) -> str:
    """`script_of("ß")` is "Latn"; "" for a character without one."""
    category = unicodedata.category(character)
    if category[0] not in "LM":
        return ""
    name = unicodedata.name(character, "")
    for shape in _SHAPES:
        name = name.removeprefix(shape)
    if name.startswith(("COMBINING ", "MODIFIER ", "VARIATION ", "KATAKANA-HIRAGANA ")):
        return ""
    words = name.split(" ", _LONGEST)
    for n in range(min(_LONGEST, len(words)), 0, -1):
        code = _ISO_15924.get(" ".join(words[:n]))
        if code is not None:
            return code
    return ANOTHER if category[0] == "L" else ""


def scripts_of(code_points: U32) -> U8:
    """The script of each character, as a number in SCRIPTS; uint8[characters]."""
    distinct, which = np.unique(code_points, return_inverse=True)
    numbers = np.array([_NUMBER[script_of(chr(one))] for one in distinct.tolist()], np.uint8)
    return numbers[which] if len(distinct) else np.empty(0, np.uint8)


def main_script(characters: dict[str, int]) -> str | None:
    """The script that most letters of a text are written in; None for a text without letters.

    `characters`: how often each occurs. Japanese ("Jpan") is Han of which a tenth is kana; Han alone is "Hani".
    """
    sums: dict[str, int] = {}
    for character, count in characters.items():
        if (script := script_of(character)) and character.isalpha():
            sums[script] = sums.get(script, 0) + count
    kana = sums.get("Hira", 0) + sums.get("Kana", 0)
    if kana and 10 * kana >= kana + sums.get("Hani", 0):
        sums["Jpan"] = kana + sums.pop("Hani", 0)
        sums.pop("Hira", 0), sums.pop("Kana", 0)
    return max(sorted(sums), key=lambda script: sums[script]) if sums else None
