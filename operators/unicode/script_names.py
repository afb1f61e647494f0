"""Scripts of languages, by language code: premiums follow scripts more than anything else.

A code may name its script (ISO 15924: eng_Latn, zh-Hans). Other codes have the usual script of their language (CLDR's
likely subtags): those of ISO 639-1, and the longer ones of translation catalogs.
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
        "aa ace af ak an ast ay az ban bem bjn bm br bs bug ca ceb ch cjk co crh cs csb cy da de din dsb dyu ee en "
        "eo es et eu ff fi fil fj fo fon fr fur fuv fy ga gd gl gn gv ha hr hsb ht hu hz ia id ie ig ik ilo io is "
        "it jv kab kac kam kbp kea kg ki kj kl kmb kr ku kw la lb lg li lij lmo ln lt ltg lu lua luo lus lv mg mh "
        "mi min mos ms mt na nb nd nds ng nl nn no nr nso nus nv ny oc om pag pap pl pt qu quy rm rn ro rw sc scn "
        "se sg sk sl sm sn so sq ss st su sv sw szl taq tk tl tn to tpi tr ts tum tw ty tzm umb uz ve vec vi vo wa "
        "war wo xh yo za zu"
    ),
    "Cyrl": "ab av ba be bg bua ce cu cv kk kv ky mhr mk mn mrj os ru sah sr tg tt udm uk",
    "Arab": "acm acq aeb ajp apc ar ars ary arz azb ckb fa ks lrc mzn pbt pnb prs ps sd ug ur",
    "Hebr": "he iw yi",
    "Grek": "el",
    "Armn": "hy",
    "Geor": "ka",
    "Beng": "as bn mni",
    "Deva": "awa bh bho gom hi hne kok mag mai mr ne new sa",
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
    "Mymr": "my shn",
    "Tibt": "bo dz",
    "Hani": "wuu yue zh",
    "Jpan": "ja",
    "Kore": "ko",
    "Ethi": "am ti",
    "Tfng": "zgh",
    "Cher": "chr",
    "Cans": "cr iu",
    "Olck": "sat",
}
_ALIASES: Final = (
    "aar:aa abk:ab adp:dz afr:af ajt:aeb aju:jrb aka:ak alb:sq als:sq amh:am ara:ar arb:ar arg:an arm:hy asm:as "
    "ava:av ave:ae aym:ay ayr:ay aze:az azj:az bak:ba bam:bm baq:eu bcc:bal bcl:bik bel:be ben:bn bh:bho bih:bho "
    "bis:bi blg:iba bod:bo bos:bs bre:br bul:bg bur:my bxk:luy bxr:bua cat:ca ces:cs cha:ch che:ce chi:zh chu:cu "
    "chv:cv cld:syr cls:sa cmn:zh cor:kw cos:co cre:cr cwd:cr cym:cy cze:cs dan:da deu:de dgo:doi dhd:mwr dik:din "
    "diq:zza div:dv drh:mn dut:nl dzo:dz ekk:et ell:el emk:man eng:en epo:eo esk:ik est:et eus:eu ewe:ee fao:fo "
    "fas:fa fij:fj fin:fi fra:fr fre:fr fry:fy fuc:ff ful:ff gaz:om gbo:grb geo:ka ger:de gla:gd gle:ga glg:gl "
    "glv:gv gno:gon gom:kok gre:el grn:gn gug:gn guj:gu gya:gba hat:ht hau:ha hdn:hai hea:hmn heb:he her:hz "
    "hin:hi hmo:ho hrv:hr hun:hu hye:hy ibo:ig ice:is ido:io iii:ii ike:iu iku:iu ile:ie in:id ina:ia ind:id "
    "ipk:ik isl:is ita:it iw:he jav:jv ji:yi jpn:ja jw:jv kal:kl kan:kn kas:ks kat:ka kau:kr kaz:kk khk:mn khm:km "
    "kik:ki kin:rw kir:ky kmr:ku knc:kr kng:kg kom:kv kon:kg kor:ko kpv:kv ktr:dtp kua:kj kur:ku kxl:kru kzj:dtp "
    "kzt:dtp lao:lo lat:la lav:lv lim:li lin:ln lit:lt ltz:lb lub:lu lug:lg lvs:lv mac:mk mah:mh mal:ml mao:mi "
    "mar:mr may:ms mhr:chm mkd:mk mlg:mg mlt:mt mo:ro mol:ro mon:mn mri:mi msa:ms mup:raj mya:my nau:na nav:nv "
    "nbl:nr nde:nd ndo:ng nep:ne nld:nl nno:nn nob:nb nor:no npi:ne nya:ny oci:oc ojg:oj oji:oj ori:or orm:om "
    "ory:or oss:os pan:pa pbu:ps per:fa pes:fa pli:pi plt:mg pmk:crr pnb:lah pol:pl por:pt prp:gu pus:ps que:qu "
    "quz:qu rmy:rom roh:rm ron:ro rum:ro run:rn rus:ru sag:sg san:sa scc:sr scr:hr sin:si slk:sk slo:sk slv:sl "
    "smd:kmb sme:se smo:sm sna:sn snb:iba snd:sd som:so sot:st spa:es spy:kln sqi:sq src:sc srd:sc srp:sr ssw:ss "
    "sun:su swa:sw swe:sv swh:sw tah:ty tam:ta tat:tt tdu:dtp tel:te tgk:tg tgl:fil tha:th tib:bo tir:ti ton:to "
    "tsn:tn tso:ts ttq:tmh tuk:tk tur:tr twi:ak uig:ug ukr:uk umu:del urd:ur uzb:uz uzn:uz ven:ve vie:vi vol:vo "
    "wel:cy wln:wa wol:wo xho:xh xpe:kpe xsl:den ydd:yi yid:yi yol:enm yor:yo zai:zap zha:za zho:zh zsm:ms zul:zu "
    "zyb:za "
)
ALIAS_OF: Final = dict(entry.split(":") for entry in _ALIASES.split())
"""Code of a language to the code that stands for the same language (CLDR's aliases)."""
_SCRIPT_OF: Final = {language: script for script, languages in _USUAL.items() for language in languages.split()}


def script_of(language: str) -> str | None:
    """`script_of("sr_Latn")` is "Latn", `script_of("pt_BR")` "Latn", `script_of("code")` None: not known."""
    first, *others = language.replace("-", "_").split("_")
    for part in others:
        if len(part) == 4 and part.isascii() and part.isalpha():
            return part.title()
    return usual_script(first)


def usual_script(language: str) -> str | None:
    """Return the script that a language is usually written in: `usual_script("rus")` is "Cyrl"; None: not known."""
    code = language.lower()
    return _SCRIPT_OF.get(code, _SCRIPT_OF.get(ALIAS_OF.get(code, code)))


def script_name(language: str) -> str:
    """`script_name("ru")` is "Cyrillic"."""
    script = script_of(language)
    return UNKNOWN if script is None else SCRIPT_NAMES.get(script, script)


def script_group(language: str) -> str:
    """Return the group of scripts that the language's own belongs to: a name in GROUPS."""
    script = script_of(language)
    return UNKNOWN if script is None else _GROUP_OF.get(script, OTHER)
