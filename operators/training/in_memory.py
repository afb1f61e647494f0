"""Training in one process, on one thread, with all words in memory."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from operators.arrays import I64, U64
from operators.shard import PairChanges, Shard
from operators.tokenizer import Merges, Tokenizer
from operators.training.parity import Choices, LanguageWords, ParityRule, ParitySelection
from operators.training.reducer import Judge, Reducer, learn_rounds
from operators.training.selection import Selection
from operators.training.sources import PairSources, SourceSelection
from operators.training.text_order import TextOrderSelection


def train_words(
    words: pa.LargeBinaryArray,
    counts: I64,
    vocabulary_size: int,
    *,
    start: Tokenizer | Sequence[str] = (),
    min_pair_count: int = 1,
    max_token_length: int | None = None,
    selection: Selection | None = None,
    judge: Judge | None = None,
    sources: tuple[U64, U64] | None = None,
) -> Merges:
    """Learn merges from words with counts, until there are `vocabulary_size` tokens; fewer where no pair is left.

    `words` is large_binary[n] without nulls, each a pre-token, and `counts` int64[n], >= 0: `WordTable.sorted` returns
    both. A word may stand in several rows. `vocabulary_size` includes special tokens and the 256 bytes.

    `start` holds the special tokens, which take the ids 0, 1, ... before the bytes; or it is a tokenizer to extend.
    Then its merges are applied first, and only the new ones are returned: `operators.training.extension.extend` joins
    them, after `check_extendable`. No pair under `min_pair_count` is merged. `max_token_length` is Hugging Face's
    setting (see `Shard`). `selection` chooses the pairs, by frequency where it is None; pairs that
    `judge` forbids are passed over. A SourceSelection needs `sources`: hashes of words and of their sources, as
    `operators.word_sources.capped` returns them.

    The list equals that of `babelmerge train`, and of Hugging Face's `BpeTrainer`. Raises CountOverflow, ShardTooLarge.

    >>> import numpy as np, pyarrow as pa
    >>> words = pa.array([b"aab", b"ab"], pa.large_binary())
    >>> merges = train_words(words, np.array([1, 2], np.int64), 258)
    >>> Tokenizer("none", (), merges).tokens[256:]
    [b'ab', b'aab']
    >>> merges.count
    array([3, 1])
    """
    if not isinstance(start, Tokenizer):
        start = Tokenizer("none", tuple(start), Merges.from_rows([]))
    shard = Shard(words, counts, start.byte_ids, max_token_length)
    reducer = Reducer(start, vocabulary_size, min_pair_count, selection, judge)
    if sources is not None and isinstance(selection, SourceSelection):
        found = PairSources(shard, words, counts, sources)
        selection.ask = lambda _, pairs: [found.of(pairs)]

    if isinstance(selection, TextOrderSelection):
        selection.ask = lambda tokens: [np.array([shard.doubled(token) for token in tokens.tolist()])]

    def apply(batch: Merges) -> list[PairChanges]:
        return [shard.apply(batch)]

    for _ in learn_rounds(reducer, [shard.initial_counts()], apply, start.merges):
        pass  # the reducer keeps each round
    return reducer.merges


def train_by_parity(
    words: LanguageWords,
    vocabulary_size: int,
    rule: ParityRule,
    *,
    start: Tokenizer | Sequence[str] = (),
    min_pair_count: int = 1,
    max_token_length: int | None = None,
) -> Choices:
    """Learn merges that serve the language whose text costs most; otherwise as `train_words`.

    The list equals that of `babelmerge train --parity`, and of Hugging Face's `ParityBpeTrainer`.

    >>> import numpy as np, pyarrow as pa
    >>> tables = [(pa.array([word], pa.large_binary()), np.array([2])) for word in (b"aab", b"cd")]
    >>> words = LanguageWords.joined(tables)
    >>> train_by_parity(words, 258, ParityRule(words.lengths(2), words)).language.tolist()
    [0, 0]
    """
    if not isinstance(start, Tokenizer):
        start = Tokenizer("none", tuple(start), Merges.from_rows([]))
    shard = Shard(words.words, words.counts, start.byte_ids, max_token_length, words.languages)
    reducer = Reducer(start, vocabulary_size, min_pair_count, ParitySelection(rule, start, max_token_length))

    def apply(batch: Merges) -> list[PairChanges]:
        return [shard.apply(batch)]

    rounds = learn_rounds(reducer, [shard.initial_counts()], apply, start.merges)
    return Choices.joined([batch for batch in rounds if isinstance(batch, Choices)])
