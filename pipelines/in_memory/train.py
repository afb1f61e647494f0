"""Training on texts in memory."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from functools import partial
from itertools import islice
from typing import Final, TypeAlias, get_args

import numpy as np
import pyarrow as pa

from operators.arrays import I64
from operators.errors import DataError
from operators.shard import LARGEST_TOTAL, CountOverflow
from operators.text.pretokenize import Pretokenizer
from operators.text.pretokenizers import DEFAULT
from operators.text.rules import KEEP, Digits, with_rules
from operators.tokenizer import Merges
from operators.tokenizer import Tokenizer as TokenizerData
from operators.training.extension import check_extendable, extend, with_special_tokens
from operators.training.in_memory import train_words
from operators.training.whole_characters import judge
from operators.unigram_training.mingram import mingram, seed_size
from operators.unigram_training.unigram import unigram
from operators.unigram_training.words import ShardWords
from operators.word_table import WordCounter, WordTable, text_sizes
from pipelines.engines.local_engine import processors
from pipelines.in_memory.kernels import compile_if_needed
from pipelines.in_memory.texts import Texts, text_batches
from pipelines.in_memory.tokenizer import Tokenizer
from pipelines.settings import BadSettings
from pipelines.similar_names import note_similar
from pipelines.train.models import Model, refuse_merges
from pipelines.words.weighting import Weighting

TextsOfLanguages: TypeAlias = Mapping[str, Texts]
"""Language to its texts."""

_ALL: Final = ""
"""Language of texts whose language is not given."""
AHEAD: Final = 2
"""Batches that wait for each thread."""


UINT16_IDS: Final = 1 << 16
"""Vocabularies of this size and above are trained with 32-bit ids."""


class NoText(DataError):
    """Texts that hold no character."""

    message = "the texts are empty, so there is nothing to train on"


def train(
    texts: Texts | TextsOfLanguages, *, vocab_size: int = 32_768, model: Model = "bpe", pretokenizer: str | None = None,
    digits: Digits = "keep", letters_apart: Sequence[str] = (), whole_characters: bool = False,
    special_tokens: Sequence[str] = (), min_pair_count: int = 1, max_token_length: int | None = None,
    shares: Mapping[str, float] | None = None, weights: Mapping[str, float] | None = None,
    temperature: float | None = None, extending: Tokenizer | None = None, threads: int | None = None,
) -> Tokenizer:  # fmt: skip
    """Train a tokenizer of bytes on texts in memory; the result is that of the command `train`.

    The merge list equals that of Hugging Face's `BpeTrainer` on the same texts. The texts may be more than fits into
    memory, as a generator: distinct pre-tokens and their counts are held, some 80 bytes each.

    Args:
        texts: documents, as an iterable of str or a column of Arrow or Polars (`pipelines.in_memory.texts.Texts`), or a
            mapping of language to such documents.
        vocab_size: tokens in all: special tokens, the 256 bytes, one for each merge; fewer where no pair is left.
        model: `bpe`, or a vocabulary without merges, `mingram` or `unigram` (docs/how-to/train-without-merges.md).
        pretokenizer: a name (o200k is the default), none, or a regular expression (docs/explanation/pretokenizers.md).
        digits: `keep` numbers as the pre-tokenizer cuts them, or cut runs of them `single`, in `threes`, or in
            `threes-from-right`.
        letters_apart: scripts (Han, Thai, ...) whose letters are pre-tokens of their own, each with its marks.
        whole_characters: merge whole characters only: no token crosses or splits a character's border, except as the
            beginning of one character.
        special_tokens: tokens that stand for no text; they take the first ids, or those behind those of `extending`.
        min_pair_count: training ends when the most frequent pair is rarer than this.
        max_token_length: pairs whose bytes reach this length together are not merged.
        shares, weights, temperature: at most one, for a mapping: shares of bytes of the languages to train on, factors
            of languages' counts, or the T of bytes^(1/T).
        extending: a tokenizer to continue: its merges, ids, pre-tokenizer and special tokens stay.
        threads: how many count side by side; None: one for each processor.

    Raises:
        BadSettings, BadPattern: settings that do not fit one another.
        NoText, NullText, NotText, InvalidText, TextTooLong: texts that cannot be trained on.
        UnknownLanguage, WeightOutOfRange, CountOverflow, NotExtendable, TooShort.

    >>> import babelmerge as bm
    >>> tokenizer = bm.train(["low lower lowest", "new newer newest"], vocab_size=260, special_tokens=["<s>"])
    >>> tokenizer
    <Tokenizer 'trained': 260 tokens, 3 merges>
    >>> tokenizer.merges.select(["left_bytes", "right_bytes", "count"]).to_pylist()[0]
    {'left_bytes': b'w', 'right_bytes': b'e', 'count': 4}
    >>> bm.train({"en": ["the cat"], "de": ["die Katze"]}, vocab_size=300, shares={"en": 1, "de": 1}).vocab_size
    267
    """
    weighting = _weighting(texts, shares, weights, temperature)
    _check_model(model, extending, min_pair_count, max_token_length)
    start = _start(extending, pretokenizer, digits, letters_apart, special_tokens, max_token_length)
    _check_size(vocab_size, len(start.tokens))
    _compile(model, vocab_size)
    words, counts = _counted(texts, Pretokenizer(start.pretokenizer), threads or processors(), weighting)
    if model == "unigram":
        how = ShardWords(words, counts), vocab_size, max_token_length
        return Tokenizer(unigram(start, *how, whole_characters=whole_characters)[0])
    size, rule = vocab_size if model == "bpe" else seed_size(vocab_size), judge if whole_characters else None
    merges = train_words(
        words, counts, size, start=start, min_pair_count=min_pair_count, max_token_length=max_token_length, judge=rule
    )
    trained = extend(start, merges)[0]
    return Tokenizer(trained if model == "bpe" else mingram(trained, ShardWords(words, counts), vocab_size))


def _compile(model: str, vocab_size: int) -> None:
    wide = (seed_size(vocab_size) if model == "mingram" else vocab_size) >= UINT16_IDS
    pieces = () if model == "bpe" else ("unigram_training",)
    compile_if_needed(("words", *(("uint32_ids",) if wide else ()), *pieces))


def _counted(
    texts: Texts | TextsOfLanguages, pretokenizer: Pretokenizer, threads: int, weighting: Weighting
) -> tuple[pa.LargeBinaryArray, I64]:
    """Return all words and their counts, weighed. Raises NoText."""
    languages = texts if isinstance(texts, Mapping) else {_ALL: texts}
    note_similar(languages, None)
    words, counts = _weighed(count_texts(languages, pretokenizer, threads), weighting)
    if not len(words):
        raise NoText
    return words, counts


def count_texts(languages: TextsOfLanguages, pretokenizer: Pretokenizer, threads: int) -> dict[str, WordTable]:
    """Count the pre-tokens of each language's texts; languages without text have an empty table."""
    idle, lock, counters = list[WordCounter](), threading.Lock(), list[WordCounter]()

    def count(language: str, batch: pa.LargeStringArray) -> None:
        with lock:
            counter = idle.pop() if idle else None
        if counter is None:
            counters.append(counter := WordCounter())
        pieces = pretokenizer.split(batch)
        counter.table(language).add(pieces.data, 0, pieces.ends, np.ones(1, np.int64))
        with lock:
            idle.append(counter)

    work = (partial(count, language, batch) for language, texts in languages.items() for batch in text_batches(texts))
    _run(work, threads)
    tables = {language: WordTable() for language in languages}
    for language, table in tables.items():
        parts = [counter.table(language) for counter in counters]
        if len(parts) == 1:
            tables[language] = parts[0]
            continue
        for part in parts:
            table.add_rows(*part.sorted()[:2])
    return tables


def _run(work: Iterator[partial[None]], threads: int) -> None:
    """Run calls on threads; batches are made as they are needed, so that few are in memory."""
    head = list(islice(work, 2))
    if threads == 1 or len(head) < 2:
        for call in (*head, *work):
            call()
        return
    with ThreadPoolExecutor(threads, "babelmerge-count") as pool:
        running = {pool.submit(call) for call in head}
        try:
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
                running |= {pool.submit(call) for call in islice(work, AHEAD * threads - len(running))}
        finally:
            for future in running:
                future.cancel()


def _weighed(tables: Mapping[str, WordTable], weighting: Weighting) -> tuple[pa.LargeBinaryArray, I64]:
    """All words and their counts over languages, each language's multiplied as it is weighed."""
    rows = {language: table.sorted()[:2] for language, table in tables.items()}
    sizes = {language: text_sizes(*row)[0] for language, row in rows.items() if len(row[0])}
    multipliers = weighting.multipliers(sizes)
    used = dict.fromkeys(sizes, 1) if multipliers is None else multipliers
    if (total := sum(sizes[language] * factor for language, factor in used.items())) >= LARGEST_TOTAL:
        raise CountOverflow(float(total))
    if len(used) == 1:
        [(language, factor)] = used.items()
        return rows[language][0], rows[language][1] * factor
    whole = WordTable()
    for language, factor in used.items():
        words, counts = rows[language]
        whole.add_rows(words, counts * factor)
    words, counts, _ = whole.sorted()
    return words, counts


def _weighting(
    texts: Texts | TextsOfLanguages,
    shares: Mapping[str, float] | None,
    weights: Mapping[str, float] | None,
    temperature: float | None,
) -> Weighting:
    """The weighting. Raises BadSettings where it cannot be meant."""
    given = {"shares": shares, "weights": weights, "temperature": temperature}
    named = [name for name, value in given.items() if value is not None]
    if len(named) > 1:
        raise BadSettings(named[1], f"cannot be joined with {named[0]}; weigh languages in one way")
    if named and not isinstance(texts, Mapping):
        raise BadSettings(named[0], "needs a mapping of language to texts")
    for name in ("shares", "weights"):
        value = given[name]
        if isinstance(value, Mapping) and (not value or min(value.values()) <= 0):
            raise BadSettings(name, "needs a number above 0 for each language, and at least one language")
    if temperature is not None and not 1 <= temperature <= 1000:
        raise BadSettings("temperature", f"{temperature} is not from 1 to 1000")
    return Weighting(shares, weights, temperature)


def _start(
    extending: Tokenizer | None, pretokenizer: str | None, digits: Digits, letters_apart: Sequence[str],
    special_tokens: Sequence[str], max_token_length: int | None,
) -> TokenizerData:  # fmt: skip
    """Tokenizer that training begins with: special tokens and bytes, or the one to extend."""
    if isinstance(special_tokens, str):
        raise BadSettings("special_tokens", f"{special_tokens!r} is one text; put it in a list")
    known = extending.data.special_tokens if extending is not None else ()
    for token in special_tokens:
        if not token or [*special_tokens, *known].count(token) > 1:
            raise BadSettings("special_tokens", f"{token!r} is {'given twice' if token else 'empty'}; name each once")
    if extending is not None:
        rules = ("pretokenizer", pretokenizer), ("digits", digits != KEEP), ("letters_apart", letters_apart)
        for name, given in rules:
            if given:
                raise BadSettings(name, "is that of the tokenizer to extend; leave it out")
        start = with_special_tokens(extending.data, special_tokens) if special_tokens else extending.data
        check_extendable(start, max_token_length)
        return start
    return TokenizerData(
        with_rules(pretokenizer or DEFAULT, digits, letters_apart), tuple(special_tokens), Merges.from_rows([])
    )


def _check_model(model: str, extending: Tokenizer | None, min_pair_count: int, max_token_length: int | None) -> None:
    if model not in (models := get_args(Model)):
        raise BadSettings("model", f"{model!r} is none of {', '.join(models)}")
    if model != "bpe":
        of_merges = {"extending": extending is not None, "min_pair_count": model == "unigram" and min_pair_count > 1}
        refuse_merges(f"model {model}", of_merges, max_token_length)


def _check_size(vocab_size: int, present: int) -> None:
    if vocab_size <= present:
        there = f"{present:,} tokens are there before"
        raise BadSettings("vocab_size", f"{vocab_size:,} leaves no room for a merge ({there}); ask for {present + 1:,}")
