"""Settings of `design`."""

from typing import Annotated, Literal

from msgspec import Meta

from pipelines.results import DesignResult
from pipelines.settings import UNHASHED, BadSettings, Corpus, CorpusSettings


class Design(CorpusSettings[DesignResult], frozen=True, kw_only=True):
    """Find the language weights with which an ordinary BPE tokenizer is the fairest, at a bounded loss of tokens."""

    corpus: Annotated[Corpus, UNHASHED]
    """Training text, as for train."""
    parallel: Annotated[Corpus, UNHASHED]
    """Parallel text: documents with the same id are translations of each other. The search sees one half of them, the
    figures are of the other half."""
    out: Annotated[str, UNHASHED]
    """Directory for tokenizer/, weights.yaml, and the tables of the search."""
    vocab_size: Annotated[int, Meta(ge=257, le=100_000_000)] = 32768
    """Number of tokens: special tokens, the 256 bytes, and one for each merge."""
    objective: str | dict[str, Annotated[float, Meta(ge=0)]] = "gini"
    """Figure to make small: `gini` of the languages' tokens; `worst`, the highest premium; `mean`, all tokens; or a
    .yaml file with the importance of languages (`en: 2.0`), whose weighted sum of tokens counts."""
    at_most_loss: str = "2.8%"
    """Bound on the tokens of all languages together, against unweighted training, as expected from the searched half
    and the training text: 2% or 0.02."""
    then: Literal["parity"] | None = None
    """`parity`: also try tokenizers whose last merges are chosen by parity on the searched half, as train's
    `parity_after` does; the best one is written."""
    vary: Literal["weights", "temperature"] = "weights"
    """Weights to search: one a language (`weights`), or those of one temperature."""
    groups: dict[str, Annotated[int, Meta(ge=0)]] | None = None
    """Numbers of groups of languages (en=1,de=1,hi=2): one weight a group; a language without a number is its own."""
    least_shares: dict[str, Annotated[float, Meta(ge=0, le=1)]] | None = None
    """Lower bounds on languages' shares of the weighted training text (en=0.05)."""
    most_shares: dict[str, Annotated[float, Meta(gt=0, le=1)]] | None = None
    """Upper bounds on languages' shares of the weighted training text (en=0.2)."""
    baseline: str | None = None
    """Language that premiums compare with; by default English, else the language with the most training text."""
    languages: list[str] | None = None
    """Languages that must be fair; by default all of the parallel text. Others of the corpus keep one weight."""
    pretokenizer: str = "o200k"
    """A name ({pretokenizers}) or a regular expression: its matches and the gaps are pre-tokens."""
    special_tokens: list[str] = []
    """Special tokens, in order; they take the first ids and stand for no text."""
    superwords: bool = False
    """Train the tokenizer that is written with superwords: the weights are those of words, the figures are its own."""
    transition: Annotated[float, Meta(gt=0, lt=1)] | None = None
    """Share of the vocabulary that is learned before superwords; 0.9 by default."""
    rounds: Annotated[int, Meta(ge=1, le=100)] = 3
    """Rounds of the search; each trains a tokenizer for each of four bounds on the loss, and predicts from them."""
    baselines: bool = True
    """Also judge equal bytes, temperatures, training by parity, and a regression over as many random mixtures as the
    search has trials."""
    resamples: Annotated[int, Meta(ge=100, le=100_000)] = 1000
    """Bootstrap resamples of documents behind each 95 % interval."""

    def kernels(self) -> tuple[str, ...]:
        """Return the groups of kernels that a design runs; ids of more than two bytes have their own group."""
        parity = ("parity",) if self.baselines or self.then else ()
        superwords = ("superwords",) if self.superwords else ()
        return (
            "words",
            "encoding",
            "fairness",
            *parity,
            *superwords,
            *(("uint32_ids",) if self.vocab_size >= 1 << 15 else ()),
        )


def loss_of(text: str) -> float:
    """Return a bound on the loss as a fraction: 0.02 for `2%` and for `0.02`. Raises BadSettings."""
    number, percent = text.strip().removesuffix("%"), text.strip().endswith("%")
    try:
        loss = float(number) / (100 if percent else 1)
    except ValueError:
        loss = float("nan")
    if not -1 < loss < 10:
        raise BadSettings("at_most_loss", f"{text[:40]!r} is no share of tokens; write one as 2% or 0.02")
    return loss
