"""Random regular expressions, and random texts on which they are likely to match and to fail."""

import random
from typing import Final

_CHARACTERS: Final = ["a", "b", "A", "1", " ", "'", r"\.", r"\n", "é", "の", "ſ"]
_CLASSES: Final = [
    "[ab]", r"[^a\s]", r"\p{L}", r"\p{N}", r"\s", r"\S", r"[\p{L}&&[^a]]", ".", r"\p{Lu}", r"[^\r\n\p{L}\p{N}]",
    "[a-c1]", r"\w", r"\d", r"[\s'a-]", r"[^ab&&\p{L}]", r"\P{L}", r"\p{^N}", r"[[a-z]&&[^b]']", r"\p{Han}",
    r"[\p{Hiragana}b]", r"[\w']", r"[^\W1]",
]  # fmt: skip
_REPEATS: Final = [
    "", "", "", "", "?", "*", "+", "{1,2}", "{2}", "{0,2}", "{2,}", "{,2}", "??", "*?", "+?", "{1,2}?", "?+", "*+",
    "++", "{1,2}+",
]  # fmt: skip
_LOOKS: Final = [r"(?!\S)", "(?=[ab])", "(?!a)", r"(?=\s|$)", r"(?!\p{L})", "$", r"\z"]
_TEXT: Final = "aAbB1 '\n\r.\tséのſßKc2 语\u0301😀½\u200d"


def pattern(draw: random.Random, depth: int = 2) -> str:
    """Draw an expression; many of them may match nothing, which is refused."""
    return "|".join(_sequence(draw, depth) for _ in range(draw.choice([1, 1, 2, 3])))


def _sequence(draw: random.Random, depth: int) -> str:
    parts = range(draw.choice([1, 1, 2, 2, 3]))
    return "".join(
        draw.choice(_LOOKS) if draw.random() < 0.08 else _atom(draw, depth) + draw.choice(_REPEATS) for _ in parts
    )


def _atom(draw: random.Random, depth: int) -> str:
    kind = draw.random()
    if kind < 0.4:
        return draw.choice(_CHARACTERS)
    if kind < 0.72 or depth == 0:
        return draw.choice(_CLASSES)
    if kind < 0.78:
        return draw.choice(["(?i:'s|re|a)", "(?i:[ab]|l1)"])
    return draw.choice(["(?:", "(?:", "(", "(?>"]) + pattern(draw, depth - 1) + ")"


def texts(draw: random.Random, count: int, *, long: bool) -> list[str]:
    """Draw short texts of few or many characters, and with `long` some that run on behind the end of a match."""
    alphabets = [draw.sample(_TEXT, draw.choice([2, 3, 5, len(_TEXT)])) for _ in range(count)]
    short = ["".join(draw.choices(alphabet, k=draw.randint(0, 14))) for alphabet in alphabets]
    if not long:
        return short
    return [*short, "".join(draw.choices("ab1 ", k=200)), "a" * 150 + "b", " " * 130 + "x", "ab" * 100]
