"""Reading ahead: a thread reads the next batch while the one before is encoded and written.

So a corpus of one compressed file, which one worker reads, keeps two processors at work.
"""

from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pyarrow as pa


def read_ahead(batches: Iterator[pa.RecordBatch], largest: int) -> Generator[pa.RecordBatch, None, None]:
    """Yield the batches, one of which is read ahead; none while a batch of more than `largest` bytes of text is used.

    Close the iterator before anything else reads on. Errors of reading are raised here.
    """
    with ThreadPoolExecutor(1, "read-ahead") as reader:
        following: Future[pa.RecordBatch | None] | None = None
        while True:
            held = [(following or reader.submit(next, batches, None)).result()]
            if held[0] is None:
                return
            is_large = held[0].column("text").nbytes > largest
            following = None if is_large else reader.submit(next, batches, None)
            yield held.pop()  # nothing here keeps the batch
