"""Which script a language is written in: premiums follow scripts more than anything else.

A code that names its script (ISO 15924: eng_Latn, zh-Hans) says so itself; else the usual script of the language
(CLDR's likely subtags) for codes of ISO 639-1, and for longer ones that are met in translation catalogs.
"""

from typing import Final

UNKNOWN: Final = "unknown script"
OTHER: Final = "Other scripts"
"""Group of scripts that are in no other group."""

SCRIPT_NAMES: Final[dict[str, str]] = {
    "Latn": "Latin", "Cyrl": "Cyrillic", "Grek": "Greek", "Armn": "Armenian", "Geor": "Georgian", "Arab": "Arabic",
    "Hebr": "Hebrew", "Beng": "Bengali", "Deva": "Devanagari", "Gujr": "Gujarati", "Guru": "Gurmukhi",
    "Knda": "Kannada", "Mlym": "Malayalam", "Orya": "Odia", "Sinh": "Sinhala", "Taml": "Tamil", "Telu": "Telugu",
    "Thaa": "Thaana", "Thai": "Thai", "Laoo": "Lao", "Khmr": "Khmer", "Mymr": "Burmese", "Tibt": "Tibetan",
    "Olck": "Ol Chiki", "Mtei": "Meitei", "Hans": "simplified Han", "Hant": "traditional Han", "Hani": "Han",
    "Jpan": "Japanese", "Kore": "Korean", "Hang": "Hangul", "Ethi": "Ethiopic", "Tfng": "Tifinagh",
    "Cher": "Cherokee", "Cans": "Canadian syllabics", "Nkoo": "N’Ko",
}  # fmt: skip
"""ISO 15924 code to the script's name, where it is not the code that is shown."""

_GROUPS: Final[dict[str, str]] = {
    "Latin": "Latn",
    "Cyrillic, Greek, Armenian, Georgian": "Cyrl Grek Armn Geor",
    "Arabic, Hebrew": "Arab Hebr",
    "Indic and Southeast Asian": (
        "Beng Deva Gujr Guru Knda Khmr Laoo Lana Lepc Limb Mlym Mtei Mymr Olck Orya Sinh Taml Telu Thaa Thai Tibt"
    ),
    "Chinese, Japanese, Korean": "Hans Hant Hani Jpan Hira Kana Kore Hang Bopo",
}
GROUPS: Final = ("Latin", *[group for group in _GROUPS if group != "Latin"], OTHER, UNKNOWN)
"""Every group there is."""
_GROUP_OF: Final = {script: group for group, scripts in _GROUPS.items() for script in scripts.split()}

_USUAL: Final[dict[str, str]] = {
    "Latn": (
        "aa af ak an ast ay az bm br bs ca ceb ch co crh cs csb cy da de dsb ee en eo es et eu ff fi fil fj fo fr"
        " fur fy ga gd gl gn gv ha hr hsb ht hu hz ia id ie ig ik io is it jv kab kg ki kj kl kr ku kw la lb lg li"
        " lij ln lt lu lv mg mh mi ms mt na nb nd nds ng nl nn no nr nso nv ny oc om pl pt qu rm rn ro rw sc se sg"
        " sk sl sm sn so sq ss st su sv sw szl tk tl tn to tpi tr ts tw ty uz ve vec vi vo wa wo xh yo za zu"
    ),
    "Cyrl": "ab av ba be bg bua ce cu cv kk kv ky mhr mk mn mrj os ru sah sr tg tt udm uk",
    "Arab": "ar arz azb ckb fa ks lrc mzn pnb ps sd ug ur",
    "Hebr": "he iw yi",
    "Grek": "el",
    "Armn": "hy",
    "Geor": "ka",
    "Beng": "as bn",
    "Deva": "bh bho gom hi kok mai mr ne new sa",
    "Gujr": "gu",
    "Guru": "pa",
    "Knda": "kn",
    "Mlym": "ml",
    "Orya": "or",
    "Sinh": "si",
    "Taml": "ta",
    "Telu": "te",
    "Thaa": "dv",
    "Thai": "th",
    "Laoo": "lo",
    "Khmr": "km",
    "Mymr": "my",
    "Tibt": "bo dz",
    "Hani": "wuu yue zh",
    "Jpan": "ja",
    "Kore": "ko",
    "Ethi": "am ti",
    "Tfng": "zgh",
    "Cher": "chr",
    "Cans": "cr iu",
}
_SCRIPT_OF: Final = {language: script for script, languages in _USUAL.items() for language in languages.split()}


def script_of(language: str) -> str | None:
    """`script_of("sr_Latn")` is "Latn", `script_of("pt_BR")` "Latn", `script_of("code")` None: not known."""
    first, *others = language.replace("-", "_").split("_")
    for part in others:
        if len(part) == 4 and part.isascii() and part.isalpha():
            return part.title()
    return _SCRIPT_OF.get(first.lower())


def script_name(language: str) -> str:
    """`script_name("ru")` is "Cyrillic"."""
    script = script_of(language)
    return UNKNOWN if script is None else SCRIPT_NAMES.get(script, script)


def script_group(language: str) -> str:
    """Return the group of scripts that the language's own belongs to: a name in GROUPS."""
    script = script_of(language)
    return UNKNOWN if script is None else _GROUP_OF.get(script, OTHER)
