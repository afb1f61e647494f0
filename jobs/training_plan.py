"""What the settings of a training run come to together; what cannot be meant is refused before anything starts."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pipelines.settings import BadSettings
from pipelines.train.settings import Train

if TYPE_CHECKING:
    from operators.tokenizer import Tokenizer

USUAL_PRETOKENIZER: Final = "gpt4"
USUAL_SIZE: Final = 32768


@dataclass(frozen=True)
class TrainingPlan:
    """Settings of `train` that depend on each other."""

    pretokenizer: str
    vocabulary_size: int
    sizes: list[int]
    """Vocabulary sizes to write as well, ascending, each once."""
    extended: "Tokenizer | None"


def plan_training(settings: Train) -> TrainingPlan:
    """Raises BadSettings, BadPattern, and whatever is wrong with the tokenizer to extend."""
    from operators.text.pretokenize import Pretokenizer  # numba and tokenizers

    _check_inputs(settings)
    _check_languages(settings)
    special = settings.special_tokens
    for token in special:
        if not token or special.count(token) > 1:
            raise BadSettings("special_tokens", f"{token!r} is {'given twice' if token else 'empty'}; name each once")
    extended = None if settings.extend is None else _extended(settings, settings.extend)
    given = USUAL_PRETOKENIZER if settings.pretokenizer is None else settings.pretokenizer
    pretokenizer = extended.pretokenizer if extended else given
    Pretokenizer(pretokenizer)
    size, sizes = _sizes(settings, len(extended.tokens) if extended else 256 + len(special))
    return TrainingPlan(pretokenizer, size, sizes, extended)


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
    """The vocabulary to train, and the sizes to write as well; `present` tokens are there before any is learned."""
    sizes = sorted(set(settings.sizes))
    size = settings.vocab_size if settings.vocab_size is not None else sizes[-1] if sizes else USUAL_SIZE
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
