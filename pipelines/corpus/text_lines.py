"""Reader of plain text: a document per line, its ending included, as Hugging Face's file trainer reads it."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from operators.reading.lines import line_offsets
from pipelines.corpus.reading import Reading, as_one, invalid_utf8, kept


def read_text(reading: Reading, found: Iterator[bytes]) -> Iterator[pa.RecordBatch]:
    """Yield batches from batches of whole lines. No byte is copied: the Arrow arrays refer to the same memory."""
    language = reading.language_by_name
    for lines in found:
        offsets = line_offsets(np.frombuffer(lines, np.uint8))
        count = len(offsets) - 1
        texts = pa.LargeBinaryArray.from_buffers(
            pa.large_binary(), count, [None, pa.py_buffer(offsets), pa.py_buffer(lines)]
        )
        ids = reading.ids(count)
        # Checking all bytes at once is faster than line by line, and a line ends between characters.
        reasons = invalid_utf8(texts) if invalid_utf8(as_one(lines)) else {}
        for i, reason in reasons.items():
            reading.add_bad(reading.record + 1 + i, reason)
        reading.record += count
        if reasons:
            ids, texts = kept([ids, texts], list(reasons))
        yield from reading.batches(ids, language, texts.view(pa.large_string()))
