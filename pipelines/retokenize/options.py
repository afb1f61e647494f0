"""Encoding options of a run, and the job description that workers load from disk."""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import numpy as np

from operators.encoding.encode import Encoder
from operators.encoding.segmentation import parse_segmentation
from operators.errors import UsageError
from operators.tokenizer import Tokenizer
from pipelines.memory import TooLittleMemory
from pipelines.memory_pool import keep_freed_memory
from pipelines.retokenize.settings import Format

LARGEST_ID: Final = (1 << 31) - 1
"""Megatron's widest ids are int32."""
LARGE_BYTES: Final = 32 << 20
"""A batch of more text is one long document."""
BYTES_PER_TEXT_BYTE: Final = 8
"""What a long document takes until its ids are there, at most. Held by a test."""
BYTES_PER_TOKEN: Final = 40
"""What a long document takes until its ids are written, at most: Arrow's Parquet writer needs 30. Held by a test."""


class BadSeparator(UsageError):
    """A separator that is no token."""

    def __init__(self, separator: str, reason: str) -> None:
        super().__init__(separator, reason)
        self.separator, self.reason = separator, reason

    def __str__(self) -> str:
        return f"separator {self.separator!r}: {self.reason}; name a token of the tokenizer, or its id"


class Encoding(msgspec.Struct, frozen=True, kw_only=True):
    """How text becomes tokens and tokens become files. Part of what names a result."""

    format: Format = "parquet"
    """`parquet`: id, language, tokens; `megatron`: .bin and .idx."""
    separator: int | None = None
    """The id that is put behind each document."""
    special_ids: bool = False
    """Whether text that spells a special token becomes its id."""
    inference: str = "merges"
    """How a word becomes tokens, as `operators.encoding.segmentation.parse_segmentation` reads it."""
    seed: int = 0
    """Of the random ones; what a document becomes depends on it, the document's id and its text alone."""
    on_bad_record: Literal["fail", "skip"] = "fail"
    """What becomes of records that cannot be read."""


@dataclass(frozen=True)
class Job:
    """What all tasks of a run share."""

    tokenizer: Tokenizer
    encoding: Encoding
    directory: Path
    """Where shards go."""

    memory_bytes: int | None = None
    """What a worker may take, besides its libraries; None: no document is too long."""

    def check_room(self, text_bytes: int, tokens: int = 0) -> None:
        """Raises TooLittleMemory for a batch, which is one document where it is large, that would take too much.

        tokens: how many it has, once that is known.
        """
        needed = max(text_bytes * BYTES_PER_TEXT_BYTE, tokens * BYTES_PER_TOKEN)
        if self.memory_bytes is not None and text_bytes > LARGE_BYTES and needed > self.memory_bytes:
            what = f"encoding a document of {text_bytes / 1e6:,.1f} MB"
            raise TooLittleMemory(what, needed, self.memory_bytes, "raise it, or leave the document out")

    @property
    def id_type(self) -> np.dtype[Any]:
        """uint16 where all ids fit, else uint32."""
        added = max((token.id for token in self.tokenizer.added_tokens), default=0)
        largest = max(len(self.tokenizer.tokens) - 1, added, self.encoding.separator or 0)
        return np.dtype(np.uint16 if largest < 1 << 16 else np.uint32)


def separator_id(tokenizer: Tokenizer, separator: str, *, beyond: bool = False) -> int:
    """The id of a token that is named by its text, or by its id. Special tokens come first, then ids: digits are one.

    Raises BadSeparator. `beyond`: ids behind the tokenizer's are taken too, as a .tiktoken file does not hold its
    special tokens.
    """
    special = {token.content: token.id for token in tokenizer.added_tokens}
    last = max([len(tokenizer.tokens) - 1, *special.values()])
    if separator in special:
        return special[separator]
    if separator.isascii() and separator.isdigit():
        found = int(separator)
        if found > last and not beyond:
            raise BadSeparator(separator, f"the ids end at {last}")
        if found > LARGEST_ID:
            raise BadSeparator(separator, f"ids end at {LARGEST_ID}")
        return found
    text = separator.encode("utf-8", "surrogatepass")
    if text and text in tokenizer.tokens:
        return tokenizer.tokens.index(text)
    raise BadSeparator(separator, "no such token")


def encoder_of(tokenizer: Tokenizer, encoding: Encoding) -> Encoder:
    """The encoder that an encoding asks for."""
    inference = parse_segmentation(encoding.inference)
    return Encoder(tokenizer, special_ids=encoding.special_ids, inference=inference, seed=encoding.seed)


def packed(job: Job) -> bytes:
    """A job as MessagePack: plain data, which the reader holds against the types above."""
    return msgspec.msgpack.encode(job, enc_hook=_packed)


def unpacked(data: bytes) -> Job:
    """The job that `packed` made these bytes of. Raises msgspec.MsgspecError where they are something else."""
    return msgspec.msgpack.decode(data, type=Job, dec_hook=_unpacked)


def _packed(value: object) -> object:
    if isinstance(value, np.ndarray):
        return value.dtype.str, np.ascontiguousarray(value).data
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"a job holds no {type(value).__name__}")


def _unpacked(kind: object, value: Any) -> object:
    if kind is Path:
        return Path(value)
    dtype, data = msgspec.convert(value, tuple[Literal["<i4", "<i8"], bytes])
    return np.frombuffer(data, dtype).copy()  # one's own, like those of a tokenizer that was just read


class Workbench(threading.local):
    """Each thread's encoder, which remembers words from task to task; one job's at a time."""

    path: Path | None = None
    job: Job
    encoder: Encoder

    def take(self, path: Path) -> "Workbench":
        """Make sure that this thread works on the job that was written to `path`."""
        if self.path != path:
            keep_freed_memory()
            self.path = None
            self.job = unpacked(path.read_bytes())
            self.encoder = encoder_of(self.job.tokenizer, self.job.encoding)
            self.path = path
        return self


WORKBENCH: Final = Workbench()
