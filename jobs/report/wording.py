"""Texts of figures, languages and tokens, in the report and in its findings."""

from collections.abc import Mapping
from typing import Final

from operators.unicode.language_names import language_name

UNKNOWN_FIGURE: Final = "–"
WIDEST: Final = 3.0
"""Factor between the ends of an interval above which the interval says nothing."""
_JOINERS: Final = ("\u200c", "\u200d")
"""Zero-width non-joiner and joiner: letters of Indic and Arabic scripts hang on them."""


def named(language: str, names: Mapping[str, str]) -> str:
    """`named("ml", {})` is "Malayalam (ml)"; the code alone where there is no name. `names` go before CLDR's.

    Characters that cannot be drawn (control characters, which no SVG may hold) show as the replacement character.
    """
    name = printable(names.get(language) or language_name(language) or "")
    language = printable(language) or "(no name)"
    return f"{name} ({language})" if name and name != language else language


def printable(text: str) -> str:
    """Return the text with U+FFFD in place of each character that cannot be drawn."""
    return "".join(one if one.isprintable() or one in _JOINERS else "\ufffd" for one in text)


def token_text(token: bytes) -> str:
    """Return a token between quotation marks; its bytes, as `‹E1 80›`, where it is blank or no whole text.

    `token_text(b" a")` is `' a'`, `token_text(b"  ")` is `‹20 20›`.
    """
    text = whole_text(token)
    if text is None:
        return f"‹{token.hex(' ').upper()}›"
    shown = repr(text)
    for joiner in _JOINERS:
        shown = shown.replace(f"\\u{ord(joiner):04x}", joiner)
    return shown


def whole_text(token: bytes) -> str | None:
    """Return the text of a token; None for part of a character, for blanks alone and for U+FFFD."""
    try:
        text = token.decode()
    except UnicodeDecodeError:
        return None
    return None if not text.strip() or "\ufffd" in text else text


def times(value: float) -> str:
    """Return a ratio to three significant digits: "1.18", "11.1", "214"."""
    return f"{value:.2f}" if abs(value) < 9.995 else f"{value:.1f}" if abs(value) < 99.95 else f"{value:,.0f}"


def percent(share: float) -> str:
    """`percent(0.305)` is "30.5 %"."""
    return f"{100 * share:.1f} %"


def points(difference: float) -> str:
    """Return a difference of two shares: `points(0.0215)` is "2.2 percentage points"."""
    return f"{100 * abs(difference):.1f} percentage points"


def interval(low: float | None, high: float | None) -> str:
    """Return ` (95 % interval 1.10 to 1.18)`; with a remark where it says nothing; empty where there is none."""
    if low is None or high is None:
        return ""
    remark = "" if low > 0 and high <= WIDEST * low else ", too wide to say more"
    return f" (95 % interval {times(low)} to {times(high)}{remark})"


def listed(names: list[str], most: int = 8) -> str:
    """`listed(["a", "b", "c"])` is "a, b and c"; of more than `most`, the rest is a number: "a, b and 10 more"."""
    shown = names if len(names) <= most else [*names[: most - 1], f"{len(names) - most + 1:,} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
