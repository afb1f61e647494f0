"""Settings of `sweep`."""

from typing import Annotated, Literal

from msgspec import Meta

from operators.text.pretokenizers import DEFAULT
from pipelines.results import SweepResult
from pipelines.settings import UNHASHED, Corpus, CorpusSettings


class Sweep(CorpusSettings[SweepResult], frozen=True, kw_only=True):
    """A tokenizer for each language, their curves, and the sizes at which languages pay the same (Arnett et al.)."""

    parallel: Annotated[Corpus, UNHASHED]
    """Text of all languages. Documents with the same id are translations of each other; those that all languages have
    are compared."""
    out: Annotated[str, UNHASHED]
    """Directory for sweep.parquet, curves.parquet, predictors.parquet, model.parquet, tokenizers/, and, with
    `superwords`, superwords.parquet."""
    vocab_size: Annotated[int, Meta(ge=257, le=100_000_000)] = 32768
    """Vocabulary size of each tokenizer; languages are compared at this size first."""
    smallest_size: Annotated[int, Meta(ge=257)] = 1024
    """Smallest vocabulary size to choose for a language."""
    pretokenizer: str = DEFAULT
    """A name ({pretokenizers}) or a regular expression: its matches and the gaps between are pre-tokens."""
    baseline: str = "eng_Latn"
    """Language that the others are compared with."""
    languages: list[str] | None = None
    """Use only these languages; by default all."""
    train_on: Literal["all", "others"] = "all"
    """Documents to train on: `all` of a language, or the `others`, those that are not compared."""
    superwords: bool = False
    """Also train, for each language, a tokenizer with superwords of as many tokens, and compare the two."""
    transition: Annotated[float, Meta(gt=0, lt=1)] | None = None
    """Share of the vocabulary that is learned before superwords; 0.9 by default."""
    superword_pretokenizer: str | None = None
    """Second stage of superwords, as for train: superbpe (the default), punctuation, words, or a regular expression."""
    resamples: Annotated[int, Meta(ge=100, le=100_000)] = 1000
    """Bootstrap resamples behind each interval: of documents for premiums, of languages for the model."""

    def kernels(self) -> tuple[str, ...]:
        """Return the groups of kernels that a sweep runs; ids of more than two bytes have their own group."""
        more = {"superwords": self.superwords, "uint32_ids": self.vocab_size >= 1 << 16}
        return ("words", "encoding", "replaying", *(group for group, is_used in more.items() if is_used))
