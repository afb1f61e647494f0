"""Encoders of one tokenizer, lent to the threads that need one, and kept for the next call."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import Final, Literal, TypeAlias

import pyarrow as pa

from operators.arrays import I32, I64
from operators.encoding.encode import Encoder
from operators.errors import UsageError
from operators.tokenizer import Tokenizer as TokenizerData
from pipelines.in_memory.kernels import compile_if_needed
from pipelines.settings import BadSettings

SpecialTokensInText: TypeAlias = Literal["text", "ids"]
"""Text that spells a special token is encoded as text, or becomes the token (`ids`), as in the command retokenize."""

AHEAD: Final = 2
"""Batches that wait for each thread."""


class NoSpecialTokens(UsageError):
    """Special tokens in text are asked for, and the tokenizer names none."""

    name: str
    message = "special_tokens_in_text: {name} names no special tokens to find; leave it out, or load a tokenizer.json"


class Encoders:
    """Pool of encoders. Safe to share between threads; it grows to as many encoders as threads encode at a time."""

    def __init__(self, data: TokenizerData, name: str) -> None:
        self._data, self._name = data, name
        self._lock = threading.Lock()
        self._idle: dict[bool, list[Encoder]] = {False: [], True: []}

    @contextmanager
    def lend(self, special_tokens_in_text: SpecialTokensInText) -> Iterator[Encoder]:
        """Lend an encoder that no other thread has. Raises NoSpecialTokens, BadSettings, and as Encoder."""
        if special_tokens_in_text not in ("text", "ids"):
            raise BadSettings("special_tokens_in_text", f"{special_tokens_in_text!r} is neither 'text' nor 'ids'")
        special = special_tokens_in_text == "ids"
        if special and not any(token.special for token in self._data.added_tokens):
            raise NoSpecialTokens(self._name)
        with self._lock:
            encoder = self._idle[special].pop() if self._idle[special] else None
        if encoder is None:
            compile_if_needed(("encoding",))
            encoder = Encoder(self._data, special_ids=special)
        yield encoder  # after an error it is not kept
        with self._lock:
            self._idle[special].append(encoder)

    def encode(
        self, batches: Iterator[pa.LargeStringArray], special_tokens_in_text: SpecialTokensInText, threads: int
    ) -> Iterator[tuple[I32, I64]]:
        """Yield each batch's ids and offsets, in order; a single batch, and one thread, need no pool of threads."""

        def encoded(batch: pa.LargeStringArray) -> tuple[I32, I64]:
            with self.lend(special_tokens_in_text) as encoder:
                return encoder.encode(batch)

        head = list(islice(batches, 2))
        if threads == 1 or len(head) < 2:
            yield from map(encoded, head)
            yield from map(encoded, batches)
            return
        with ThreadPoolExecutor(threads, "babelmerge-encode") as pool:
            running = [pool.submit(encoded, batch) for batch in head]
            try:
                while running:
                    running += [
                        pool.submit(encoded, batch) for batch in islice(batches, AHEAD * threads - len(running))
                    ]
                    yield running.pop(0).result()
            finally:
                for future in running:
                    future.cancel()
