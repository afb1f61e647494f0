"""Settings of `train`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from pipelines.results import Trained
from pipelines.settings import UNHASHED, BadSettings, Corpus, Settings

if TYPE_CHECKING:
    from operators.tokenizer import Tokenizer

DEFAULT_PRETOKENIZER: Final = "gpt4"
DEFAULT_SIZE: Final = 32768
TWO_BYTE_TOKENS: Final = 1 << 16
"""Vocabulary sizes from which token ids need more than two bytes."""


class Train(Settings[Trained], frozen=True, kw_only=True):
    """Train a byte-level BPE tokenizer; the merge list equals that of Hugging Face's BpeTrainer."""

    corpus: Annotated[Corpus, UNHASHED] = []
    """Paths, globs or URIs of text; a .yaml file lists sources."""
    out: Annotated[str, UNHASHED]
    """Directory for tokenizer.json, ranks.tiktoken, merges.parquet, and the word tables under words/."""
    word_table: Annotated[list[str], UNHASHED] = []
    """In place of a corpus: Parquet files of words counted elsewhere (columns word, count and, if known, language)."""
    vocab_size: Annotated[int, Meta(ge=257, le=100_000_000)] | None = None
    """Tokens in all: special, the 256 bytes, and one for each merge; by default the largest of `sizes`, else 32,768."""
    sizes: Annotated[list[Annotated[int, Meta(ge=257, le=100_000_000)]], UNHASHED] = []
    """Also write what training to each of these sizes gives, as tokenizers size-<size>/ in the same directory."""
    pretokenizer: str | None = None
    """A name ({pretokenizers}; default: gpt4) or a regular expression: its matches and the gaps are pre-tokens."""
    special_tokens: list[str] = []
    """Tokens that stand for no text, in order; they take the first ids."""
    extend: str | None = None
    """Keep the merges and ids of this tokenizer, and its pretokenizer and special tokens; learn more behind them."""
    min_pair_count: Annotated[int, Meta(ge=1)] = 1
    """Training ends when the most frequent pair is rarer than this (weighted) count."""
    max_token_length: Annotated[int, Meta(ge=2)] | None = None
    """As in Hugging Face's trainer: a pair whose bytes reach this length together is not counted (byte pairs are)."""
    shares: dict[str, Annotated[float, Meta(gt=0)]] | None = None
    """Train on these languages only, counts scaled so that their bytes stand in these shares (en=3,de=1)."""
    weights: dict[str, Annotated[float, Meta(gt=0)]] | None = None
    """Multiply counts of these languages (sw=2.5), others by 1; all by the smallest whole numbers in these ratios."""
    temperature: Annotated[float, Meta(ge=1, le=1000)] | None = None
    """Scale counts so that shares of bytes are as bytes^(1/temperature): 1 as it is, higher is flatter (5 is usual)."""
    partitions: Annotated[int, Meta(ge=1, le=10_000), UNHASHED] = 16
    """Parts that the word tables are cut into, by hash; at most so many workers can train."""
    resume: Annotated[bool, UNHASHED] = True
    """Go on after the merges that a run of the same settings had learned when it was cut off; no: from the first."""

    def kernels(self) -> tuple[str, ...]:
        """Return the groups of kernels that training runs; ids of more than two bytes have a group of their own."""
        wide = (self.vocab_size or max(self.sizes, default=DEFAULT_SIZE)) >= TWO_BYTE_TOKENS or self.extend is not None
        return ("words", "uint32_ids") if wide else ("words",)


def resolve(settings: Train) -> "tuple[Train, Tokenizer | None]":
    """Return settings with a concrete pre-tokenizer, vocabulary size and list of sizes, and the tokenizer to extend.

    sizes: ascending, each once. Raises BadSettings for settings that contradict each other, before any work;
    BadPattern; and what loading the tokenizer raises.
    """
    from operators.text.pretokenize import require_unambiguous  # numba and tokenizers

    _check_inputs(settings)
    _check_languages(settings)
    special = settings.special_tokens
    for token in special:
        if not token or special.count(token) > 1:
            raise BadSettings("special_tokens", f"{token!r} is {'given twice' if token else 'empty'}; name each once")
    extended = None if settings.extend is None else _extended(settings, settings.extend)
    given = DEFAULT_PRETOKENIZER if settings.pretokenizer is None else settings.pretokenizer
    pretokenizer = extended.pretokenizer if extended else given
    if not extended:
        require_unambiguous(pretokenizer)
    size, sizes = _sizes(settings, len(extended.tokens) if extended else 256 + len(special))
    resolved = msgspec.structs.replace(settings, pretokenizer=pretokenizer, vocab_size=size, sizes=sizes)
    return resolved, extended


def _check_inputs(settings: Train) -> None:
    if settings.word_table and settings.corpus:
        raise BadSettings("word_table", "takes the place of a corpus; leave one of the two out")
    if not settings.word_table and not settings.corpus:
        raise BadSettings("train", "corpus is missing; name text, or tables of word counts with --word-table")


def _check_languages(settings: Train) -> None:
    given = [name for name in ("shares", "weights", "temperature") if getattr(settings, name) is not None]
    if len(given) > 1:
        raise BadSettings(given[1], f"cannot be joined with {given[0]}; weigh languages in one way")
    for name in ("shares", "weights"):
        if getattr(settings, name) == {}:
            raise BadSettings(name, "names no language; leave it out to take the text as it is")


def _sizes(settings: Train, present: int) -> tuple[int, list[int]]:
    """Return the vocabulary size to train, and the sizes to write as well. present: tokens before the first merge."""
    sizes = sorted(set(settings.sizes))
    size = settings.vocab_size if settings.vocab_size is not None else sizes[-1] if sizes else DEFAULT_SIZE
    for name, one in (*(("sizes", one) for one in sizes), ("vocab_size", size)):
        if one <= present:
            there = f"{present:,} tokens are there before"
            raise BadSettings(name, f"{one:,} leaves no room for a merge ({there}); ask for {present + 1:,} or more")
    if sizes and sizes[-1] > size:
        said = f"{sizes[-1]:,} is above vocab_size, {size:,}; raise that, or leave one of the two out"
        raise BadSettings("sizes", said)
    return size, sizes


def _extended(settings: Train, reference: str) -> "Tokenizer":
    from operators.text.pretokenizers import PATTERNS
    from operators.training.extension import check_extendable
    from pipelines.tokenizers import load_tokenizer

    if settings.special_tokens:
        raise BadSettings("special_tokens", "are those of the tokenizer that is extended; leave them out")
    if settings.out and Path(reference).is_dir() and Path(reference).resolve() == Path(settings.out).resolve():
        raise BadSettings("extend", "is the directory that is written to; name another --out")
    tokenizer = load_tokenizer(reference)
    given, own = settings.pretokenizer, tokenizer.pretokenizer
    if given is not None and PATTERNS.get(given, given) != PATTERNS.get(own, own):
        raise BadSettings("pretokenizer", f"is {own} in the tokenizer that is extended, not {given}; leave it out")
    check_extendable(tokenizer, settings.max_token_length)
    return tokenizer
