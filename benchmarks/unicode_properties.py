"""Write operators/unicode/properties_table.py from the installed `tokenizers`: category and script of each code point.

    python benchmarks/unicode_properties.py      # about five minutes

`tokenizers` is asked about every scalar value for each property by itself, so no statement rests on a version number.
"""

import base64
import importlib.metadata
import sys
import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import PreTokenizedString, Regex, pre_tokenizers

from benchmarks.unicode_table import SCALARS, TEXT, tokenizers_matches
from operators.unicode.properties import BLANK, DIGIT_STEP, PUNCTUATION_STEP, WORD

TABLE: Final = Path(__file__).resolve().parent.parent / "operators" / "unicode" / "properties_table.py"
CATEGORIES: Final = (
    "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Cs Co Cn"
)  # fmt: skip
SCRIPTS: Final = (
    "Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki "
    "Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee "
    "Chorasmian Common Coptic Cuneiform Cypriot Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan "
    "Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Garay Georgian Glagolitic Gothic Grantha Greek Gujarati "
    "Gunjala_Gondi Gurmukhi Gurung_Khema Han Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew Hiragana Imperial_Aramaic "
    "Inherited Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Katakana Kawi Kayah_Li Kharoshthi "
    "Khitan_Small_Script Khmer Khojki Khudawadi Kirat_Rai Lao Latin Lepcha Limbu Linear_A Linear_B Lisu Lycian Lydian "
    "Mahajani Makasar Malayalam Mandaic Manichaean Marchen Masaram_Gondi Medefaidrin Meetei_Mayek Mende_Kikakui "
    "Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar Nabataean Nag_Mundari Nandinagari "
    "New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Ol_Onal Old_Hungarian Old_Italic "
    "Old_North_Arabian Old_Permic Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage Osmanya "
    "Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada "
    "Shavian Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese Sunuwar Syloti_Nagri Syriac Tagalog "
    "Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta Todhri "
    "Toto Tulu_Tigalari Ugaritic Vai Vithkuqi Wancho Warang_Citi Yezidi Yi Zanabazar_Square Unknown"
)
"""Values of Script in Unicode 16.0."""


def apart(step: Any) -> list[int]:
    """Indices into TEXT of the characters that a pre-tokenizer cuts off one by one."""
    text = PreTokenizedString("aa" + "aa".join(TEXT) + "aa")
    step.pre_tokenize(text)
    splits = text.get_splits(offset_referential="original", offset_type="char")
    return [(begin - 2) // 3 for _, (begin, end), _ in splits if end == begin + 1]


def probe(names: str) -> NDArray[np.uint8]:
    """The number in `names` of the property of each scalar value; fails where two hold, or none."""
    found = np.full(len(TEXT), 255, np.uint8)
    for number, name in enumerate(names.split()):
        Regex(rf"\p{{{name}}}")
        places = tokenizers_matches(rf"\p{{{name}}}")
        assert (found[places] == 255).all(), f"{name} overlaps another one"
        found[places] = number
        print(name, len(places), file=sys.stderr)
    assert (found != 255).all(), "a code point without a property"
    return found


def main() -> None:
    """Regenerate the table."""
    flags = np.zeros(len(TEXT), np.uint8)
    flags[tokenizers_matches(r"\w")] |= WORD
    flags[apart(pre_tokenizers.Digits(individual_digits=True))] |= DIGIT_STEP
    flags[apart(pre_tokenizers.Punctuation("isolated"))] |= PUNCTUATION_STEP
    flags[tokenizers_matches(r"\s")] |= BLANK
    columns = np.zeros((0x110000, 3), np.uint8)
    columns[:] = CATEGORIES.split().index("Cs"), SCRIPTS.split().index("Unknown"), 0
    columns[SCALARS] = np.stack([probe(CATEGORIES), probe(SCRIPTS), flags], axis=1)
    begins = np.flatnonzero((np.diff(columns.astype(np.int16), axis=0, prepend=-1) != 0).any(axis=1))
    lengths = np.diff(begins, append=len(columns)).astype("<u4").view(np.uint8).reshape(-1, 4).T
    packed = zlib.compress(lengths.tobytes() + columns[begins].T.tobytes(), 9)
    digits = base64.b85encode(packed).decode()
    lines = "\n".join(f'    "{digits[i : i + 112]}"' for i in range(0, len(digits), 112))
    words = "\n".join(
        f'{name}: Final = (\n{quoted(text)}\n)\n"""{about}"""'
        for name, text, about in (
            ("CATEGORIES", CATEGORIES, "General categories, in the order of their numbers."),
            ("SCRIPTS", SCRIPTS, "Scripts, in the order of their numbers."),
        )
    )
    TABLE.write_text(HEAD.format(words=words, version=importlib.metadata.version("tokenizers"), lines=lines))


def quoted(text: str) -> str:
    """A tuple's entries, some a line."""
    lines, line = list[str](), ""
    for word in text.split():
        if len(line) + len(word) > 106:
            lines.append(line)
            line = ""
        line += f'"{word}", '
    return "\n".join(f"    {one.rstrip()}" for one in [*lines, line])


HEAD: Final = '''"""Category and script of every code point, as `tokenizers` (Oniguruma) has them, packed.

Made by benchmarks/unicode_properties.py; do not edit. `operators.unicode.properties` unpacks it.
"""
# fmt: off

from typing import Final

{words}
TOKENIZERS_VERSION: Final = "{version}"
"""The version whose properties these are."""


PACKED: Final = (
{lines}
)
'''


if __name__ == "__main__":
    main()
