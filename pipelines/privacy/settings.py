"""Settings of `privacy`."""

from typing import Annotated

from msgspec import Meta

from pipelines.results import PrivacyResult
from pipelines.settings import UNHASHED, BadSettings, Corpus, CorpusSettings, check_id_field
from pipelines.train.settings import DEFAULT_SIZE, TWO_BYTE_TOKENS


class Privacy(CorpusSettings[PrivacyResult], frozen=True, kw_only=True):
    """Attack a tokenizer by membership inference: was a source of text in its training text?"""

    corpus: Annotated[Corpus, UNHASHED]
    """Text of the sources that are asked about."""
    out: Annotated[str, UNHASHED]
    """Directory for scores.parquet, attacks.parquet, single_source_tokens.parquet, and the word tables under words/."""
    sources_field: Annotated[str, Meta(min_length=1)]
    """Field or column that names a document's source (package, site, author), or @file: each file is a source."""
    tokenizer: Annotated[str | None, UNHASHED] = None
    """Tokenizer to attack. Without one, a tokenizer is trained on a half of the sources, so members are known."""
    members: Annotated[str | None, UNHASHED] = None
    """File of the sources that are in the tokenizer's training text, one a line; attacks are then rated."""
    vocab_size: Annotated[int, Meta(ge=258, le=100_000_000)] | None = None
    """Number of tokens of tokenizers that are trained: 32,768, or with `tokenizer` as many as it has."""
    pretokenizer: str | None = None
    """Pre-tokenizer of tokenizers that are trained, a name ({pretokenizers}) or a regular expression: o200k, or with
    `tokenizer` its own."""
    min_sources: Annotated[int, Meta(ge=1)] = 1
    """Also attack a tokenizer that is trained with this number of sources for each merge; not with `tokenizer`."""
    shadows: Annotated[int, Meta(ge=2, le=1000)] = 96
    """Number of shadow tokenizers, each trained on a random half of the sources."""
    seed: Annotated[int, Meta(ge=0)] = 0
    """Seed of the halves."""

    KERNELS = ("words",)

    def __post_init__(self) -> None:
        """Verify what no type says, before any work. Raises BadSettings."""
        if self.language_field is not None:
            raise BadSettings("language_field", "is not read: words are counted by --sources-field; leave it out")
        check_id_field(self, self.sources_field)
        if self.tokenizer is None and self.members is not None:
            raise BadSettings("members", "are those of a tokenizer; add --tokenizer, or leave them out")
        if self.tokenizer is not None:
            for name, is_given in {
                "vocab_size": self.vocab_size is not None,
                "pretokenizer": self.pretokenizer is not None,
                "min_sources": self.min_sources > 1,
            }.items():
                if is_given:
                    raise BadSettings(name, "is the tokenizer's; leave it out, or leave out --tokenizer")

    def kernels(self) -> tuple[str, ...]:
        """Return the groups of kernels; ids of more than two bytes and sources have groups of their own."""
        wide = self.tokenizer is not None or (self.vocab_size or DEFAULT_SIZE) >= TWO_BYTE_TOKENS
        return (
            "words",
            *(["uint32_ids"] if wide else []),
            *(["sources"] if self.min_sources > 1 else []),
        )
