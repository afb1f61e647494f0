"""One text token by token, in several languages side by side."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import polars as pl
from markupsafe import Markup

from jobs.report.inputs import ReportInputs
from jobs.report.packing import packed
from jobs.report.wording import named, printable, whole_text
from operators.unicode.script_names import ALIAS_OF, script_group, script_of

MOST_LANGUAGES: Final = 12
_RIGHT_TO_LEFT: Final = {"Adlm", "Arab", "Hebr", "Mand", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa"}


class Token(NamedTuple):
    """Token as the page shows it."""

    text: str
    part: bool
    """True for part of a character and for blanks alone: their bytes are shown, in hexadecimal."""


class Line(NamedTuple):
    """Line of the page: the text in one language."""

    name: str
    lang: str
    """Language tag (BCP 47) by which the browser chooses fonts; empty: none."""
    direction: str
    """ltr or rtl."""
    tokens: list[Token]


class Spelled(NamedTuple):
    """Text cut into tokens by one tokenizer, in several languages."""

    tokenizer: str
    document: str
    lines: list[Line]

    @property
    def packed(self) -> Markup:
        """The lines for a script: [name, lang, direction, tokens], a token is [text, part]."""
        return Markup(packed(msgspec.json.encode(self.lines)))


def spelled(inputs: ReportInputs) -> list[Spelled]:
    """Return for each tokenizer the same document in up to MOST_LANGUAGES languages, fewest tokens first.

    Languages: the baseline, then the dearest and the cheapest language of each group of scripts.
    """
    table = inputs.examples
    if table is None or table.is_empty():
        return []
    made = []
    for (tokenizer,), rows in table.sort("tokenizer", "language").group_by(["tokenizer"], maintain_order=True):
        lengths = {row["language"]: len(row["tokens"]) for row in rows.iter_rows(named=True)}
        chosen = _chosen(lengths, inputs.baseline)
        lines = [
            Line(
                printable(named(row["language"], inputs.names)),
                _tag(row["language"]),
                "rtl" if script_of(row["language"]) in _RIGHT_TO_LEFT else "ltr",
                shown(row["tokens"]),
            )
            for row in rows.filter(pl.col("language").is_in(chosen)).iter_rows(named=True)
        ]
        lines.sort(key=lambda line: (len(line.tokens), line.name))
        made.append(Spelled(str(tokenizer), printable(str(rows["id"][0])), lines))
    return made


def _chosen(lengths: dict[str, int], baseline: str | None) -> list[str]:
    groups: dict[str, list[str]] = {}
    for language in sorted(lengths, key=lambda one: (-lengths[one], one)):
        groups.setdefault(script_group(language), []).append(language)
    dearest = [members[0] for members in groups.values()]
    cheapest = [members[-1] for members in groups.values()]
    wanted = [*([baseline] if baseline in lengths else []), *dearest, *cheapest]
    return list(dict.fromkeys(one for one in wanted if one is not None))[:MOST_LANGUAGES]


def _tag(language: str) -> str:
    """`_tag("eng_Latn")` is "en-Latn"; empty for a code that is no language tag."""
    primary, *others = language.replace("_", "-").split("-")
    parts = [ALIAS_OF.get(primary, primary), *others]
    tag = "-".join(parts)
    fits = tag.isascii() and all(part.isalnum() and len(part) <= 8 for part in parts) and parts[0].isalpha()
    return tag if fits and 2 <= len(parts[0]) <= 3 else ""


def shown(tokens: Sequence[bytes]) -> list[Token]:
    """`shown([b"a", b"\\xe0\\xa4", b"\\x95"])` is a, then the bytes E0 A4, then 95: parts of one character."""
    return [_shown(token) for token in tokens]


def _shown(token: bytes) -> Token:
    text = whole_text(token)
    if text is None:
        return Token(token.hex(" ").upper(), True)
    return Token(printable(text.replace("\n", "↵").replace("\t", "⇥")), False)
