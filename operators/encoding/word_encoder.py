"""Words to token ids: by merge rank or by pieces, with the ids that Hugging Face's `tokenizers` gives."""

from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from operators.arrays import I32, I64, PADDING, U8, U64
from operators.encoding.event_table import event_table
from operators.encoding.piece_table import method_of, piece_table
from operators.encoding.segmentation import MERGES, Segmentation
from operators.kernels.bpe import NO_MERGE, Spelling, last_pairs, put_merges, spell_all
from operators.kernels.bpe_windows import LARGEST_ID, MOST_MERGES, WINDOW, Ranks, Scratch, put_ranks
from operators.kernels.events import EVENTS
from operators.kernels.segmentation import Lexicon, Model, put_tokens
from operators.kernels.stochastic import Draws, Splits, count_splits, encode_at_random
from operators.kernels.word_cache import BATCH, SET, SLOT, Cache, Exceptions, PreTokenArrays, encode_words, put_words
from operators.text.pretokenize import PreTokens
from operators.tokenizer import Merges, Tokenizer, UnusableIds

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
    """Encodes words with one tokenizer. It remembers them (56 MiB), so each thread needs an encoder of its own.

    `inference` says how a word becomes tokens, and `seed` (0 to 2^64 - 1) is what a random one draws from.
    """

    def __init__(self, tokenizer: Tokenizer, inference: Segmentation = MERGES, seed: int = 0) -> None:
        self._inference, self._seed = inference, np.uint64(seed)
        table = merge_table(tokenizer.merges)
        by_merges = inference.kernel == MERGES.kernel
        apart = inference.is_random and inference.name == "stochastok"
        listed = tokens_of(tokenizer) if apart or not by_merges else None
        self._model = Model(
            _spelling_of(tokenizer),
            table,
            rank_table(tokenizer.merges),
            _method(tokenizer, inference),
            lexicon(listed, inference.name),
            piece_table(tokenizer.pieces),
            event_table(tokenizer),
        )
        whole_words = tokenizer.ignore_merges and by_merges
        self._exceptions = _packed(_whole_words(tokenizer, table) if whole_words else {})
        if inference.is_random:
            self._splits = splits(listed, self._model.lexicon, _largest_id(tokenizer))
        else:
            self._cache = _empty_cache()
        self._ids = np.empty(SCRATCH_IDS, np.int32)  # memory that no id is written to is never touched

    def encode(self, pieces: PreTokens, keys: U64 | None = None) -> tuple[I32, I64]:
        """Token ids of all documents, int32, and where each document's begin and end, int64[n documents + 1].

        keys: uint64[n documents], what tells a document from all others, for an inference that draws: the ids are then
        a function of the seed, the document's key and its text. ValueError where it needs them and has none.
        """
        room = len(pieces.data) + 3
        ids = self._ids if room <= SCRATCH_IDS else np.empty(room, np.int32)
        offsets = np.empty(len(pieces.documents), np.int64)
        ends, documents, starts = (_read_only(array) for array in (pieces.ends, pieces.documents, pieces.starts))
        data = _read_only(pieces.data)
        pretokens = PreTokenArrays(data, ends, documents, starts)
        if self._inference.is_random:
            if keys is None:
                raise ValueError(f"{self._inference} needs a key for each document")
            draws = Draws(_read_only(keys), self._seed, self._inference.chance, self._inference.name == "dropout")
            n = encode_at_random(pretokens, self._model, self._exceptions, self._splits, scratch(), draws, ids, offsets)
        else:
            n = encode_words(pretokens, self._model, self._exceptions, self._cache, ids, offsets)
        return ids[:n].copy(), offsets


def _method(tokenizer: Tokenizer, inference: Segmentation) -> int:
    """Return the kernels' number for the way from a word to tokens."""
    if tokenizer.events is not None:
        return EVENTS
    return inference.kernel if tokenizer.pieces is None else method_of(tokenizer.pieces)


def _whole_words(tokenizer: Tokenizer, table: I64) -> dict[int, bytes]:
    """Return the tokens, by id, that have to be looked up as whole words."""
    if tokenizer.events is not None:
        return {i: text for i, text in tokenizer.text_tokens.items() if len(text) > 1}
    return unreached_tokens(tokenizer, table)


def _empty_cache() -> Cache:
    line = np.zeros(CACHE_SETS * SET + SET, np.uint64)
    aligned = -(line.ctypes.data // 8) % SET  # a set of two slots must be one line of the processor's cache
    return Cache(
        line[aligned : aligned + CACHE_SETS * SET],
        np.empty(CACHE_RUN_IDS, np.int32),
        np.empty(CACHE_RUN_BYTES, np.uint8),
        np.zeros(2, np.int64),
        np.empty(BATCH * SLOT, np.uint64),
        scratch(),
    )


def scratch() -> Scratch:
    """Return memory for one word's work; each thread needs its own."""
    places = WINDOW + 2
    room = (np.empty(places, np.int32), np.empty(WINDOW + 32, np.uint32), np.empty(2 * places, np.int32))
    return Scratch(np.empty(WINDOW, np.int64), *room)


def _largest_id(tokenizer: Tokenizer) -> int:
    """The largest id that encoding can give, also one that no text stands for, as that of unknown characters."""
    known = tokenizer.vocabulary
    characters = -1 if known.characters is None else int(known.characters.max(initial=-1))
    unknown = -1 if known.unknown is None else known.unknown
    own = max(len(known.tokens) - 1, int(known.byte_ids.max()), characters, unknown)
    return max(own, tokenizer.merges.id_range[1])


def _spelling_of(tokenizer: Tokenizer) -> Spelling:
    known = tokenizer.vocabulary
    return spelling(known.byte_ids, known.characters, known.unknown, known.fuse_unknown)


def spelling(byte_ids: I32, characters: I32 | None = None, unknown: int | None = None, fuse: bool = True) -> Spelling:
    """Symbols of words before any merge, as kernels read them; fields as in `operators.tokenizer.Vocabulary`."""
    none = np.empty(0, np.int32)
    return Spelling(
        _read_only(np.ascontiguousarray(byte_ids, np.int32)),
        _read_only(np.ascontiguousarray(none if characters is None else characters, np.int32)),
        -1 if unknown is None else unknown,
        fuse,
    )


def merge_table(merges: Merges) -> I64:
    """The pair table of a merge list; where a pair stands twice its last place counts, as in Hugging Face's loader.

    Raises UnusableIds for a negative id.
    """
    if merges.id_range[0] < 0:
        raise UnusableIds(f"a merge has the id {merges.id_range[0]}")
    table = empty_table(len(merges))
    columns = (merges.left, merges.right, merges.token)
    put_merges(table, *(_read_only(np.ascontiguousarray(ids, np.int32)) for ids in columns))
    return table


def rank_table(merges: Merges) -> Ranks:
    """The merges as words are merged with. Raises UnusableIds for ids or ranks that do not fit their 21 and 22 bits."""
    smallest, largest = merges.id_range
    if smallest < 0 or largest > LARGEST_ID or len(merges) > MOST_MERGES:
        raise UnusableIds(
            f"it has {len(merges):,} merges, at most {MOST_MERGES:,} are supported, and ids from {smallest:,} to "
            f"{largest:,}, supported are 0 to {LARGEST_ID:,}"
        )
    left, right = (_read_only(np.ascontiguousarray(ids, np.int32)) for ids in (merges.left, merges.right))
    slots = np.full(1 << max(4, (2 * len(merges)).bit_length()), np.iinfo(np.uint64).max, np.uint64)
    while not put_ranks(left, right, slots):
        slots = np.full(2 * len(slots), np.iinfo(np.uint64).max, np.uint64)
    return Ranks(slots, np.append(merges.token, np.int32(0)))


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


@dataclass(frozen=True)
class Tokens:
    """All tokens that text can become, by their symbols: token i is symbols[ends[i - 1]:ends[i]]."""

    symbols: I64
    ends: I64
    ids: I64


def tokens_of(tokenizer: Tokenizer) -> Tokens:
    """Return the tokens that text can become. A symbol is spelled by itself, also where it is no whole character."""
    data, ends, ids = _joined(tokenizer.text_tokens)
    symbols = np.empty(len(data), np.int64)
    symbol_ends = np.empty(len(ends), np.int64)
    made_of = _spelling_of(tokenizer)
    n = spell_all(_read_only(data), _read_only(ends), ids, made_of, symbols, symbol_ends)
    return Tokens(symbols[:n].copy(), symbol_ends, ids)


def lexicon(tokens: Tokens | None, name: str) -> Lexicon:
    """The tokens as kernels look for them; empty without any."""
    backwards = name == "longest-suffix"
    if tokens is None:
        return Lexicon(empty_table(0), backwards)
    edges = empty_table(len(tokens.symbols))
    nodes = put_tokens(tokens.symbols, tokens.ends, tokens.ids, backwards, edges)
    edges = empty_table(nodes)
    put_tokens(tokens.symbols, tokens.ends, tokens.ids, backwards, edges)
    return Lexicon(edges, backwards)


def splits(tokens: Tokens | None, known: Lexicon, largest_id: int) -> Splits:
    """The ways to take each token apart into two, for all ids up to `largest_id`; none without tokens."""
    if tokens is None:
        return Splits(np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int32))
    counts = np.zeros(max(int(tokens.ids.max(initial=-1)), largest_id) + 1, np.int64)
    none = np.empty(0, np.int32)
    count_splits(tokens.symbols, tokens.ends, tokens.ids, known.edges, counts, none, none)
    total = int(counts.sum())
    ends = np.cumsum(counts) - counts
    left, right = np.empty(total, np.int32), np.empty(total, np.int32)
    if total:
        count_splits(tokens.symbols, tokens.ends, tokens.ids, known.edges, ends, left, right)
    return Splits(ends, left, right)


def unreached_tokens(tokenizer: Tokenizer, table: I64) -> dict[int, bytes]:
    """Return the tokens that their own merges do not lead to, by id: with `ignore_merges` only they need a look at the
    whole word.
    """
    texts = tokenizer.text_tokens
    pairs = final_pairs(texts, tokenizer.byte_ids, table, characters=tokenizer.vocabulary.characters)
    made = {(a, b): t for a, b, t in zip(*(_.tolist() for _ in _columns(tokenizer.merges)), strict=True)}
    reached = [
        len(text) == 1 or made.get((left, right)) == i
        for (i, text), (left, right) in zip(texts.items(), pairs.tolist(), strict=True)
    ]
    return {i: text for (i, text), found in zip(texts.items(), reached, strict=True) if not found}


def _columns(merges: Merges) -> tuple[I32, I32, I32]:
    return merges.left, merges.right, merges.token


def _packed(texts: dict[int, bytes]) -> Exceptions:
    """Words and their ids as `operators.kernels.word_cache.whole_word` looks for them."""
    data, ends, ids = _joined(texts)
    slots = np.full(1 << (2 * len(ends) + 1).bit_length(), -1, np.int64)
    roomy = np.concatenate([data, np.zeros(PADDING, np.uint8)])
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
