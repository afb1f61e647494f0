"""Steps of a pre-tokenizer compiled to tables, and the cuts that they make."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Final, TypeAlias

import numpy as np

from operators.arrays import I64, U8
from operators.kernels.automaton import STRIDE, Letters, Machines, Room, scan_compiled
from operators.kernels.boundaries import BlockBits, scan_borders
from operators.kernels.lanes import WIDE
from operators.kernels.scan import BLOCK_BYTES, Classes, Ends
from operators.text.automata import Table, tables
from operators.text.character_classes import NotCompiled
from operators.text.pattern_syntax import Chars, Choice, Node, Repeat, parse
from operators.text.pattern_syntax import Sequence as Parts
from operators.text.preprocessing import Section
from operators.unicode.classes import BLOCKS, CLASSES
from operators.unicode.code_sets import ANYTHING, flagged_set
from operators.unicode.properties import DIGIT_STEP, PUNCTUATION_STEP

Cut: TypeAlias = Callable[[U8, I64], tuple[I64, I64]]
"""Function of a batch's bytes and its documents' starts: ends of pre-tokens, and each document's first and last one."""

_BYTES_PER_PRETOKEN: Final = 4
"""A guess for the first allocation; English under gpt4 has about 4.6."""


def by_bits(kind: int) -> Cut:
    """Return the cut of a scanner of `operators.kernels.boundaries`; kind: its number, with its rule for numbers."""

    def cut(data: U8, starts: I64) -> tuple[I64, I64]:
        longest = _longest(starts)
        words = longest // WIDE + 3
        bits = BlockBits(
            np.empty(words, np.uint64),
            np.empty(words, np.uint64),
            np.empty(longest, np.int64),
            np.empty(words, np.int64),
        )
        table = Classes(BLOCKS, CLASSES, np.empty(longest + 2 * WIDE, np.uint8))
        return _with_space(
            data, starts, lambda written, at: scan_borders(data, starts, kind, table, bits, written, *at)
        )

    return cut


def compiled(steps: Sequence[Section]) -> "Compiled":
    """Return the cut that these steps of a pre-tokenizer make, one after the other. Raises NotCompiled."""
    return _compiled(tuple(json.dumps(step, sort_keys=True) for step in steps))


@lru_cache(maxsize=64)
def _compiled(steps: tuple[str, ...]) -> "Compiled":
    alphabet, found = tables([step_tree(json.loads(step)) for step in steps])
    borders = np.array([0, *accumulate(len(table.moves) for table in found)], np.int64)
    machines = Machines(
        np.concatenate([table.moves for table in found]),
        np.concatenate([table.flags for table in found]),
        np.concatenate([table.steps for table in found]),
        np.concatenate([table.accepts for table in found]),
        borders,
    )
    letters = Letters(alphabet.ascii, alphabet.blocks, alphabet.classes)
    for array in (*letters, *machines):
        array.flags.writeable = False
    return Compiled(letters, machines, alphabet.restart, tuple(found))


@dataclass(frozen=True, eq=False)
class Compiled:
    """Tables of one or more expressions; a Cut."""

    letters: Letters
    machines: Machines
    restart: int
    tables: tuple[Table, ...]

    def __call__(self, data: U8, starts: I64) -> tuple[I64, I64]:
        """Return the ends of pre-tokens, and each document's."""
        longest = _longest(starts)
        words, places = longest // WIDE + 3, longest // STRIDE + 3
        room = Room(
            np.empty(longest + 2 * WIDE + 1, np.uint8),
            np.empty(words, np.uint64),
            np.empty(words, np.int64),
            np.empty(places, np.int64),
            np.empty(places * max(-(-table.states // 64) for table in self.tables), np.uint64),
        )
        both = (self.letters, self.machines)
        return _with_space(
            data, starts, lambda written, at: scan_compiled(data, starts, self.restart, both, room, written, at)
        )


def _longest(starts: I64) -> int:
    return max(int(np.diff(starts).max(initial=0)), BLOCK_BYTES)


def _with_space(
    data: U8, starts: I64, scan: Callable[[Ends, tuple[int, int]], tuple[int, int]]
) -> tuple[I64, I64]:  # fmt: skip
    """Call a scanner until it has written all ends; it stops where there is no space for a block of documents."""
    # Room for a pre-token per byte of one block of documents at least; places that are never written take no memory.
    ends = np.empty(len(data) // _BYTES_PER_PRETOKEN + _longest(starts), np.int64)
    documents = np.zeros(len(starts), np.int64)
    at = (0, 0)
    while True:
        at = scan(Ends(ends, documents), at)
        if at[0] == len(starts) - 1:
            return ends[: at[1]], documents
        fuller, ends = ends, np.empty(2 * len(ends), np.int64)
        ends[: at[1]] = fuller[: at[1]]


def step_tree(step: Section) -> Node:
    """The expression whose matches, and the gaps between them, are the pre-tokens of a step. Raises NotCompiled."""
    match step:
        case {"type": "Split", "pattern": {"Regex": str(regex)}, "behavior": str(behavior), "invert": bool(invert)}:
            return _behaving(parse(regex), behavior, invert)
        case {"type": "Split", "pattern": {"String": str(text)}, "behavior": str(behavior), "invert": bool(invert)}:
            return _behaving(parse(re.escape(text)), behavior, invert)
        case {"type": "Digits", "individual_digits": bool(single)}:
            return _behaving(Chars(flagged_set(DIGIT_STEP)), "Isolated" if single else "Contiguous", False)
        case {"type": "Punctuation", "behavior": str(behavior)}:
            return _behaving(Chars(flagged_set(PUNCTUATION_STEP)), behavior, False)
        case {"type": "FixedLength", "length": int(length)} if 0 < length <= 64:
            return Repeat(Chars(ANYTHING), 1, length)
    raise NotCompiled(f"a step {step['type']}")


def _behaving(tree: Node, behavior: str, invert: bool) -> Node:
    """The expression whose matches and gaps are the pre-tokens of `tree` under a behavior of `tokenizers`' Split."""
    if behavior == "Isolated":
        return tree
    if not isinstance(tree, Chars) or invert:
        raise NotCompiled(f"the behavior {behavior} of more than single characters")
    others = Repeat(Chars(~tree.members), 1, None)
    match behavior:
        case "Contiguous":
            return Repeat(tree, 1, None)
        case "MergedWithPrevious":
            return Choice((Parts((others, Repeat(tree, 0, 1))), tree))
        case "MergedWithNext":
            return Choice((Parts((Repeat(tree, 0, 1), others)), tree))
    raise NotCompiled(f"the behavior {behavior}")
