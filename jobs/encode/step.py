"""The step `encode`: lines of text to token ids on standard output."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from jobs.encode.lines import BadLine, Lines, OutputStream, read_lines
from jobs.encode.settings import Encode
from operators.arrays import I32, I64
from pipelines.context import Context
from pipelines.in_memory.tokenizer import Tokenizer
from pipelines.outputs import Manifest
from pipelines.results import Streamed

COLOURS: Final = (153, 186, 217, 223, 159, 225)
"""Colours of the background, of the 256 of a terminal."""
_CONTROLS: Final = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))} | {9: "\\t", 13: "\\r"}


def encode(settings: Encode, context: Context) -> Streamed:
    """Write the ids of each line, or its tokens. Raises BadLine, UnreadableInput, and what loading and encoding do."""
    tokenizer = Tokenizer.load(settings.tokenizer)
    written = _shown(tokenizer) if settings.show else IdLines(tokenizer.vocab_size).written
    output, count, tokens = OutputStream(), 0, 0
    for lines in read_lines(settings.files):
        threads = context.execution.workers
        batch = texts_of(lines)
        ids, offsets = tokenizer.encode_batch(
            batch, special_tokens_in_text=settings.special_tokens_in_text, threads=threads
        )
        count, tokens = count + len(batch), tokens + len(ids)
        if not output.write(written(ids, offsets)):
            break
    return streamed("encode", count, tokens)


def streamed(stage: str, lines: int, tokens: int) -> Streamed:
    """Return the result of a command that wrote on standard output."""
    nothing = Manifest(stage=stage, fingerprint="", settings={}, inputs=[], files={}, facts={})
    return Streamed(Path.cwd(), nothing, False, "", lines, tokens)


def texts_of(lines: Lines) -> pa.LargeStringArray:
    """Return the lines as text, large_string[lines]. Raises BadLine for one that is no UTF-8."""
    try:
        lines.data.decode()
    except UnicodeDecodeError as error:
        reason = f"it is no UTF-8 (byte 0x{lines.data[error.start]:02X}); convert the text"
        raise BadLine(lines.file, lines.line_at(error.start), reason) from None
    data = np.frombuffer(lines.data, np.uint8)
    feeds = np.flatnonzero(data == 0x0A)
    offsets = np.zeros(len(feeds) + 1, np.int64)
    offsets[1:] = feeds - np.arange(len(feeds))
    text = lines.data.translate(None, b"\n")
    return pa.LargeStringArray.from_buffers(len(feeds), pa.py_buffer(offsets), pa.py_buffer(text))


class IdLines:
    """Lines of ids in decimal digits, spaces between. `written` takes ids and offsets as an encoder gives them."""

    def __init__(self, tokens: int) -> None:
        numbers = [str(i).encode() for i in range(tokens)]
        self._tokens = tokens
        self._table = pa.array([*numbers, *(b" " + number for number in numbers), b"\n"], pa.large_binary())

    def written(self, ids: I32, offsets: I64) -> bytes:
        """Return a line for each document: the first id, each further one behind a space, a line feed."""
        chosen = np.full(len(ids) + len(offsets) - 1, 2 * self._tokens, np.int64)
        places = np.arange(len(ids)) + np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        chosen[places] = ids.astype(np.int64) + self._tokens
        filled = np.diff(offsets) > 0
        first = (offsets[:-1] + np.arange(len(offsets) - 1))[filled]
        chosen[first] -= self._tokens
        return values(self._table.take(pa.array(chosen)))


def values(array: Any) -> bytes:
    """Return all bytes of a large_binary or large_string array that has no nulls."""
    borders: NDArray[np.int64] = np.frombuffer(array.buffers()[1], np.int64)[array.offset :][: len(array) + 1]
    buffer = array.buffers()[2]
    return b"" if buffer is None else bytes(memoryview(buffer)[borders[0] : borders[-1]])


def _shown(tokenizer: Tokenizer) -> Callable[[I32, I64], bytes]:
    """Return a function that writes a line of tokens for each document."""
    plain = bool(os.environ.get("NO_COLOR"))
    names = [token.decode("utf-8", "backslashreplace").translate(_CONTROLS) for token in tokenizer.data.tokens]

    def written(ids: I32, offsets: I64) -> bytes:
        lines = []
        for begin, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
            tokens = [names[i] for i in ids[begin:end].tolist()]
            if plain:
                lines.append("|".join(tokens))
                continue
            colours = (f"\x1b[48;5;{COLOURS[k % len(COLOURS)]};38;5;16m{token}" for k, token in enumerate(tokens))
            lines.append("".join(colours) + ("\x1b[0m" if tokens else ""))
        return "".join(line + "\n" for line in lines).encode()

    return written
