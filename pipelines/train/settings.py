"""Settings of `train`."""

from typing import Annotated

from msgspec import Meta

from pipelines.settings import Corpus, Settings


class Train(Settings, frozen=True, kw_only=True):
    """Train a byte-level BPE tokenizer; the merge list equals that of Hugging Face's BpeTrainer."""

    corpus: Corpus = []
    """Paths, globs or URIs of text; a .yaml file lists sources."""
    out: str
    """Directory for tokenizer.json, ranks.tiktoken, merges.parquet, and the word tables under words/."""
    word_table: list[str] = []
    """In place of a corpus: Parquet files of words counted elsewhere (columns word, count and, if known, language)."""
    vocab_size: Annotated[int, Meta(ge=257, le=100_000_000)] | None = None
    """Tokens in all: special, the 256 bytes, and one for each merge; by default the largest of `sizes`, else 32,768."""
    sizes: list[Annotated[int, Meta(ge=257, le=100_000_000)]] = []
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
    partitions: Annotated[int, Meta(ge=1, le=10_000)] = 16
    """Parts that the word tables are cut into, by hash; at most so many workers can train."""
    resume: bool = True
    """Go on after the merges that a run of the same settings had learned when it was cut off; no: from the first."""
