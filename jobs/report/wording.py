"""How figures and languages are written, in the report and in its findings."""

from collections.abc import Mapping

UNKNOWN_FIGURE = "–"


def named(language: str, names: Mapping[str, str]) -> str:
    """`named("ml", {"ml": "Malayalam"})` is "Malayalam (ml)"; the code alone where there is no name.

    Characters that cannot be drawn (control characters, which no SVG may hold) show as the replacement character.
    """
    language, name = printable(language), printable(names.get(language) or "")
    return f"{name} ({language})" if name and name != language else language


def printable(text: str) -> str:
    """The text, U+FFFD in place of each unprintable character."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def times(value: float) -> str:
    """A ratio to three significant digits: "1.18", "11.1", "214"."""
    return f"{value:.2f}" if abs(value) < 9.995 else f"{value:.1f}" if abs(value) < 99.95 else f"{value:,.0f}"


def percent(share: float) -> str:
    """`percent(0.305)` is "30.5 %"."""
    return f"{100 * share:.1f} %"


def points(difference: float) -> str:
    """A difference of two shares: `points(0.0215)` is "2.2 percentage points"."""
    return f"{100 * abs(difference):.1f} percentage points"


def interval(low: float | None, high: float | None) -> str:
    """` (95 % interval 1.10 to 1.18)`; empty when there is none."""
    return "" if low is None or high is None else f" (95 % interval {times(low)} to {times(high)})"
