"""Text files: a document per line, its ending included, as Hugging Face's file trainer reads them."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from pipelines.corpus.reading import Reading, invalid_utf8, kept


def read_text(reading: Reading, blocks: Iterator[bytes]) -> Iterator[pa.RecordBatch]:
    """From blocks of whole lines. No byte of a line is copied: the batches look into the blocks."""
    language = reading.language_by_name
    for block in blocks:
        ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n")) + 1
        if not block.endswith(b"\n"):
            ends = np.append(ends, len(block))
        offsets = np.concatenate([[0], ends]).astype(np.int64)
        texts = pa.LargeBinaryArray.from_buffers(
            pa.large_binary(), len(ends), [None, pa.py_buffer(offsets), pa.py_buffer(block)]
        )
        ids = reading.ids(len(ends))
        reasons = invalid_utf8(texts)
        for i, reason in reasons.items():
            reading.add_bad(reading.record + 1 + i, reason)
        reading.record += len(ends)
        if reasons:
            ids, texts = kept([ids, texts], list(reasons))
        yield from reading.batches(ids, language, texts.view(pa.large_string()))
