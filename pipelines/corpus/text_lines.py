"""Text files: a document per line, its ending included, as Hugging Face's file trainer reads them."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from operators.reading.lines import line_offsets
from pipelines.corpus.reading import Reading, as_one, invalid_utf8, kept


def read_text(reading: Reading, blocks: Iterator[bytes]) -> Iterator[pa.RecordBatch]:
    """From blocks of whole lines. No byte of a line is copied: the batches look into the blocks."""
    language = reading.language_by_name
    for block in blocks:
        offsets = line_offsets(np.frombuffer(block, np.uint8))
        lines = len(offsets) - 1
        texts = pa.LargeBinaryArray.from_buffers(
            pa.large_binary(), lines, [None, pa.py_buffer(offsets), pa.py_buffer(block)]
        )
        ids = reading.ids(lines)
        # All bytes at once is faster than line by line, and a line ends between characters.
        reasons = invalid_utf8(texts) if invalid_utf8(as_one(block)) else {}
        for i, reason in reasons.items():
            reading.add_bad(reading.record + 1 + i, reason)
        reading.record += lines
        if reasons:
            ids, texts = kept([ids, texts], list(reasons))
        yield from reading.batches(ids, language, texts.view(pa.large_string()))
