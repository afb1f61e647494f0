"""Mixing: the number of copies of each document and its split, both from a hash of its id.

So neither depends on workers, on the order of files, or on what else the corpus holds.
"""

import hashlib
import re
from collections.abc import Iterator
from itertools import pairwise
from math import ceil
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from operators.arrays import F64, I32, I64
from pipelines.retokenize.settings import Retokenize
from pipelines.settings import BadSettings
from pipelines.token_shards.formats.shuffled import EPOCHS
from pipelines.token_shards.shards import REST

MOST_COPIES: Final = 10_000
RUN_TOKENS: Final = 1 << 22
"""Ids of copies that are written at once."""


class Mix(msgspec.Struct, frozen=True, kw_only=True):
    """Copies of the documents, and the documents that are taken. Part of the fingerprint."""

    epochs: float = 1.0
    """Number of copies of a document of weight 1; a fraction is the share of documents that have one more."""
    weights: dict[str, float] = {}
    """Factor of a language's copies; of other languages it is 1."""
    first: float = 0.0
    """Documents are taken whose hash, 0 to 1, is not below this ..."""
    end: float = 1.0
    """... and below this."""
    corpus: str = ""
    """Fingerprint of all inputs, where duplicates are dropped: what stays of a file then depends on the others."""


def mixes_of(settings: Retokenize, corpus: str) -> dict[str, Mix | None]:
    """Return the mix of each split, by name; one without a name where nothing is split, None for the corpus as it is.

    Named splits hold each of their documents once. corpus: fingerprint of all inputs. Raises BadSettings.
    """
    weights, epochs = settings.weights or {}, settings.epochs
    if isinstance(weights, str):
        raise BadSettings("weights", f"{weights[:80]!r} is neither NAME=NUMBER,... nor a .yaml file")
    if epochs * max(weights.values(), default=1.0) > MOST_COPIES:
        raise BadSettings("weights", f"with these epochs give a document more than {MOST_COPIES:,} copies; lower them")
    corpus = corpus if settings.drop_duplicates else ""
    if not settings.split:
        plain = epochs == 1 and not weights and not corpus
        return {"": None if plain else Mix(epochs=epochs, weights=weights, corpus=corpus)}
    if sum(settings.split.values()) >= 1:
        raise BadSettings("split", f"the shares come to 100 % or more; leave some for {REST}")
    mixes: dict[str, Mix | None] = {}
    at = 0.0
    for name, share in settings.split.items():
        if name == REST or not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", name):
            reason = f"{name[:80]!r} names no split; take letters, digits, - and _, and not {REST}, which has the rest"
            raise BadSettings("split", reason)
        mixes[name] = Mix(first=at, end=at + share, corpus=corpus)
        at += share
    mixes[REST] = Mix(epochs=epochs, weights=weights, first=at, corpus=corpus)
    return mixes


def copies(mix: Mix, batch: pa.RecordBatch) -> tuple[I64, I64]:
    """Return the document (its row in the batch) and the epoch of each copy, one epoch after the other.

    batch: columns id and language. A document of weight w has floor(w * e + u) copies up to the end of epoch e, with
    its own u from 0 to 1: so w * epochs on average, spread over the epochs as evenly as whole numbers can be.
    """
    used, placed = _draws(batch.column("id"))
    coded = batch.column("language").dictionary_encode()
    weights = np.array([mix.weights.get(language, 1.0) for language in coded.dictionary.to_pylist()])
    weights = weights[coded.indices.to_numpy()] * ((placed >= mix.first) & (placed < mix.end))
    edges = [*range(ceil(mix.epochs)), mix.epochs]
    ends = [np.floor(weights * edge + used).astype(np.int64) for edge in edges]
    numbers = [after - before for before, after in pairwise(ends)]
    documents = [np.repeat(np.arange(len(batch)), number) for number in numbers]
    epochs = np.repeat(np.arange(len(numbers)), [len(one) for one in documents])
    return np.concatenate(documents), epochs


def _draws(ids: pa.StringArray) -> tuple[F64, F64]:
    """Return two numbers for each id, from 0 on and below 1: for its copies, and for its split."""
    digests = b"".join(hashlib.blake2b(one.encode(), digest_size=16).digest() for one in ids.to_pylist())
    words = np.frombuffer(digests, "<u8").reshape(-1, 2)
    used, placed = ((words >> np.uint64(11)) * 2.0**-53).T
    return used, placed


def spread(names: pa.RecordBatch, ids: I32, offsets: I64, documents: I64) -> Iterator[tuple[pa.RecordBatch, I32, I64]]:
    """Yield documents in another order, or again: names, ids, bounds, of some copies at a time.

    documents: the row of each copy.
    """
    from operators.kernels.packing import copy_pieces

    starts, lengths = offsets[:-1][documents], np.diff(offsets)[documents]
    ends = np.cumsum(lengths)
    first = 0
    while first < len(documents):
        before = ends[first] - lengths[first]
        last = max(first + 1, int(np.searchsorted(ends, before + RUN_TOKENS, "right")))
        own = slice(first, last)
        bounds = np.concatenate([np.zeros(1, np.int64), ends[own] - before])
        out = np.empty(bounds[-1], np.int32)
        copy_pieces(ids.view(np.uint32), starts[own], lengths[own], bounds[:-1], out.view(np.uint32))
        yield names.take(pa.array(documents[own])), out, bounds
        first = last


def with_epochs(names: pa.RecordBatch, documents: I64, epochs: I64) -> pa.RecordBatch:
    """Add a column EPOCHS: the epoch of each copy of a document."""
    order = np.argsort(documents, kind="stable")
    bounds = np.searchsorted(documents[order], np.arange(len(names) + 1)).astype(np.int32)
    listed = pa.ListArray.from_arrays(pa.array(bounds), pa.array(epochs[order].astype(np.int32)))
    return pa.RecordBatch.from_arrays([*names.columns, listed], [*names.schema.names, EPOCHS])


def selected(batch: pa.RecordBatch, documents: I64) -> tuple[pa.RecordBatch, I64]:
    """Return the rows of a batch that have a copy, and the copies' places among them."""
    kept: NDArray[Any] = np.unique(documents)
    if len(kept) == len(batch):
        return batch, documents
    return batch.take(pa.array(kept)), np.searchsorted(kept, documents)
