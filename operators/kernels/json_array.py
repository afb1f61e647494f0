"""Splitter of one JSON array into lines: the bytes between its elements become line feeds, chunk by chunk."""

import numpy as np

from operators.arrays import I64, U8
from operators.kernels.kernel import kernel

DEPTH, IN_STRING, ESCAPED, FILLED, COUNT = range(5)
"""Places in the state: containers around the next byte, 1 in a string, 1 behind a backslash in it, 1 where the element
has any byte so far, and the number of elements that have ended."""
CLOSED = -1
"""Depth behind the end of the array."""
SOUND, GAP, BEHIND = 0, 1, 2
"""Outcome: nothing wrong, nothing between two commas, or something behind the end of the array."""


@kernel
def write_lines(data: U8, state: I64) -> tuple[int, int]:
    """Rewrite a chunk in place; return an outcome, and the place up to which it holds for the chunk.

    data: bytes of the array's text, in chunks of any size. state: int64, five zeros before the first chunk. The opening
    bracket becomes a space; commas between elements and the closing bracket become line feeds. Line feeds of the text
    become tabs: white space between tokens, and as wrong within a string as they were.
    """
    for i in range(len(data)):
        byte = data[i]
        if byte == 0x0A:
            data[i] = 0x09
        if state[IN_STRING]:
            if state[ESCAPED]:
                state[ESCAPED] = 0
            elif byte == 0x5C:
                state[ESCAPED] = 1
            elif byte == 0x22:
                state[IN_STRING] = 0
            continue
        if byte == 0x20 or byte == 0x09 or byte == 0x0A or byte == 0x0D:
            continue
        if state[DEPTH] == CLOSED:
            return BEHIND, i
        opens, closes = byte == 0x5B or byte == 0x7B, byte == 0x5D or byte == 0x7D
        if opens and state[DEPTH] == 0:
            data[i] = 0x20
        elif state[DEPTH] == 1 and (closes or byte == 0x2C):
            if not state[FILLED] and (byte == 0x2C or state[COUNT]):
                return GAP, i
            data[i] = 0x0A
            state[COUNT] += state[FILLED]
            state[FILLED] = 0
        else:
            state[FILLED] = 1
        if byte == 0x22:
            state[IN_STRING] = 1
        state[DEPTH] += np.int64(opens) - np.int64(closes)
        if closes and state[DEPTH] == 0:
            state[DEPTH] = CLOSED
    return SOUND, len(data)
