"""Settings of `compare`."""

from typing import Annotated, Literal

from msgspec import Meta

from pipelines.compare.rules import Rules
from pipelines.results import CompareResult
from pipelines.settings import UNHASHED, Corpus, CorpusSettings, size_in_bytes


class Compare(CorpusSettings[CompareResult], frozen=True, kw_only=True):
    """Compare tokenizers on any text: how much text a token holds, how evenly tokens are used, and more."""

    corpus: Annotated[Corpus, UNHASHED]
    """Text of any kind; it need not be parallel."""
    tokenizer: Annotated[list[str], UNHASHED]
    """Tokenizers to compare; give the flag once for each."""
    out: Annotated[str, UNHASHED]
    """Directory for compare.parquet and its companions."""
    by: Literal["language", "category", "source"] | None = None
    """Also compare by group: the document's language, the `category` of its source, or the source itself, as it is
    named. By default all text is one group."""
    reference: str | None = None
    """The tokenizer that the others are compared with, by its name or as given; by default the first one."""
    sample: str = "16MB"
    """Most text of each group whose token pairs are counted, whole documents drawn evenly, e.g. 64MB. Figures of pairs,
    and intervals of entropies, are those of this text."""
    resamples: Annotated[int, Meta(ge=100, le=100_000)] = 1000
    """Bootstrap resamples of documents behind each 95 % interval."""
    gate: Annotated[str | Rules | None, UNHASHED] = None
    """Bounds on figures, a .yaml file: the exit status is 1 where a figure is outside of them."""

    KERNELS = ("encoding",)

    def __post_init__(self) -> None:
        """Verify `sample` before any work. Raises BadSettings."""
        size_in_bytes("sample", self.sample)
