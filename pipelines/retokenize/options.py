"""Encoding options of a run, and the job description that workers load from disk."""

import threading
from dataclasses import dataclass
from math import ceil
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
from pipelines.retokenize.mixing import Mix
from pipelines.retokenize.settings import IdType
from pipelines.settings import BadSettings
from pipelines.token_shards.format_names import Format
from pipelines.token_shards.formats import Target

LARGEST_ID: Final = (1 << 31) - 1
"""Largest id: the widest ids of Megatron are int32."""
LARGE_BYTES: Final = 32 << 20
"""Text above which a batch is one long document."""
BYTES_PER_TEXT_BYTE: Final = 8
"""Memory that a long document takes at most, a byte of text, until it is encoded. Held by a test."""
BYTES_PER_TOKEN: Final = 40
"""Memory that a long document takes at most, a token, until it is written: Arrow's Parquet writer needs 30 bytes.
Held by a test."""


class BadToken(UsageError):
    """A token at a document's bound that the tokenizer does not have."""

    setting: str
    token: str
    reason: str
    message = "{setting} {token!r}: {reason}; name a token of the tokenizer, or its id"


class Encoding(msgspec.Struct, frozen=True, kw_only=True):
    """Options that decide how text becomes tokens and tokens become files. Part of the fingerprint."""

    format: Format | Literal["shuffled"] = "parquet"
    """Format of the shards."""
    column: str = "input_ids"
    """Name of the column of ids, in formats with columns."""
    id_type: IdType = "auto"
    """Type of the written ids."""
    begin: int | None = None
    """Id in front of each document; None: no id."""
    end: int | None = None
    """Id after each document; None: no id."""
    special_ids: bool = False
    """True if text that spells a special token becomes its id."""
    inference: str = "merges"
    """Segmentation of words into tokens, as `operators.encoding.segmentation.parse_segmentation` reads it."""
    seed: int = 0
    """Seed of random segmentations; a document's tokens depend on it, the document's id and its text alone."""
    shuffle: int | None = None
    """Seed of the order of documents, in the first pass of a shuffled run."""
    mix: Mix | None = None
    """Copies of the documents, and which are taken; None: each once."""
    on_bad_record: Literal["fail", "skip"] = "fail"
    """Treatment of records that cannot be read."""


@dataclass(frozen=True)
class Job:
    """Job description that all tasks of a run share."""

    tokenizer: Tokenizer
    encoding: Encoding
    directory: Path
    """Directory of the shards."""

    fingerprint: str = ""
    """Fingerprint of the tokenizer."""
    memory_bytes: int | None = None
    """Memory limit of a worker, without its libraries; None: no document is too long."""
    duplicates: Path | None = None
    """Folder of the duplicates, which are left out."""

    def check_room(self, text_bytes: int, tokens: int = 0) -> None:
        """Raise TooLittleMemory for a batch, which is one document where it is large, that would take too much memory.

        tokens: their number, once it is known.
        """
        needed = max(text_bytes * BYTES_PER_TEXT_BYTE, tokens * BYTES_PER_TOKEN)
        if self.memory_bytes is not None and text_bytes > LARGE_BYTES and needed > self.memory_bytes:
            what = f"encoding a document of {text_bytes / 1e6:,.1f} MB"
            raise TooLittleMemory(what, needed, self.memory_bytes, "raise it, or leave the document out")

    @property
    def id_type(self) -> np.dtype[Any]:
        """Type of the written ids: the one asked for, else uint16 where all fit, else uint32."""
        return id_type_of(self.tokenizer, self.encoding)

    def target(self, name: str) -> Target:
        """Return the target of a shard of this job."""
        how = self.encoding
        epochs = 1 if how.mix is None else ceil(how.mix.epochs)
        return Target(self.directory, name, self.id_type, how.column, self.fingerprint, seed=how.shuffle, epochs=epochs)


def id_type_of(tokenizer: Tokenizer, encoding: Encoding) -> np.dtype[Any]:
    """Return the type of the written ids. Raises BadSettings where the one asked for does not hold all."""
    added = max((token.id for token in tokenizer.added_tokens), default=0)
    largest = max(len(tokenizer.tokens) - 1, added, encoding.begin or 0, encoding.end or 0)
    if encoding.id_type == "uint16" and largest > np.iinfo(np.uint16).max:
        reason = f"the ids of this tokenizer reach {largest:,}, and uint16 ends at 65,535; leave it out, or take uint32"
        raise BadSettings("id_type", reason)
    narrow = encoding.id_type == "uint16" or (encoding.id_type == "auto" and largest <= np.iinfo(np.uint16).max)
    return np.dtype(np.uint16 if narrow else np.uint32)


def token_id(tokenizer: Tokenizer, setting: str, token: str, *, beyond: bool = False) -> int:
    """Return the id of a token that is named by its text or by its id. Special tokens come first; digits are an id.

    setting: name of the setting, for errors. Raises BadToken. beyond: accept ids above the tokenizer's too, as a
    .tiktoken file does not hold its special tokens.
    """
    special = {added.content: added.id for added in tokenizer.added_tokens}
    last = max([len(tokenizer.tokens) - 1, *special.values()])
    if token in special:
        return special[token]
    if token.isascii() and token.isdigit():
        found = int(token) if len(token) < 20 else LARGEST_ID + 1
        if found > last and not beyond:
            raise BadToken(setting, token, f"the ids end at {last}")
        if found > LARGEST_ID:
            raise BadToken(setting, token, f"ids end at {LARGEST_ID}")
        return found
    text = token.encode("utf-8", "surrogatepass")
    if text and text in tokenizer.tokens:
        return tokenizer.tokens.index(text)
    raise BadToken(setting, token, "no such token")


def encoder_of(tokenizer: Tokenizer, encoding: Encoding) -> Encoder:
    """Return the encoder for these options."""
    inference = parse_segmentation(encoding.inference)
    return Encoder(tokenizer, special_ids=encoding.special_ids, inference=inference, seed=encoding.seed)


def packed(job: Job) -> bytes:
    """Encode a job as MessagePack: plain data, which the reader checks against the types above."""
    return msgspec.msgpack.encode(job, enc_hook=_packed)


def unpacked(data: bytes) -> Job:
    """Decode the job that `packed` encoded. Raises msgspec.MsgspecError for other bytes."""
    return _JOBS.decode(data)


def _packed(value: object) -> object:
    if isinstance(value, np.ndarray):
        return value.dtype.str, np.ascontiguousarray(value).data
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"a job holds no {type(value).__name__}")


def _unpacked(kind: object, value: Any) -> object:
    if kind is Path:
        return Path(value)
    dtype, data = value if isinstance(value, list) and len(value) == 2 else (None, None)
    if dtype not in ("<i4", "<i8", "<f8") or not isinstance(data, bytes):
        raise msgspec.ValidationError("an array of a job is no pair of a type of numbers and bytes")
    return np.frombuffer(data, dtype).copy()  # writable, like those of a tokenizer that was just read


_JOBS: Final = msgspec.msgpack.Decoder(Job, dec_hook=_unpacked)
"""Decoder of jobs, made once: msgspec crashes where two threads of a process read a type for the first time at once."""


class Workbench(threading.local):
    """Encoder of each thread, which caches words from task to task; it serves one job at a time."""

    path: Path | None = None
    job: Job
    encoder: Encoder

    def take(self, path: Path) -> "Workbench":
        """Return this thread's workbench, set up for the job that was written to `path`."""
        if self.path != path:
            keep_freed_memory()
            self.path = None
            self.job = unpacked(path.read_bytes())
            self.encoder = encoder_of(self.job.tokenizer, self.job.encoding)
            self.path = path
        return self


WORKBENCH: Final = Workbench()
