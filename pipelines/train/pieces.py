"""Training of vocabularies of pieces: MinGram and the Unigram language model, on a fleet of shards of the words."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from operators.arrays import I64
from operators.kernels.unigram_training import Vocabulary
from operators.tokenizer import Merges, Tokenizer
from operators.tokenizer_files.transformers_files import Roles
from operators.training.extension import extend
from operators.training.whole_characters import judge
from operators.unigram_training.mingram import mingram, seed_size
from operators.unigram_training.substrings import Children, added_up
from operators.unigram_training.unigram import unigram
from operators.unigram_training.words import ShardWords
from pipelines.context import Context
from pipelines.engines.engine import Engine
from pipelines.engines.fleet import Call, Fleet
from pipelines.outputs import Manifest, Output
from pipelines.stage import Made, Stage, Written, make
from pipelines.tokenizers import TOKENIZER_FILES, save_tokenizer
from pipelines.train.checkpoint import CHECKPOINT, Checkpoint
from pipelines.train.rounds import ShardSource, TrainingTarget, learn
from pipelines.train.settings import Train
from pipelines.train.shards import count_symbols, shard_number, shares_of, weigh
from pipelines.words.counting import word_files
from pipelines.words.word_tables import read_words

SUBSTRING_FACTOR = 3
"""Memory of a shard while its substrings are counted, as a multiple of one that is trained by merges."""


class PieceShard(ShardWords):
    """State of a worker: the words of some partitions."""

    def __init__(self, paths: Sequence[Path], multipliers: Mapping[str, int] | None) -> None:
        """Read the partitions. `multipliers`: factors of the languages to read; None: all languages, by 1."""
        super().__init__(*read_words(paths, multipliers))


class ShardedWords(Fleet):
    """Words of all shards, as the sums over them (operators.unigram_training.words.WordSums)."""

    def __init__(
        self, engine: Engine, paths: Sequence[Path], shards: int, multipliers: Mapping[str, int] | None
    ) -> None:
        self._kept: list[I64] = []
        super().__init__(engine, PieceShard, [(paths[i::shards], multipliers) for i in range(shards)], self._replay)

    def _replay(self) -> list[Call]:
        return [("children_of_shard", (length, kept)) for length, kept in enumerate(self._kept, 1)]

    def symbols(self) -> int:
        """See WordSums."""
        return sum(self.ask("symbols"))

    def children(self, length: int, kept: I64) -> Children:
        """See WordSums."""
        answers = self.ask("children_of_shard", length, kept)
        self._kept.append(kept)
        return added_up(answers)

    def expected(self, vocabulary: Vocabulary, unit: float) -> I64:
        """See WordSums."""
        self._kept.clear()  # the substrings are counted: a new worker need not count them again
        return self._sum("expected", vocabulary, unit)

    def best_paths(self, vocabulary: Vocabulary, slack: float) -> I64:
        """See WordSums."""
        return self._sum("best_paths", vocabulary, slack)

    def merged(self, tokenizer: Tokenizer) -> I64:
        """See WordSums."""
        return self._sum("merged", tokenizer)

    def _sum(self, method: str, *arguments: Any) -> I64:
        total: I64 = np.sum(self.ask(method, *arguments), axis=0)
        return total


def train_vocabulary(words: Manifest, words_directory: Path, output: Output, settings: Train, context: Context) -> Made:
    """Train pieces on word tables into `output`. Kept if up to date.

    settings: as `resolve` returns them. A MinGram's merges are resumed from their checkpoint.

    Raises UnknownLanguage, WeightOutOfRange, CountOverflow, TooLittleMemory, WriteFailed.
    """
    special = tuple(settings.special_tokens)
    start = Tokenizer(words.settings["pretokenizer"], special, Merges.from_rows([]))
    multipliers, weighed = weigh(words, settings.weighting)
    hashed = settings.hashed(special_tokens=list(special), extend=None)
    stage = Stage("tokenizer", hashed, [{"words": words.fingerprint}], TOKENIZER_FILES)
    checkpoint = Checkpoint(output.directory / CHECKPOINT, stage.fingerprint)

    def work(_: Path) -> Written:
        paths, symbols = word_files(words, words_directory), count_symbols(words, multipliers)
        if settings.model == "mingram":
            shards = shard_number(paths, symbols, context, 1)
            source = ShardSource(paths, shards, multipliers, start.byte_ids, settings.max_token_length)
            tokenizer, rounds = _mingram(start, source, checkpoint, settings, context)
        else:
            shards = shard_number(paths, SUBSTRING_FACTOR * symbols, context, 1)
            size, longest, whole = int(settings.vocab_size or 0), settings.max_token_length, settings.whole_characters
            with (
                ShardedWords(context.engine, paths, shards, multipliers) as sums,
                context.progress.stage("train", None, "pieces dropped") as advance,
            ):
                tokenizer, rounds = unigram(start, sums, size, longest, whole_characters=whole, advance=advance)
        saved = save_tokenizer(tokenizer, output.directory, Roles.of(hashed))
        facts = {"pretokenizer": start.pretokenizer, "vocabulary": len(tokenizer.tokens), "merges": 0, "rounds": rounds}
        facts |= {"model": settings.model, "without_ranks": saved.without_ranks}
        return Written(saved.files, facts | {"mixture": shares_of(weighed)})

    made = make(stage, output, context, work)
    checkpoint.remove()
    return made


def _mingram(
    start: Tokenizer, source: ShardSource, checkpoint: Checkpoint, settings: Train, context: Context
) -> tuple[Tokenizer, int]:
    """Return the tokenizer, and the number of rounds that its merges took."""
    size = int(settings.vocab_size or 0)
    restriction = judge if settings.whole_characters else None
    target = TrainingTarget(start, seed_size(size), settings.min_pair_count, None, restriction)
    reducer = learn(target, source, checkpoint, settings.resume, context)
    seed, _ = extend(start, reducer.merges)
    with ShardedWords(context.engine, source.paths, source.shards, source.multipliers) as sums:
        return mingram(seed, sums, size), len(reducer.rounds)
