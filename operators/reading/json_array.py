"""One JSON array as JSON lines: an element a line."""

from typing import Final

import numpy as np

from operators.kernels.json_array import BEHIND, CLOSED, COUNT, DEPTH, GAP, write_lines

_BOM: Final = b"\xef\xbb\xbf"
_BLANK: Final = b" \t\r\n"


def begins_array(head: bytes) -> bool | None:
    """Return True if a text that begins with `head` is an array; None: the head is blank."""
    begin = head.removeprefix(_BOM).lstrip(_BLANK)[:1]
    return begin == b"[" if begin else None


class ArrayLines:
    """Converter of the text of an array, chunk by chunk, to lines of one element each.

    `damage` is the reason if the text is no array; `lines_of` has then returned what is before.
    """

    def __init__(self) -> None:
        self.damage: str | None = None
        self._state = np.zeros(5, np.int64)
        self._is_first = True

    def lines_of(self, chunk: bytes) -> bytes:
        """Return the lines of the next chunk, of which the last may go on."""
        chunk = chunk.removeprefix(_BOM) if self._is_first else chunk
        self._is_first = False
        data = np.frombuffer(chunk, np.uint8).copy()
        outcome, stop = write_lines(data, self._state)
        count = int(self._state[COUNT])
        if outcome == GAP:
            self.damage = f"its array has nothing between two commas after element {count}"
        elif outcome == BEHIND:
            self.damage = "its array is followed by something else"
        return data[:stop].tobytes()

    def end(self) -> None:
        """End the text."""
        if self.damage is None and self._state[DEPTH] != CLOSED:
            self.damage = f"its array is cut short after element {int(self._state[COUNT])}"
