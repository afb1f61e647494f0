"""The step `decode`: lines of token ids to text on standard output."""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.decode.settings import Decode
from jobs.encode.lines import BadLine, Lines, OutputStream, read_lines
from jobs.encode.step import streamed, texts_of, values
from operators.arrays import I64
from operators.encoding.decode import TokenOutOfRange, TokenWithoutText
from pipelines.context import Context
from pipelines.in_memory.tokenizer import Tokenizer
from pipelines.results import Streamed

_BETWEEN: Final = bytes.maketrans(b",[]\t\r", b"     ")
"""Characters that may stand between ids besides spaces."""
_NUMBER: Final = r"^[0-9]{1,18}$"


def decode(settings: Decode, context: Context) -> Streamed:
    """Write the text of each line of ids. Raises BadLine, UnreadableInput, and what loading and decoding do."""
    del context
    tokenizer = Tokenizer.load(settings.tokenizer)
    output, count, tokens = OutputStream(), 0, 0
    for lines in read_lines(settings.files):
        ids, offsets = ids_of(lines)
        try:
            text = tokenizer.decode_batch(ids, offsets)
        except (TokenOutOfRange, TokenWithoutText) as error:
            line = int(np.searchsorted(offsets, error.position, side="right")) - 1
            raise BadLine(
                lines.file, lines.first + line, str(error).replace(f" at position {error.position}", "")
            ) from None
        count, tokens = count + len(text), tokens + len(ids)
        feed, nothing = (pa.scalar(one, pa.large_string()) for one in ("\n", ""))
        if not output.write(values(pc.binary_join_element_wise(text, feed, nothing))):
            break
    return streamed("decode", count, tokens)


def ids_of(lines: Lines) -> tuple[I64, I64]:
    """Return the ids of all lines, int64, and where each line's begin and end. Raises BadLine for what is no id."""
    text = texts_of(Lines(lines.file, lines.first, lines.data.translate(_BETWEEN)))
    words = pc.split_pattern(text, " ")
    found, borders = words.flatten(), np.asarray(words.offsets, np.int64)
    given = pc.binary_length(found).to_numpy(zero_copy_only=False) > 0
    before = np.zeros(len(given) + 1, np.int64)
    np.cumsum(given, out=before[1:])
    offsets = before[borders]
    found = found.filter(pa.array(given))
    numbers = pc.match_substring_regex(found, _NUMBER).to_numpy(zero_copy_only=False)
    if not numbers.all():
        at = int(np.argmin(numbers))
        line = lines.first + int(np.searchsorted(offsets, at, side="right")) - 1
        raise BadLine(
            lines.file, line, f"{str(found[at])[:40]!r} is no token id; write whole numbers with spaces between"
        )
    return found.cast(pa.int64()).to_numpy(zero_copy_only=False), offsets
