"""Words to token ids: BPE by merge rank, with the ids that Hugging Face's `tokenizers` gives."""

from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from operators.arrays import I32, I64, ROOM, U8
from operators.kernels.encode import BATCH, SET, SLOT, Cache, Exceptions, encode_words, put_words
from operators.kernels.merging import NO_MERGE, Spelling, last_pairs, put_merges
from operators.pretokenize import Pieces
from operators.tokenizer import Merges, Tokenizer

AnyArray = TypeVar("AnyArray", bound=NDArray[Any])

CACHE_SETS: Final = 1 << 19
"""Sets of two words in the cache: 1,048,576 words, 32 MiB. Of three words that want one set, the last two stay."""
CACHE_RUN_IDS: Final = 1 << 22
"""Ids kept of words that do not fit their slot, up to 16 MiB; when they are full, the cache starts over."""
CACHE_RUN_BYTES: Final = 1 << 23
"""Bytes kept of words that do not fit their slot, up to 8 MiB; when they are full, the cache starts over."""
SCRATCH_IDS: Final = 1 << 23
"""A batch that may give more ids than this has memory of its own, so that a huge document's is given back."""


class WordEncoder:
    """Encodes words with one tokenizer. It remembers them (56 MiB), so each thread needs an encoder of its own."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        known = tokenizer.vocabulary
        self._spelling = spelling(known.byte_ids, known.characters, known.unknown, known.fuse_unknown)
        self._table = merge_table(tokenizer.merges)
        self._exceptions = _exceptions(tokenizer, self._table) if tokenizer.ignore_merges else _packed({})
        self._cache = _empty_cache()
        self._ids = np.empty(SCRATCH_IDS, np.int32)  # memory that no id is written to is never touched

    def encode(self, pieces: Pieces) -> tuple[I32, I64]:
        """Token ids of all documents, int32, and where each document's begin and end, int64[n documents + 1]."""
        room = len(pieces.data) + 3
        ids = self._ids if room <= SCRATCH_IDS else np.empty(room, np.int32)
        offsets = np.empty(len(pieces.documents), np.int64)
        n = encode_words(
            _read_only(pieces.data),
            _read_only(pieces.ends),
            _read_only(pieces.documents),
            _read_only(pieces.starts),
            self._spelling,
            self._table,
            self._exceptions,
            self._cache,
            ids,
            offsets,
        )
        return ids[:n].copy(), offsets


def _empty_cache() -> Cache:
    line = np.zeros(CACHE_SETS * SET + SET, np.uint64)
    aligned = -(line.ctypes.data // 8) % SET  # a set of two slots must be one line of the processor's cache
    return Cache(
        line[aligned : aligned + CACHE_SETS * SET],
        np.empty(CACHE_RUN_IDS, np.int32),
        np.empty(CACHE_RUN_BYTES, np.uint8),
        np.zeros(2, np.int64),
        np.empty(BATCH * SLOT, np.uint64),
    )


def spelling(byte_ids: I32, characters: I32 | None = None, unknown: int | None = None, fuse: bool = True) -> Spelling:
    """What words are made of before any merge, as kernels read it; fields as in `operators.tokenizer.Vocabulary`."""
    none = np.empty(0, np.int32)
    return Spelling(
        _read_only(np.ascontiguousarray(byte_ids, np.int32)),
        _read_only(np.ascontiguousarray(none if characters is None else characters, np.int32)),
        -1 if unknown is None else unknown,
        fuse,
    )


def merge_table(merges: Merges) -> I64:
    """The pair table of a merge list; where a pair stands twice its last place counts, as in Hugging Face's loader."""
    table = empty_table(len(merges))
    put_merges(table, *(np.ascontiguousarray(ids, np.int32) for ids in (merges.left, merges.right, merges.token)))
    return table


def empty_table(merges: int) -> I64:
    """A pair table with room for so many merges, half of it left empty at least."""
    table = np.full(2 << (2 * merges + 2).bit_length(), NO_MERGE, np.int64)
    table[::2] = -1
    return table


def final_pairs(
    texts: dict[int, bytes], byte_ids: I32, table: I64, *, learn: bool = False, characters: I32 | None = None
) -> I64:
    """The two symbols each text comes down to under the table's merges; int64[n texts, 2], -1 where it does not.

    With `learn` shorter texts come first and each pair found joins the table, with the text's id as rank and token.
    """
    data, ends, ids = _joined(texts)
    lengths = np.diff(ends, prepend=0)
    order = np.argsort(lengths, kind="stable") if learn else np.arange(len(ends))
    pairs: I64 = last_pairs(
        _read_only(data), _read_only(ends), order, spelling(byte_ids, characters), table, ids, learn
    )
    return pairs


def _exceptions(tokenizer: Tokenizer, table: I64) -> Exceptions:
    """The tokens that their own merges do not lead to: only they need a look at the whole word."""
    texts = tokenizer.text_tokens
    pairs = final_pairs(texts, tokenizer.byte_ids, table, characters=tokenizer.vocabulary.characters)
    made = {(a, b): t for a, b, t in zip(*(_.tolist() for _ in _columns(tokenizer.merges)), strict=True)}
    reached = [
        len(text) == 1 or made.get((left, right)) == i
        for (i, text), (left, right) in zip(texts.items(), pairs.tolist(), strict=True)
    ]
    return _packed({i: text for (i, text), found in zip(texts.items(), reached, strict=True) if not found})


def _columns(merges: Merges) -> tuple[I32, I32, I32]:
    return merges.left, merges.right, merges.token


def _packed(texts: dict[int, bytes]) -> Exceptions:
    """Words and their ids as `operators.kernels.encode.whole_word` looks for them."""
    data, ends, ids = _joined(texts)
    slots = np.full(1 << (2 * len(ends) + 1).bit_length(), -1, np.int64)
    roomy = np.concatenate([data, np.zeros(ROOM, np.uint8)])
    words = Exceptions(_read_only(roomy), _read_only(ends), ids.astype(np.int32), slots)
    put_words(words)
    return words


def _joined(texts: dict[int, bytes]) -> tuple[U8, I64, I64]:
    """All texts one after the other, where each ends, and their ids."""
    data = np.frombuffer(b"".join(texts.values()), np.uint8)
    ends = np.cumsum([len(text) for text in texts.values()], dtype=np.int64)
    return data, ends, np.fromiter(texts, np.int64, len(texts))


def _read_only(array: AnyArray) -> AnyArray:
    """A view that is read-only whatever came in, as Arrow's are: numba compiles for each of the two kinds anew."""
    view = array.view()
    view.flags.writeable = False
    return view
