"""The one operator: a shard of the word table, to which merges are applied in order."""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from operators.arrays import I16, I32, I64, U16, U32, read_only, word_buffers
from operators.errors import DataError
from operators.kernels.apply_merges import BIRTHS, OCCURRENCES, RUNS, Runs, ShardArrays, apply_merges, id_range
from operators.kernels.layout import (
    BLOCK_BITS,
    MOST_CELLS,
    Blocks,
    CountedWords,
    count_cells,
    lay_out,
    place_byte_pairs,
)
from operators.kernels.superwords import PairRuns, count_sequence_cells, lay_out_sequences, list_runs, sort_pairs
from operators.kernels.word_sources import LaidSets, unions
from operators.tokenizer import Merges, UnusableIds

LARGEST_TOTAL = 2**62
NO_LIMIT = 2**31 - 1


class CountOverflow(DataError):
    """Counts of a shard that add up to more than 64-bit totals can hold."""

    symbols: float
    message = "the words stand for {symbols:.3g} symbols, more than 2^62; scale the counts or weights down"


class ShardTooLarge(DataError):
    """A shard whose distinct words have more bytes than it can address."""

    cells: int
    limit: int = MOST_CELLS
    message = (
        "one shard would hold {cells:,} bytes of distinct words, at most {limit:,} can be: use more workers, or a "
        "pre-tokenizer that makes shorter words"
    )


@dataclass(frozen=True)
class PairChanges:
    """Changes of pair counts: arrays of one length, int32 step, left, right and int64 change.

    Several rows for one pair are possible and add up. `step` is the rank of the merge that made the change, -1 for the
    counts before any merge. `language` (int16) is the language that a row is of, where the shard tells them apart;
    `~language`, which is negative, if the row says how often the merge replaced its own pair.
    """

    step: I32
    left: I32
    right: I32
    change: I64
    language: I16 = field(default_factory=lambda: np.empty(0, np.int16))

    def __len__(self) -> int:
        return len(self.step)


class Shard:
    """Words with counts, as symbols: all that replaying a merge list needs of a corpus.

    Memory, for words of two bytes and more: a cell for each byte and each word, of 2 bytes (4 once there are 65,535
    tokens). Up to a block of 64 cells for each distinct count. 4 bytes for each occurrence of a pair: at first one a
    byte, then at most two each time that a merge is applied. 16 bytes for each distinct pair that ever occurred, once a
    birth.
    """

    def __init__(
        self,
        words: pa.LargeBinaryArray,
        counts: I64,
        byte_ids: I32,
        max_token_length: int | None = None,
        languages: I16 | None = None,
    ) -> None:
        """Lay out `words` (no nulls) with `counts` (int64, >= 0) and find their pairs.

        `languages` (int16, from 0, one for each word) tells languages apart: each row of changes is then of one
        language, and for each merge a row says how often it replaced its own pair. None: changes are of all words.

        `max_token_length` is Hugging Face's setting: pairs of tokens that are this many bytes or longer together are
        not counted, pairs of single bytes always are. `byte_ids` (int32[256]) are the ids of the bytes, by value; -1
        where a byte has no token. Raises CountOverflow, ShardTooLarge, UnusableIds.
        """
        _check_byte_ids(byte_ids)
        offsets, data = word_buffers(words)
        counts = read_only(counts)
        symbols = float(np.dot(np.diff(offsets).astype(np.float64), counts.astype(np.float64)))
        if symbols >= LARGEST_TOTAL or (len(counts) and int(counts.min()) < 0):
            raise CountOverflow(symbols)
        self._max_length = NO_LIMIT if max_token_length is None else max_token_length
        apart = languages is not None
        of_words = np.array([] if languages is None else languages, np.int16)
        n_languages = int(of_words.max()) + 1 if len(of_words) else 1
        order = np.lexsort((-counts, of_words)) if apart else np.argsort(-counts, kind="stable")
        laid = CountedWords(data, offsets, counts, of_words, order)
        cells = count_cells(laid)
        if cells > MOST_CELLS:
            raise ShardTooLarge(cells)
        self._cells: U16 | U32 = np.empty(cells, _cell_type(int(byte_ids.max())))
        blocks = cells >> BLOCK_BITS
        self._blocks = Blocks(np.zeros(blocks, np.int64), np.zeros(blocks if apart else 0, np.int16))
        self._replaced = np.zeros(n_languages if apart else 0, np.int64)
        hits, totals = np.zeros(65536, np.int64), np.zeros(65536 * n_languages, np.int64)
        nothing = int(np.iinfo(self._cells.dtype).max)
        lay_out(laid, nothing, self._cells, self._blocks, hits, totals)
        pairs = np.flatnonzero(hits)
        bytes_of_pairs = np.unique([pairs >> 8, pairs & 255])
        if (byte_ids[bytes_of_pairs] < 0).any():
            byte = int(bytes_of_pairs[byte_ids[bytes_of_pairs] < 0][0])
            raise UnusableIds(f"it has no token for the byte 0x{byte:02X}, which is in the words")
        begins = np.concatenate([np.zeros(1, np.int64), np.cumsum(hits)])
        # Each merge applied takes one boundary between symbols away and leaves two new occurrences at most, so this is
        # room for all that can come; what is never written takes no memory.
        self._occurrences = np.empty(3 * int(begins[-1]), np.int32)
        place_byte_pairs(self._cells, byte_ids, begins[:-1].copy(), self._occurrences)
        self._index_byte_pairs(byte_ids, hits, begins)
        self._initial = _initial_counts(pairs if not apart else np.flatnonzero(totals), totals, byte_ids, apart)
        self._applied = 0

    def _index_byte_pairs(self, byte_ids: I32, hits: I64, begins: I64) -> None:
        """One birth for each byte token, with a run for each byte that follows it somewhere."""
        tokens = int(byte_ids.max()) + 1
        self._width = np.ones(tokens, np.int32)
        self._last_birth = np.full(tokens, -1, np.int64)
        self._last_birth[byte_ids[byte_ids >= 0]] = np.flatnonzero(byte_ids >= 0)
        self._sums = np.zeros(2 * tokens, np.int64), np.zeros(2 * tokens, np.int64)
        self._log = np.empty((5, 1024), np.int32)
        pairs = np.flatnonzero(hits)
        ends = np.searchsorted(pairs, 256 * np.arange(257))
        birth_runs = np.repeat(ends, 2)[:513].astype(np.int64)  # no runs on the left, all on the right
        birth_runs[1::2] = birth_runs[0:-1:2]
        self._runs = Runs(
            byte_ids[pairs & 255], begins[pairs].astype(np.int32), hits[pairs].astype(np.int32),
            np.full(256, -1, np.int64), birth_runs, np.empty(0, np.int32),
            np.empty(0, np.int64),
        )  # fmt: skip
        self._used = np.zeros(3, np.int64)
        self._used[[OCCURRENCES, RUNS, BIRTHS]] = begins[-1], len(pairs), 256

    @classmethod
    def of_sequences(
        cls, ids: U32, offsets: I64, counts: I64, symbols: int, max_token_length: int | None = None
    ) -> "Shard":
        """Make a shard of sequences, whose symbols are tokens instead of bytes.

        ids: uint32, under `symbols`; offsets: int64[n + 1], where each sequence begins and ends in them. Tokens have a
        length of 1, so merges make tokens as long as their sequences, and `max_token_length` is in symbols. Raises
        CountOverflow, ShardTooLarge, UnusableIds.
        """
        counts = read_only(counts)
        total = float(np.dot(np.diff(offsets).astype(np.float64), counts.astype(np.float64)))
        if total >= LARGEST_TOTAL or (len(counts) and int(counts.min()) < 0):
            raise CountOverflow(total)
        if len(ids) and int(ids.max()) >= symbols:
            raise UnusableIds(f"a sequence has the id {int(ids.max())}, there are {symbols} tokens")
        order = np.argsort(-counts, kind="stable")
        cells = count_sequence_cells(offsets, counts, order)
        if cells > MOST_CELLS:
            raise ShardTooLarge(cells)
        shard = cls.__new__(cls)
        shard._max_length = NO_LIMIT if max_token_length is None else max_token_length
        shard._replaced, shard._applied = np.zeros(0, np.int64), 0
        shard._cells = np.empty(cells, _cell_type(symbols))
        shard._blocks = Blocks(np.zeros(cells >> BLOCK_BITS, np.int64), np.zeros(0, np.int16))
        nothing = int(np.iinfo(shard._cells.dtype).max)
        lay_out_sequences(ids, offsets, counts, order, nothing, shard._cells, shard._blocks)
        pairs = int(np.maximum(np.diff(offsets) - 1, 0).sum())
        shard._occurrences = np.empty(3 * pairs, np.int32)
        found = sort_pairs(shard._cells, symbols, shard._occurrences)
        left, right, first, length = (np.empty(found, np.int32) for _ in range(4))
        runs = PairRuns(left, right, first, length, np.empty(found, np.int64))
        list_runs(shard._cells, shard._occurrences[:pairs], shard._blocks, runs)
        shard._width, shard._last_birth = np.ones(symbols, np.int32), np.arange(symbols, dtype=np.int64)
        shard._sums = np.zeros(2 * symbols, np.int64), np.zeros(2 * symbols, np.int64)
        shard._log = np.empty((5, 1024), np.int32)
        ends = np.searchsorted(runs.left, np.arange(symbols + 1)).astype(np.int64)
        births = np.full(symbols, -1, np.int64)
        shard._runs = Runs(
            runs.right, runs.first, runs.length, births, np.repeat(ends, 2)[: 2 * symbols + 1], np.empty(0, np.int32),
            np.empty(0, np.int64),
        )  # fmt: skip
        shard._runs.birth_runs[1::2] = shard._runs.birth_runs[0:-1:2]
        shard._used = np.zeros(3, np.int64)
        shard._used[[OCCURRENCES, RUNS, BIRTHS]] = pairs, found, symbols
        shard._initial = PairChanges(np.full(found, -1, np.int32), runs.left, runs.right.copy(), runs.weight)
        return shard

    @property
    def memory_bytes(self) -> int:
        """Bytes in use, without what is reserved and was never written."""
        arrays = (
            self._cells, *self._blocks, self._occurrences[: self._used[OCCURRENCES]], *self._sums, self._log,
            *self._runs, self._width, self._last_birth, self._replaced,
        )  # fmt: skip
        return sum(array.nbytes for array in arrays)

    @property
    def applied(self) -> int:
        """Number of merges applied so far."""
        return self._applied

    def initial_counts(self) -> PairChanges:
        """Every pair's count before any merge (step -1), one row a pair."""
        return self._initial

    def apply(self, merges: Merges) -> PairChanges:
        """Apply merges, in order; the changes of pair counts, in the order in which they happened.

        The count of a merged pair itself is left as it was, as Hugging Face's trainer leaves it; a replayed list must
        not ask for it again. Where languages are told apart, it falls to 0 instead. Raises UnusableIds for a negative
        id, and for a token that two merges make in two lengths: then the shard is of no further use.
        """
        if not len(merges):
            empty = np.empty(0, np.int32)
            return PairChanges(empty, empty, empty, np.empty(0, np.int64))
        smallest, largest = id_range(merges.left, merges.right, merges.token)
        if smallest < 0:
            raise UnusableIds(f"a merge has the id {smallest}")
        self._make_room(largest)
        self._runs, self._log, changes, contradiction = apply_merges(
            merges.left,
            merges.right,
            merges.token,
            self._applied,
            self._max_length,
            self._arrays,
            self._runs,
            self._log,
        )
        if contradiction >= 0:
            token = int(merges.token[contradiction])
            raise UnusableIds(f"two merges make token {token} in two lengths (one is {self._applied + contradiction})")
        self._applied += len(merges)
        return PairChanges(*changes)

    def laid_words(self, words: pa.LargeBinaryArray, counts: I64) -> tuple[I64, I64]:
        """Return the first cells of the words that have pairs, ascending, and the words' rows, both int64.

        Arguments as the shard was made from, to which no merge is applied yet.
        """
        order, lengths = np.argsort(-counts, kind="stable"), np.diff(word_buffers(words)[0])
        is_token = self._cells != np.iinfo(self._cells.dtype).max
        starts = np.flatnonzero(is_token[1:] & ~is_token[:-1]) + 1
        return starts, order[lengths[order] > 1]

    def unions(self, pairs: I64, sets: LaidSets, limit: int) -> tuple[I64, U32]:
        """Return the number of the smallest ranks, at most `limit`, of the words in which each pair stands now, int64,
        and these ranks, pair after pair. sets: of the words that `laid_words` returned."""
        counts = np.empty(len(pairs), np.int64)
        ranks: U32 = unions(np.array(pairs), self._arrays, self._runs, sets, limit, counts)
        return counts, ranks

    def doubled(self, token: int) -> int:
        """Return how often a token follows itself now, pairs apart from each other: `aaa` holds one pair of `a`."""
        if token >= len(self._last_birth):
            return 0
        found, birth = [np.empty(0, np.int32)], int(self._last_birth[token])
        neighbours, first, length, previous, bounds = self._runs[:5]
        while birth >= 0:
            begin, end = bounds[2 * birth], bounds[2 * birth + 2]
            for run in (begin + np.flatnonzero(neighbours[begin:end] == token)).tolist():
                found.append(self._occurrences[first[run] : first[run] + length[run]])
            birth = int(previous[birth])
        at = np.unique(np.concatenate(found))
        at = at[(self._cells[at] == token) & (self._cells[at - 1] == token)]
        begins = np.flatnonzero(np.diff(at, prepend=-1) != self._width[token])  # chains of overlapping pairs
        pairs = (np.diff(np.append(begins, len(at))) + 1) // 2
        return int(np.dot(pairs, self._blocks.counts[at[begins] >> BLOCK_BITS]))

    @property
    def _arrays(self) -> ShardArrays:
        return ShardArrays(
            self._cells, self._blocks, self._occurrences, self._width, self._last_birth, *self._sums, self._replaced,
            self._used,
        )  # fmt: skip

    def _make_room(self, largest: int) -> None:
        """Let every array that is indexed by tokens, and the cells' type, hold the token `largest`."""
        missing = largest + 1 - len(self._width)
        if missing > 0:
            missing += min(len(self._width), 1 << 20)  # in ever larger steps: batches ask for a few tokens at a time
            self._width = np.concatenate([self._width, np.zeros(missing, np.int32)])
            self._last_birth = np.concatenate([self._last_birth, np.full(missing, -1, np.int64)])
            before, after = (np.concatenate([sums, np.zeros(2 * missing, np.int64)]) for sums in self._sums)
            self._sums = before, after
        if self._cells.dtype != _cell_type(largest):
            nothing, empty = np.iinfo(np.uint32).max, self._cells == np.iinfo(self._cells.dtype).max
            self._cells = self._cells.astype(np.uint32)
            self._cells[empty] = nothing


def _initial_counts(pairs: I64, totals: I64, byte_ids: I32, apart: bool) -> PairChanges:
    """Return the counts of pairs of bytes; `pairs`: the places of `totals` (see `lay_out`) that hold them."""
    ids = byte_ids[(pairs >> 8) & 255], byte_ids[pairs & 255]
    languages = (pairs >> 16 if apart else pairs[:0]).astype(np.int16)
    return PairChanges(np.full(len(pairs), -1, np.int32), *ids, totals[pairs], languages)


def _check_byte_ids(byte_ids: I32) -> None:
    known = byte_ids[byte_ids >= 0]
    if byte_ids.shape != (256,) or len(np.unique(known)) < len(known):
        raise UnusableIds("two bytes have the same id")


def _cell_type(largest: int) -> type[np.uint16] | type[np.uint32]:
    """Return the type of a cell, for tokens up to `largest` and one value that is no token."""
    return np.uint16 if largest < np.iinfo(np.uint16).max else np.uint32
