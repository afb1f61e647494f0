"""Names of languages, against CLDR as Babel has it."""

from pathlib import Path

import polars as pl
import pytest

from operators.unicode.language_names import language_name, named, nearest
from operators.unicode.script_names import script_of


def test_names_are_those_of_cldr() -> None:
    babel = pytest.importorskip("babel", reason="Babel, which the documentation's site brings, is not installed")
    english = babel.Locale("en")
    ours = {code: language_name(code) for code in english.languages if "_" not in code}
    odd = ("root", "mul", "und", "zxx")
    differ = {code: name for code, name in ours.items() if name != english.languages[code] and code not in odd}
    assert set(differ) <= {"acm", "apc", "prs"}  # of ISO 639-3, where CLDR has none or one for two
    assert language_name("en_ZA") == f"English ({english.territories['ZA']})"


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("eng_Latn", "English"), ("ml", "Malayalam"), ("swh_Latn", "Swahili"), ("taq_Tfng", "Tamasheq (Tifinagh)"),
        ("kas_Deva", "Kashmiri (Devanagari)"), ("kor_Hang", "Korean"), ("zho_Hant", "Chinese (traditional Han)"),
        ("en_AU", "English (Australia)"), ("zh-hant-TW", "Chinese (traditional Han, Taiwan)"),
        ("ca_valencia", "Catalan (valencia)"), ("EN", "English"),
        ("en-US-u-ca-gregory", "English (United States)"), ("de-1996-x-draft", "German (1996)"),
    ],
)  # fmt: skip
def test_a_script_is_named_where_it_is_not_the_usual_one(code: str, name: str) -> None:
    assert language_name(code) == name
    assert named(code) == f"{name} ({code})"


@pytest.mark.parametrize("code", ["", "_", "java", "constructor", "x\n", "e", "1", "new-lines.txt"])
def test_what_is_no_language_has_no_name(code: str) -> None:
    assert language_name(code) is None and named(code) == code


def test_codes_of_three_letters_have_the_script_of_those_of_two() -> None:
    assert script_of("rus") == script_of("ru") == "Cyrl" and script_of("shn") == "Mymr"


def test_every_language_of_flores_has_a_name_of_its_own(shared: Path) -> None:
    path = shared / "corpora/flores200_dev.jsonl.zst"
    codes = pl.read_ndjson(path).get_column("language").unique().to_list()
    assert len(codes) == 204 and all(language_name(code) for code in codes)


def test_the_nearest_language_is_suggested_first() -> None:
    codes = ["ace_Latn", "deu_Latn", "eng_Latn", "fra_Latn", "zho_Hans"]
    assert [nearest(wrong, codes)[0] for wrong in ("eng_latn", "en", "English", "zh", "Deutsch", "Acehnes")] == [
        "eng_Latn", "eng_Latn", "eng_Latn", "zho_Hans", "deu_Latn", "ace_Latn",
    ]  # fmt: skip
    assert nearest("x", [], 3) == [] and len(nearest("x", codes, 2)) == 2
