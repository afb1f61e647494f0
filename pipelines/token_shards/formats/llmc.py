"""Token shards as llm.c reads them: .bin, a header of 256 int32 and the ids. It holds no bounds of documents.

The header begins with magic, version and number of ids: 20240520 and 1 for ids of 16 bits (the GPT-2 files), 20240801
and 7 for ids of 32 bits (the Llama 3 files); the rest is zeros (llm.c, dev/data/data_common.py). The number is int32.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np

from operators.arrays import I64
from pipelines.token_shards.formats import BadShard, Documents, ShardFull
from pipelines.token_shards.formats.id_files import IdFileShard, ids_of, mapped

BIN: Final = ".bin"
MOST_TOKENS: Final = (1 << 31) - 1
_HEADER_INTS: Final = 256
_KINDS: Final = {2: (20240520, 1), 4: (20240801, 7)}
"""Bytes of an id to magic and version."""
MAGICS: Final = {magic for magic, _ in _KINDS.values()}


class LlmcShard(IdFileShard):
    """Writer of a .bin file (see TokenWriter)."""

    ENDINGS: ClassVar[tuple[str, ...]] = (BIN,)
    HEADER_BYTES: ClassVar[int] = 4 * _HEADER_INTS

    def complete(self, lengths: I64) -> None:
        """Fill in the header. Raises ShardFull beyond 2**31 - 1 ids."""
        tokens = int(lengths.sum())
        if tokens > MOST_TOKENS:
            raise ShardFull(str(self._ids.path), f"{MOST_TOKENS:,} tokens")
        header = np.zeros(_HEADER_INTS, "<i4")
        header[:3] = (*_KINDS[self._ids.dtype.itemsize], tokens)
        self._ids.patch(header.tobytes())


WRITER: Final = LlmcShard


def read(path: Path, id_type: np.dtype[Any] | None = None) -> Iterator[Documents]:
    """Read a .bin file as one document, mapped into memory. Raises BadShard."""
    del id_type
    head = mapped(path)[: LlmcShard.HEADER_BYTES]
    magic, version, tokens = head.view("<i4")[:3].tolist() if len(head) == LlmcShard.HEADER_BYTES else (0, 0, 0)
    if (magic, version) not in _KINDS.values():
        raise BadShard(str(path), "does not begin with llm.c's header of 1,024 bytes")
    ids = ids_of(path, tokens, LlmcShard.HEADER_BYTES)
    if _KINDS[ids.dtype.itemsize] != (magic, version):
        raise BadShard(str(path), f"has ids of {8 * ids.dtype.itemsize} bits, but the header of another width")
    yield Documents(ids, np.array([0, tokens], np.int64))
