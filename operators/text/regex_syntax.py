"""Syntax of regular expressions, as far as two engines differ: Oniguruma (`tokenizers`) and fancy_regex (tiktoken).

An expression is read into its atoms, each with the quantifier behind it. No expression is matched here.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

_ESCAPE: Final = re.compile(
    r"\\(?:[pPxuog]\{[^}]*\}|[pP].|x[0-9A-Fa-f]{1,2}|k<[^>]*>|g<[^>]*>|u[0-9A-Fa-f]{4}|.)", re.S
)
_QUANTIFIER: Final = re.compile(r"(?:[?*+]|\{\d+(?:,\d*)?\}|\{,\d+\})[?+]?")
_GROUP: Final = re.compile(r"\((?:\?(?::|=|!|>|~|<=|<!|#|P?<[A-Za-z_]\w*>|'\w+'|[a-zA-Z-]*[:)]?))?")
_NO_WIDTH: Final = re.compile(r"\\[bBAzZGKyYkgR0-9<>]")
_LOOKS: Final = ("(?=", "(?!", "(?<=", "(?<!", "(?#", "(?~")


class UnknownSyntax(ValueError):
    """An expression that is not read here; it need not be wrong."""


@dataclass(frozen=True)
class Atom:
    """One part of an expression: a character, class, escape, anchor, bracket or bar, and its quantifier."""

    text: str
    quantifier: str = ""


def atoms(regex: str) -> Iterator[Atom]:
    """Read the atoms of an expression in order; joined again they are the expression. Raises UnknownSyntax."""
    place = 0
    while place < len(regex):
        if regex[place] == "\\":
            match = _ESCAPE.match(regex, place)
            if match is None:
                raise UnknownSyntax("a backslash at its end")
            end = match.end()
        elif regex[place] == "[":
            end = _class_end(regex, place)
        elif regex[place] == "(":
            match = _GROUP.match(regex, place)
            assert match is not None
            end = match.end()
            if match[0] == "(" and regex.startswith("?", end):
                raise UnknownSyntax(f"a group {regex[place : place + 4]}")
            if match[0] == "(?#":
                end = regex.find(")", end)
                if end < 0:
                    raise UnknownSyntax("a comment without an end")
        else:
            end = place + 1
        text = regex[place:end]
        quantifier = None if text == "|" or (text[0] == "(" and text[-1] != ")") else _QUANTIFIER.match(regex, end)
        yield Atom(text, quantifier[0] if quantifier else "")
        place = quantifier.end() if quantifier else end


def _class_end(regex: str, place: int) -> int:
    """Return the place behind the class that begins here."""
    depth, at = 0, place
    while at < len(regex):
        if regex[at] == "\\":
            at += 1
        elif regex.startswith("[:", at) and depth and (end := regex.find(":]", at)) > 0:
            at = end + 1
        elif regex[at] == "[":
            depth += 1
            at += regex[at + 1 : at + 2] == "^"
            at += regex[at + 1 : at + 2] == "]"  # the first bracket closes nothing
        elif regex[at] == "]":
            depth -= 1
            if not depth:
                return at + 1
        at += 1
    raise UnknownSyntax("a class without an end")


def always_consumes(regex: str) -> bool:
    """Return True only if no match of the expression is empty; in doubt False."""
    try:
        parts = list(atoms(regex))
    except UnknownSyntax:
        return False
    levels = [_Level("(")]
    for part in parts:
        least = not part.quantifier or part.quantifier[0] == "+" or re.match(r"\{0*[1-9]", part.quantifier) is not None
        if part.text == "|":
            levels[-1].bar()
        elif part.text == ")":
            if len(levels) < 2:
                return False
            level = levels.pop()
            levels[-1].consumes |= least and level.always and level.opening not in _LOOKS
        elif part.text[0] == "(" and part.text[-1] != ")":
            levels.append(_Level(part.text))
        elif part.text[0] == "(":
            return False  # flags for the rest, such as (?x), or a call
        elif part.text not in ("^", "$") and not _NO_WIDTH.match(part.text):
            levels[-1].consumes |= least
    return len(levels) == 1 and levels[0].always


@dataclass
class _Level:
    """Alternatives of one group, as far as they are read."""

    opening: str
    consumes: bool = False
    others: bool = True

    def bar(self) -> None:
        """Begin the next alternative."""
        self.others, self.consumes = self.others and self.consumes, False

    @property
    def always(self) -> bool:
        """True if each alternative consumes something."""
        return self.others and self.consumes


_WORD: Final = r"\p{L}\p{M}\p{Nl}\p{Nd}\p{Pc}\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}\x{1f150}-\x{1f169}\x{1f170}-\x{1f189}"
r"""Members of `\w` that both engines agree on, for use in a class: Alphabetic, M, Nd and Pc."""
_ONIGURUMA: Final = (_WORD, _WORD + r"\x{b2}\x{b3}\x{b9}\x{bc}-\x{be}")
r"""`\w` within a class, and alone, as Oniguruma has it."""
_TIKTOKEN: Final = (_WORD + r"\x{200c}\x{200d}",) * 2
_WORD_ESCAPE: Final = re.compile(r"\\(?:[wWbB]|.)", re.S)


def _spelled(text: str, members: tuple[str, str]) -> str:
    r"""Return an atom with `\w`, `\W`, `\b` and `\B` written as classes that both engines read in one way."""
    within, alone = members
    if text[0] == "[":
        spelled = {r"\w": within, r"\W": f"[^{within}]"}
        return _WORD_ESCAPE.sub(lambda escape: spelled.get(escape[0], escape[0]), text)
    word, other = f"[{alone}]", f"[^{alone}]"
    border = rf"(?:(?<={word})(?!{word})|(?<!{word})(?={word}))"
    inside = rf"(?:(?<={word})(?={word})|(?<!{word})(?!{word}))"
    return {r"\w": word, r"\W": other, r"\b": border, r"\B": inside}.get(text, text)


def to_tiktoken_syntax(regex: str) -> str:
    """Return an expression that matches with tiktoken's engine what this one, unambiguous, matches with Oniguruma."""
    try:
        return "".join(_spelled(part.text, _ONIGURUMA) + part.quantifier for part in atoms(regex))
    except UnknownSyntax:
        return regex


_POSSESSIVE_RANGE: Final = re.compile(r"\{.*\}\+")
_OTHER_FLAGS: Final = re.compile(r"\(\?[a-zA-Z-]*[a-hj-zA-Z][a-zA-Z-]*[:)]")
_FLAGS: Final = re.compile(r"\(\?([a-zA-Z-]*)([:)])")
_OF_CASE: Final = re.compile(r"\\[pP]\{\^?(?i:L[ult&C]|Upper|Lower|Titlecase)|\[:(?:upper|lower):\]")
"""Properties that hold for one case of a letter."""
_OTHER_MEANINGS: Final = (
    (re.compile(r"\[:\^?[a-z]+:\]"), r"has all scripts for `tokenizers` and ASCII alone for tiktoken; write \p{...}"),
    (re.compile(r"\\[pP]\w"), r"is a letter for `tokenizers` and a property for tiktoken; write \p{...}"),
    (re.compile(r"\(\?[a-z]*m"), "is of `.` for `tokenizers` and of ^ and $ for tiktoken; write neither"),
    (re.compile(r"\\[<>]"), "is that sign for `tokenizers` and a word's border for tiktoken; write the sign alone"),
    (re.compile(r"\\U"), r"is the letter U for `tokenizers` and a code point for tiktoken; write the character"),
    (
        re.compile(r"\\[pP]\{\^?(?i:Word|Graph|Print)\}"),
        r"holds other characters for `tokenizers` than for tiktoken; write classes such as \p{L}",
    ),
)
"""Parts that both engines accept and read differently, measured on random strings, and what to say of them."""
_STACKED: Final = re.compile(r"[?*+]|\{\d*,?\d*\}")
_CODE: Final = re.compile(r"\\(?:x\{([0-9A-Fa-f]+)\}|u([0-9A-Fa-f]{4}))")


def _folds_to_several(text: str) -> bool:
    """Return True if an atom names a character whose case folds to several, as \u00df folds to ss."""
    codes = {chr(int(match[1] or match[2], 16)) for match in _CODE.finditer(text)}
    return any(len(character.casefold()) > 1 for character in codes.union(text))


_OTHER_ESCAPES: Final = re.compile(r"\\[hHRXZ<>Oy]|\\[bB]\{")


def _ignoring_case(parts: Iterable[Atom]) -> Iterator[tuple[Atom, bool]]:
    """Yield each atom, and True where (?i) holds for it."""
    scopes = [False]
    for part in parts:
        flags = _FLAGS.fullmatch(part.text)
        holds = scopes[-1]
        if flags:
            on, _, off = flags[1].partition("-")
            holds = ("i" in on or holds) and "i" not in off
        if flags and flags[2] == ")":
            scopes[-1] = holds
        elif part.text[0] == "(" and part.text[-1] != ")":
            scopes.append(holds)
        elif part.text == ")" and len(scopes) > 1:
            scopes.pop()
        yield part, scopes[-1]


def ambiguity(regex: str) -> str | None:
    """Return the first part that Oniguruma and tiktoken's engine read differently, and what to write; None: no such."""
    try:
        parts = list(atoms(regex))
    except UnknownSyntax:
        return None
    for place, (part, ignores_case) in enumerate(_ignoring_case(parts)):
        if (meaning := _quantified_twice(parts, place)) is not None:
            return meaning
        if place and part.text == "(?i)" and _has_bar_behind(parts[place + 1 :]):
            return "(?i) holds behind the next bar too for `tokenizers`, and not so for tiktoken; write (?i:X)"
        whole, interval = part.text + part.quantifier, part.quantifier[:-1]
        if _POSSESSIVE_RANGE.fullmatch(part.quantifier):
            return (
                f"{whole} is {interval} once or more for `tokenizers` and possessive for tiktoken; "
                f"write (?:X{interval})+ or (?>X{interval})"
            )
        if part.text in ("^", "$"):
            outer, line = (r"\A", r"(?<![^\n])") if part.text == "^" else (r"\z", r"(?=\n|\z)")
            return f"{part.text} is at every line for `tokenizers`, at the text's for tiktoken; write {line} or {outer}"
        if ignores_case and _OF_CASE.search(part.text):
            return (
                f"{part.text} within (?i) is one case for `tokenizers` and both for tiktoken; "
                r"write it outside (?i), or \p{L}"
            )
        if ignores_case and _folds_to_several(part.text):
            return (
                f"{part.text} within (?i) is also several characters for `tokenizers`, and one for tiktoken; "
                "write it outside (?i)"
            )
        if part.text[0] == "[" and (sign := re.search("--|~~", part.text)) is not None:
            return f"{part.text} has a {sign[0]} that is two signs for `tokenizers` and an operation for tiktoken; " + (
                r"write \- or \~"
            )
        if (meaning := _other_meaning(part.text)) is not None:
            return meaning
    return None


def _quantified_twice(parts: list[Atom], place: int) -> str | None:
    """Return what to say of an atom that is a second quantifier behind a first; None: it is not one."""
    rest = "".join(part.text + part.quantifier for part in parts[place : place + 16])
    second = _STACKED.match(rest)
    if not place or second is None or not parts[place - 1].quantifier:
        return None
    before = parts[place - 1].text + parts[place - 1].quantifier
    return f"{before}{second[0]} is a repeat of a repeat for `tokenizers`, and not for tiktoken; write (?:X){second[0]}"


def _has_bar_behind(parts: Iterable[Atom]) -> bool:
    """Return True if a bar follows before the group ends: flags in the middle may or may not hold behind it."""
    depth = 0
    for part in parts:
        if part.text == "|" and not depth:
            return True
        depth += (part.text[0] == "(" and part.text[-1] != ")") - (part.text == ")")
        if depth < 0:
            return False
    return False


def _other_meaning(text: str) -> str | None:
    """Return why the engines read an atom differently, and what to write; None where they do not."""
    return next((f"{text} {meaning}" for pattern, meaning in _OTHER_MEANINGS if pattern.search(text)), None)


def from_tiktoken_syntax(regex: str) -> str:
    """Return an expression that matches with Oniguruma what this one matches with tiktoken's engine.

    Raises UnknownSyntax for what has no counterpart here.
    """
    written, openings = list[str](), list[int]()
    parts = list(atoms(regex))
    for place, (part, ignores_case) in enumerate(_ignoring_case(parts)):
        text, quantifier = part.text, part.quantifier
        if (meaning := _quantified_twice(parts, place)) is not None:
            raise UnknownSyntax(meaning)
        if ignores_case and _folds_to_several(text):
            raise UnknownSyntax(f"{text} within (?i), which `tokenizers` reads as several characters too")
        if _OTHER_FLAGS.fullmatch(text) or _OTHER_ESCAPES.match(text) or (text == "(?i)" and place):
            raise UnknownSyntax(f"{text}, which tiktoken's engine reads in another way than `tokenizers`")
        if ignores_case and _OF_CASE.search(text):
            raise UnknownSyntax(f"{text} within (?i), which tiktoken's engine reads as both cases")
        if text[0] == "[" and ("--" in text or "~~" in text):
            raise UnknownSyntax(f"{text}, whose -- or ~~ only tiktoken's engine knows")
        if (meaning := _other_meaning(text)) is not None:
            raise UnknownSyntax(meaning)
        if quantifier.startswith("{,"):
            raise UnknownSyntax(f"{text}{quantifier}; write {{0{quantifier[1:]}")
        begin = len(written)
        if text[0] == "(" and text[-1] != ")":
            openings.append(begin)
        elif text == ")" and openings:
            begin = openings.pop()
        text = _spelled({"^": r"\A", "$": r"\z"}.get(text, text.replace("(?P<", "(?<")), _TIKTOKEN)
        if _POSSESSIVE_RANGE.fullmatch(quantifier):
            written.insert(begin, "(?>")
            text, quantifier = text + quantifier[:-1] + ")", ""
        written.append(text + quantifier)
    return "".join(written)
