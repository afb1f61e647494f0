r"""Regular expressions as trees, in Oniguruma's syntax, as far as an automaton can match them exactly.

These are read: characters and escapes; classes with ranges, properties, negation, nested classes and `&&`; groups and
alternatives; greedy, lazy and possessive repeats; `(?i:...)` around plain ASCII alternatives; a look at the next
character, as `(?=x)`, `(?!x)`, `$` and `\z`. Everything else raises NotCompiled with the reason, and so does what
Oniguruma reads in an unusual way.
"""

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

from operators.text.character_classes import NotCompiled, class_set, escaped_set, refuse
from operators.text.regex_syntax import Atom, UnknownSyntax, atoms
from operators.unicode.code_sets import ASCII, NOTHING, CodeSet


@dataclass(frozen=True)
class Chars:
    """One character of a set."""

    members: CodeSet


@dataclass(frozen=True)
class Look:
    """Look-ahead of one character: the next one is of a set, or the text ends here and that is allowed."""

    members: CodeSet
    at_end: bool


@dataclass(frozen=True)
class Sequence:
    """Parts, one behind the other."""

    items: "tuple[Node, ...]"


@dataclass(frozen=True)
class Choice:
    """Alternatives; the first that leads to a match is taken."""

    items: "tuple[Node, ...]"


@dataclass(frozen=True)
class Repeat:
    """A part, `least` to `most` times; None: without limit."""

    item: "Node"
    least: int
    most: int | None
    greedy: bool = True


@dataclass(frozen=True)
class Atomic:
    """A part that is not matched in another way once it has matched."""

    item: "Node"


Node: TypeAlias = Chars | Look | Sequence | Choice | Repeat | Atomic

_MOST_REPEATS: Final = 64
_QUANTIFIER: Final = re.compile(r"(?:([?*+])|\{(\d+)(,?)(\d*)\}|\{,(\d+)\})([?+]?)")
_NEWLINE: Final = CodeSet.of((10, 10))


def parse(regex: str) -> Node:
    """Return the tree of an expression, without Atomic in it. Raises NotCompiled."""
    try:
        parts = list(atoms(regex))
    except UnknownSyntax as error:
        raise NotCompiled(str(error)) from None
    tree = resolved(_Parser(parts).whole(), last=True)
    if may_be_empty(tree):
        raise NotCompiled("it may match nothing")
    return tree


class _Parser:
    """Reader of atoms, from left to right."""

    def __init__(self, parts: list[Atom]) -> None:
        self._parts, self._place = parts, 0

    def whole(self) -> Node:
        """Read all of them."""
        tree = self._choice(False)
        if self._place < len(self._parts):
            refuse("a bracket that closes nothing")
        return tree

    def _choice(self, folds: bool) -> Node:
        alternatives = [self._sequence(folds)]
        while self._place < len(self._parts) and self._parts[self._place].text == "|":
            self._place += 1
            alternatives.append(self._sequence(folds))
        return alternatives[0] if len(alternatives) == 1 else Choice(tuple(alternatives))

    def _sequence(self, folds: bool) -> Node:
        items = list[Node]()
        while self._place < len(self._parts) and self._parts[self._place].text not in ("|", ")"):
            part = self._parts[self._place]
            self._place += 1
            if part.text[0] == "(":
                node, part = self._group(part.text)
            else:
                node = _atom(part.text, folds)
            items.append(_repeated(node, part.quantifier) if part.quantifier else node)
        if folds and not _is_plain(items):
            refuse("(?i) for more than plain ASCII alternatives")
        return items[0] if len(items) == 1 else Sequence(tuple(items))

    def _group(self, opening: str) -> tuple[Node, Atom]:
        if opening not in ("(", "(?:", "(?>", "(?=", "(?!", "(?i:"):
            refuse(f"a group {opening}")
        inner = self._choice(opening == "(?i:")
        if self._place == len(self._parts):
            refuse("a bracket without an end")
        closing = self._parts[self._place]
        self._place += 1
        if opening in ("(?=", "(?!"):
            if closing.quantifier:
                refuse("a repeated look-ahead")
            ahead = _next_character(inner)
            return (ahead if opening == "(?=" else Look(~ahead.members, not ahead.at_end)), closing
        return Atomic(inner) if opening == "(?>" else inner, closing


def _next_character(node: Node) -> Look:
    """The look-ahead that asks what this part, of one character at most, asks."""
    match node:
        case Chars(members):
            return Look(members, False)
        case Look():
            return node
        case Choice(items):
            found = [_next_character(item) for item in items]
            members = NOTHING
            for look in found:
                members |= look.members
            return Look(members, any(look.at_end for look in found))
    refuse("a look-ahead of more than one character")


def _is_plain(items: list[Node]) -> bool:
    """True if no character outside ASCII folds to these characters together, as `ß` does to `ss`, and none repeats."""
    if not all(isinstance(item, Chars) for item in items):
        return False
    sets = [item.members for item in items if isinstance(item, Chars)]
    return not any(
        ord(a) in one and ord(b) in two for one, two in pairwise(sets) for a, b in ("ff", "fi", "fl", "st", "ss")
    )


def _repeated(node: Node, quantifier: str) -> Node:
    match = _QUANTIFIER.fullmatch(quantifier)
    assert match is not None
    sign, least, comma, most, upto, mode = match.groups()
    if isinstance(node, Look):
        refuse("a repeated look-ahead")
    if sign:
        low, high = {"?": (0, 1), "*": (0, None), "+": (1, None)}[sign]
    elif upto:
        low, high = 0, int(upto)
    else:
        low = int(least)
        high = (int(most) if most else None) if comma else low
        if mode == "?" and not comma:
            refuse(f"{quantifier}, which engines read differently")
    if max(low, high or 0) > _MOST_REPEATS:
        refuse(f"a repeat of more than {_MOST_REPEATS} times")
    if high is not None and low > high:
        refuse(f"{quantifier}, whose end is before its begin")
    repeat = Repeat(node, low, high, mode != "?")
    if mode == "+":
        return Atomic(repeat) if sign else Repeat(repeat, 1, None)
    return repeat


def _atom(text: str, folds: bool) -> Node:
    if text in ("$", r"\z"):
        return Look(_NEWLINE if text == "$" else NOTHING, True)
    if text == ".":
        members = ~_NEWLINE
    elif text[0] == "[":
        members = class_set(text)
    elif text[0] == "\\":
        members = escaped_set(text)
    elif text in "^*+?{":
        refuse(f"{text} where it stands")
    else:
        members = CodeSet.of((ord(text), ord(text)))
    return Chars(_folded(members) if folds else members)


def _folded(members: CodeSet) -> CodeSet:
    """The characters whose case folds to those of an ASCII set."""
    if len(members & ~ASCII):
        refuse("(?i) for characters outside ASCII")
    found = members
    for first, last in zip(members.borders[::2].tolist(), members.borders[1::2].tolist(), strict=True):
        for code in range(first, last):
            others = {"k": "kK\u212a", "s": "sS\u017f"}.get(chr(code).lower(), chr(code).swapcase())
            for other in others:
                found |= CodeSet.of((ord(other), ord(other)))
    return found


def may_be_empty(node: Node) -> bool:
    """True if a part may match without taking a character."""
    match node:
        case Chars():
            return False
        case Look():
            return True
        case Sequence(items):
            return all(map(may_be_empty, items))
        case Choice(items):
            return any(map(may_be_empty, items))
        case Repeat(item, least):
            return least == 0 or may_be_empty(item)
        case Atomic(item):
            return may_be_empty(item)


def resolved(node: Node, *, last: bool) -> Node:
    """The same without Atomic. `last`: nothing follows, so that nothing can make a match be found in another way."""
    match node:
        case Sequence(items):
            return Sequence(tuple(resolved(item, last=last and item is items[-1]) for item in items))
        case Choice(items):
            return Choice(tuple(resolved(item, last=last) for item in items))
        case Repeat(item, least, most, greedy):
            if may_be_empty(item):
                refuse("a repeat of what may match nothing")
            return Repeat(resolved(item, last=last and most == 1), least, most, greedy)
        case Atomic(item):
            return resolved(item, last=True) if last else _possessive(item)
    return node


def _possessive(node: Node) -> Node:
    """A part that takes as much as it can: what follows is none of its characters, or it is full."""
    match node:
        case Chars() | Look():
            return node
        case Repeat(Chars(members), least, most, greedy) if greedy:
            full = Look(~members, True)
            if most is None:
                return Sequence((Repeat(Chars(members), least, None), full))
            counts = [Repeat(Chars(members), most, most)]
            shorter = [Repeat(Chars(members), n, n) for n in range(most - 1, least - 1, -1)]
            return Choice((*counts, *(Sequence((one, full)) for one in shorter)))
    refuse("a possessive part of more than one class, with more behind it")
