"""Settings of `compare`."""

from typing import Annotated, Literal

from msgspec import Meta

from pipelines.compare.economy import Economy
from pipelines.compare.rules import Rules
from pipelines.results import CompareResult
from pipelines.settings import UNHASHED, BadSettings, Corpus, CorpusSettings, check_id_field, size_in_bytes

Measure = Literal["characters", "numbers", "robustness", "code"]
"""Names of the measures of `pipelines.compare.measures`."""


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
    sources_field: Annotated[str, Meta(min_length=1)] | None = None
    """Field or column that names a document's source (package, site, author), or @file: each file is a source; with
    `by` source."""
    reference: str | None = None
    """The tokenizer that the others are compared with, by its name or as given; by default the first one."""
    sample: str = "16MB"
    """Most text of each group whose token pairs are counted, whole documents drawn evenly, e.g. 64MB. Figures of pairs,
    and intervals of entropies, are those of this text."""
    measure: list[Measure] = []
    """Further figures, of the sample: `characters` split between tokens; cuts of `numbers`; `robustness`, tokens
    changed by a typo, a lost mark, another Unicode form or digit script, a leading space; `code`, borders of syntax
    leaves, identifiers and indentation where the language is one of programming (needs babelmerge[code])."""
    terms: Annotated[str | None, UNHASHED] = None
    """Terms of a domain, a file with one a line, whose tokens are counted."""
    morphemes: Annotated[str | None, UNHASHED] = None
    """Words and their morphemes, whose borders those of tokens are compared with: a .tsv, .csv or .parquet table with
    the columns word and morphemes (as `un|happi|ness`), and if you like language, and count or frequency."""
    dictionary: Annotated[str | None, UNHASHED] = None
    """Words, a .tsv, .csv or .parquet table with the column word and if you like language: how many of the tokens in
    use are one."""
    reaction_times: Annotated[str | None, UNHASHED] = None
    """Times in which people recognize words, for cognitive plausibility: a .tsv, .csv or .parquet table with the
    columns word and reaction_time, and if you like accuracy, and lexicality (word or nonword)."""
    price_per_million: Annotated[float, Meta(gt=0, le=1e12)] | None = None
    """Price of a million tokens, for what a million characters cost."""
    context_window: Annotated[int, Meta(ge=1, le=10**12)] | None = None
    """Tokens of a context window, for the characters that fill it."""
    model_parameters: Annotated[float, Meta(gt=0, le=1e18)] | None = None
    """Parameters of a model without its embeddings, e.g. 7e9, for what a byte of text takes to compute."""
    model_width: Annotated[int, Meta(ge=1, le=10**9)] | None = None
    """Width of that model: a token's scores take two operations for each token of the vocabulary and unit of width."""
    resamples: Annotated[int, Meta(ge=100, le=100_000)] = 1000
    """Bootstrap resamples of documents behind each 95 % interval."""
    gate: Annotated[str | Rules | None, UNHASHED] = None
    """Bounds on figures, a .yaml file: the exit status is 1 where a figure is outside of them."""

    KERNELS = ("encoding",)

    def __post_init__(self) -> None:
        """Verify what no type says, before any work. Raises BadSettings."""
        size_in_bytes("sample", self.sample)
        if self.sources_field is not None and self.by != "source":
            raise BadSettings("sources_field", "names groups of sources; add --by source, or leave it out")
        check_id_field(self, self.sources_field)
        if (self.model_parameters is None) != (self.model_width is None):
            missing = "model_width" if self.model_width is None else "model_parameters"
            raise BadSettings(
                missing, "is missing: what a byte takes follows from --model-parameters and --model-width"
            )

    @property
    def lists_words(self) -> bool:
        """True if tokens in use are looked up in words or morphemes."""
        return self.morphemes is not None or self.dictionary is not None

    @property
    def economy(self) -> Economy:
        """Prices and sizes that figures are made of."""
        return Economy(self.price_per_million, self.context_window, self.model_parameters, self.model_width)
