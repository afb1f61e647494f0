"""Regular expressions as tables: from each state, each class of characters leads to a state.

An expression's tree (operators.text.pattern_syntax) becomes a Thompson automaton, whose edges have an order: the one
that a backtracking engine tries first comes first. A state of the table is an ordered list of the automaton's places
(Pike; Cox, "Regular Expression Matching: the Virtual Machine Approach", 2009). Places behind one that has matched are
dropped, because the engine never comes to them. So the last match before the list is empty is the engine's match.
Look-ahead asks about the next character, so it is answered one character later, with the match.

Characters that no expression tells apart are one class. `operators.kernels.automaton` runs the tables.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from operators.arrays import I64, U8, U16, U32
from operators.text.character_classes import NotCompiled
from operators.text.pattern_syntax import Atomic, Chars, Choice, Look, Node, Repeat, Sequence
from operators.unicode.code_sets import END, CodeSet

FAIL: Final = 0
"""State without places; in `moves` also: the matcher decides."""
START: Final = 1
"""State before a pre-token."""
GAP: Final = 2
"""State behind characters at which no match begins."""
_OWN: Final = 3
MOST_CLASSES: Final = 126
MOST_STATES: Final = 2_000
_MOST_PLACES: Final = 4_000


@dataclass(frozen=True)
class Alphabet:
    """Classes of characters, 1 and up; 0 is the class of a byte that continues a character."""

    count: int
    """Number of classes, without 0."""
    ascii: U8
    """uint8[256]: class of each byte below 128, 0 for the others."""
    blocks: U16
    """uint16[32768], as `operators.unicode.classes.BLOCKS`."""
    classes: U8
    """uint8: `classes[blocks[c >> 6] * 64 + (c & 63)]` is the class of code point c."""

    @property
    def restart(self) -> int:
        """The bit beside a class that says that a pre-token begins; a power of two over all classes."""
        return max(8, 1 << self.count.bit_length())


@dataclass(frozen=True)
class Table:
    """Automaton of one expression. A state's number is its row times the row's width, which is `2 * restart`.

    The columns of a row are classes, and classes with `restart` where the text before ends.
    """

    moves: U32
    """Next state of the border machine; FAIL: the matcher decides where the pre-token ends."""
    flags: U8
    """`restart` where a pre-token begins before the character, else 0."""
    steps: U32
    """Next state of the matcher, which reads on as long as a longer match is possible; FAIL: it is not."""
    accepts: U8
    """1 where a match ends before the character; in column 0, where it ends with the text.

    In column `restart`, 1 for a gap in which the next character may begin a match, 2 where the last one may have.
    """
    covers: bool
    """True if a match begins at every character, so that there are no gaps."""
    states: int
    """Number of rows."""


def tables(trees: list[Node]) -> tuple[Alphabet, list[Table]]:
    """Return the classes that tell these expressions' characters apart, and each one's table. Raises NotCompiled."""
    sets = list[CodeSet]()
    for tree in trees:
        _collect(tree, sets)
    alphabet, masks = _alphabet(sets)
    by_set = {id(one): mask for one, mask in zip(sets, masks, strict=True)}
    return alphabet, [_Machine(tree, by_set, alphabet).table() for tree in trees]


def _collect(node: Node, sets: list[CodeSet]) -> None:
    match node:
        case Chars(members) | Look(members):
            sets.append(members)
        case Sequence(items) | Choice(items):
            for item in items:
                _collect(item, sets)
        case Repeat(item) | Atomic(item):
            _collect(item, sets)


def _alphabet(sets: list[CodeSet]) -> tuple[Alphabet, list[int]]:
    """The classes, and for each set the bits of its classes: bit c - 1 for class c."""
    begins = np.unique(np.concatenate([[0], *(one.borders for one in sets)]))
    begins = begins[begins < END]
    members = np.stack([one.has(begins) for one in sets], axis=1) if sets else np.zeros((1, 0), bool)
    numbers = dict[bytes, int]()
    kinds = np.array([numbers.setdefault(row.tobytes(), len(numbers)) for row in np.packbits(members, axis=1)])
    count = len(numbers)
    if count > MOST_CLASSES:
        raise NotCompiled(f"it tells {count} classes of characters apart, over {MOST_CLASSES}")
    masks = [0] * len(sets)
    _, first = np.unique(kinds, return_index=True)
    for kind, row in enumerate(members[first]):
        for i in np.flatnonzero(row).tolist():
            masks[i] |= 1 << kind
    flat = np.ones(0x200000, np.uint8)
    flat[:END] = np.repeat(kinds + 1, np.diff(begins, append=END)).astype(np.uint8)
    pages = flat.reshape(-1, 64)
    mixed = np.flatnonzero((pages != pages[:, :1]).any(axis=1))
    blocks = (pages[:, 0] - 1).astype(np.uint16)
    blocks[mixed] = count + np.arange(len(mixed))
    plain = np.repeat(np.arange(1, count + 1, dtype=np.uint8), 64)
    ascii_classes = np.zeros(256, np.uint8)
    ascii_classes[:128] = flat[:128]
    return Alphabet(count, ascii_classes, blocks, np.concatenate([plain, pages[mixed].ravel()])), masks


_CHARS, _SPLIT, _LOOK, _MATCH = range(4)
State = tuple[int, ...]


class _Machine:
    """Thompson automaton of a tree, and its states as lists of places."""

    def __init__(self, tree: Node, masks: dict[int, int], alphabet: Alphabet) -> None:
        self._masks, self._alphabet = masks, alphabet
        self._end = 1 << alphabet.count
        self._everything = 2 * self._end - 1
        self._places: list[tuple[int, int, list[int]]] = [(_MATCH, 0, [])]
        self._first = self._build(tree, 0)

    def _put(self, kind: int, mask: int, following: list[int]) -> int:
        if len(self._places) == _MOST_PLACES:
            raise NotCompiled("it is too long")
        self._places.append((kind, mask, following))
        return len(self._places) - 1

    def _build(self, node: Node, after: int) -> int:
        """Add the places of a part; return its first. `after`: the place behind it."""
        match node:
            case Chars(members):
                return self._put(_CHARS, self._masks[id(members)], [after])
            case Look(members, at_end):
                return self._put(_LOOK, self._masks[id(members)] | (self._end if at_end else 0), [after])
            case Sequence(items):
                for item in reversed(items):
                    after = self._build(item, after)
                return after
            case Choice(items):
                return self._put(_SPLIT, 0, [self._build(item, after) for item in items])
            case Repeat():
                return self._build_repeat(node, after)
        raise AssertionError(node)

    def _build_repeat(self, node: Repeat, after: int) -> int:
        least = node.least
        if node.most is None:
            loop = self._put(_SPLIT, 0, [])
            body = self._build(node.item, loop)
            self._places[loop][2].extend([body, after] if node.greedy else [after, body])
            after, least = (body, least - 1) if least else (loop, 0)
        else:
            end = after
            for _ in range(node.most - least):
                body = self._build(node.item, after)
                after = self._put(_SPLIT, 0, [body, end] if node.greedy else [end, body])
        for _ in range(least):
            after = self._build(node.item, after)
        return after

    def _steps(self, state: State) -> tuple[int, list[State]]:
        """The classes before which a match ends in a state, as bits (the last one is the text's end), and next states.

        Places are visited in their order, each with the bits of the classes for which it is reached.
        """
        count = self._alphabet.count
        following: list[list[int]] = [[] for _ in range(count)]
        seen = dict[int, int]()
        matched, alive = 0, self._everything
        pending = [(place, self._everything) for place in reversed(state)]
        while pending and alive:
            place, mask = pending.pop()
            mask &= alive & ~seen.get(place, 0)
            if not mask:
                continue
            seen[place] = seen.get(place, 0) | mask
            kind, own, targets = self._places[place]
            if kind == _MATCH:
                matched |= mask
                alive &= ~mask
            elif kind == _CHARS:
                mask &= own & ~self._end
                while mask:
                    lowest = mask & -mask
                    reached = following[lowest.bit_length() - 1]
                    if targets[0] not in reached:
                        reached.append(targets[0])
                    mask ^= lowest
            else:
                mask &= own if kind == _LOOK else mask
                pending += [(target, mask) for target in reversed(targets)]
        return matched, [tuple(one) for one in following]

    def table(self) -> Table:
        """Number the states that can be reached, and fill the table."""
        width, count = 2 * self._alphabet.restart, self._alphabet.count
        numbers: dict[State, int] = {(self._first,): _OWN}
        order: list[State] = [(self._first,)]
        matches, edges = list[int](), list[list[int]]()
        for state in order:
            matched, following = self._steps(state)
            row = list[int]()
            for one in following:
                if one and one not in numbers:
                    if len(numbers) == MOST_STATES:
                        raise NotCompiled(f"it needs more than {MOST_STATES:,} states")
                    numbers[one] = len(numbers) + _OWN
                    order.append(one)
                row.append(numbers[one] if one else FAIL)
            matches.append(matched)
            edges.append(row)
        rows = slice(_OWN, None)
        steps = np.zeros((_OWN + len(order), width), np.uint32)
        accepts = np.zeros(steps.shape, np.uint8)
        steps[rows, 1 : count + 1] = edges
        bits = np.array([[matched >> c & 1 for c in (count, *range(count))] for matched in matches], np.uint8)
        accepts[rows, : count + 1] = bits
        steps[START] = steps[_OWN]  # a row of its own, as a repeat may lead back to the first state
        return _with_borders(steps, accepts, count, self._alphabet.restart)


def _with_borders(steps: U32, accepts: U8, count: int, restart: int) -> Table:
    """Add the border machine: the matcher's steps, with the next pre-token's first one where a match has ended.

    Most characters at which a match does not begin show it at the next one: ` ?[!.]{2}` in "a b. c". So each state
    behind a first character that does not yet make a match has two twins, behind a border and in a gap. They take the
    next character as one in a gap where the match has failed.
    """
    columns = np.arange(1, count + 1)
    certain = _certain(steps, accepts, columns)
    firsts = np.unique(steps[START, columns])
    firsts = firsts[(firsts != FAIL) & ~certain[firsts]]
    twins = np.arange(len(steps), len(steps) + 2 * len(firsts)).reshape(2, -1)
    steps, accepts = np.pad(steps, ((0, twins.size), (0, 0))), np.pad(accepts, ((0, twins.size), (0, 0)))
    behind_border, in_gap = (np.arange(len(steps), dtype=np.uint32) for _ in range(2))
    behind_border[firsts], in_gap[firsts] = twins
    behind_border[FAIL] = in_gap[FAIL] = GAP
    for twin in twins:
        steps[twin], accepts[twin] = steps[firsts], accepts[firsts]

    moves, flags = steps.copy(), np.zeros(steps.shape, np.uint8)
    first = steps[START, columns]
    begins = behind_border[first]
    failed = steps[:, columns] == FAIL
    ended = failed & (accepts[:, columns] == 1)
    moves[:, columns] = np.where(ended, begins, steps[:, columns])
    flags[:, columns] = np.where(ended, restart, 0)
    moves[START, columns], flags[START, columns] = begins, restart
    moves[GAP, columns] = in_gap[first]
    flags[GAP, columns] = np.where(certain[first], restart, 0)
    complete = accepts[:, 0] == 1
    complete[[START, GAP, *twins.ravel()]] = True
    complete[twins[1][accepts[twins[1], 0] == 1]] = False
    for number, twin in enumerate(twins):
        lost = failed[twin] & ~ended[twin]
        moves[np.ix_(twin, columns)] = np.where(
            lost, moves[GAP, columns], FAIL if number else moves[np.ix_(twin, columns)]
        )
        flags[np.ix_(twin, columns)] = np.where(
            lost, flags[GAP, columns], 0 if number else flags[np.ix_(twin, columns)]
        )
    moves[np.ix_(complete, columns + restart)] = begins
    flags[np.ix_(complete, columns + restart)] = restart
    moves[:, 0] = np.arange(len(moves))
    moves[:, restart], flags[:, restart] = START, restart  # a document that begins inside a character
    moves[FAIL] = FAIL
    accepts[GAP, restart], accepts[twins[1], restart] = 1, 2
    width = np.uint32(2 * restart)
    covers = bool((first != FAIL).all() and certain[first].all())
    return Table((moves * width).ravel(), flags.ravel(), (steps * width).ravel(), accepts.ravel(), covers, len(steps))


def _certain(steps: U32, accepts: U8, columns: I64) -> NDArray[np.bool_]:
    """Return the states in which a match has begun for certain: whatever follows, one ends; bool[states]."""
    certain: NDArray[np.bool_] = accepts[:, 0] == 1
    certain[[FAIL, START, GAP]] = False
    while True:
        found = certain & ((accepts[:, columns] == 1) | certain[steps[:, columns]]).all(axis=1)
        if (found == certain).all():
            return certain
        certain = found
