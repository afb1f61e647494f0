"""Every setting, defined once: its name, type, bounds, default and a line of documentation below it.

YAML files are read by these definitions, flags and their help are made of them, and docs/settings.md is printed by
`babelmerge settings`.
"""

import ast
import inspect
import re
import textwrap
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from operators.errors import UsageError
from pipelines.corpus.sources import Source

Corpus = list[str | Source]


class BadSettings(UsageError):
    """Settings that each fit their type, but not one another."""

    def __init__(self, setting: str, reason: str) -> None:
        super().__init__(setting, reason)
        self.setting, self.reason = setting, reason

    def __str__(self) -> str:
        return f"{self.setting}: {self.reason}"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Unknown keys and wrong types are refused."""


class Execution(Settings, frozen=True, kw_only=True):
    """How a job runs. Its results do not depend on any of these."""

    engine: Literal["ray", "local"] = "ray"
    """`ray` joins the cluster that RAY_ADDRESS names or starts one on this machine; `local` uses threads."""
    workers: Annotated[int, Meta(ge=1)] | None = None
    """Workers that share the work, at most; by default one for each processor."""
    progress: Literal["auto", "json", "off"] = "auto"
    """Progress on stderr: bars for people, a JSON line for each step for machines, or nothing."""
    memory_limit: str | None = None
    """Memory for the words and pairs of one worker, as 512MB or 4GB, besides some 250 MB for libraries; 1GB counts."""
    on_bad_record: Literal["fail", "skip"] = "fail"
    """A record that cannot be read ends the job, or is left out, counted and listed in bad_records.parquet."""


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
    """gpt2, gpt4 (default), o200k, llama3, none, or a regular expression: matches, and what is between, are words."""
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


class Retokenize(Settings, frozen=True, kw_only=True):
    """Write the token ids of a corpus, one Parquet file for each input file."""

    corpus: Corpus
    """Paths, globs or URIs of text; a .yaml file lists sources."""
    tokenizer: str
    """A directory that train wrote, a tokenizer.json, or FILE.tiktoken[,pretokenizer=NAME]."""
    out: str
    """Directory for the token shards: id, language, tokens."""


class Premiums(Settings, frozen=True, kw_only=True):
    """Token premiums: how many tokens each language needs for the same text (Petrov et al. 2023)."""

    parallel: Corpus
    """Parallel text: documents with the same id are translations of each other."""
    tokenizer: list[str]
    """Tokenizers to compare; give it several times."""
    out: str
    """Directory for premiums.parquet, and the counts of every document."""
    baseline: str = "eng_Latn"
    """The language that the others are compared with."""
    languages: list[str] | None = None
    """Compare only these; by default all."""
    documents: Literal["common", "pairwise"] = "common"
    """Sum over the documents that all compared languages have, or that the language and the baseline have."""
    resamples: Annotated[int, Meta(ge=100, le=100_000)] = 1000
    """Bootstrap resamples of documents behind each 95 % interval."""


class Mixture(Settings, frozen=True, kw_only=True):
    """What mixture a tokenizer was trained on: the linear program of Hayase et al. 2024 over its merge list."""

    categories: Corpus
    """Text of every category; the category is the document's language, or a source's `category`."""
    tokenizer: str
    """A directory that train wrote, a tokenizer.json, or FILE.tiktoken[,pretokenizer=NAME]."""
    out: str
    """Directory for mixture.parquet and the replay records."""
    merges: Annotated[int, Meta(ge=1)] | None = 3000
    """How many merges, from the first on, the program looks at; null for all."""
    only: list[str] | None = None
    """Take only these categories; by default all."""
    partitions: Annotated[int, Meta(ge=1, le=10_000)] = 16
    """Parts that the word tables are cut into, by hash."""


class Plan(Settings, frozen=True, kw_only=True):
    """Predict from a sample of a corpus what training will need: distinct words, memory, workers, time, core-hours."""

    corpus: Corpus
    """Paths, globs or URIs of text; a .yaml file lists sources."""
    out: str | None = None
    """Directory for plan.json; by default the plan is only printed."""
    pretokenizer: str = "gpt4"
    """gpt2, gpt4, o200k, llama3, none, or a regular expression: matches, and what is between, are words."""
    vocab_sizes: list[Annotated[int, Meta(ge=257, le=100_000_000)]] = []
    """Vocabulary sizes to plan for; by default 32768, 65536 and 131072."""
    sample_mb: Annotated[int, Meta(ge=1, le=100_000)] = 64
    """Text to read, in 10^6 bytes; all of it, and nothing is predicted, where the corpus is smaller."""
    memory_per_worker: str = "4GB"
    """Memory for a worker, libraries included; without --workers, as few as it allows, but at least a node full."""
    cores_per_node: Annotated[int, Meta(ge=1)] | None = None
    """Workers on a node; by default as many as this machine has processors."""


class Catalogs(Settings, frozen=True, kw_only=True):
    """Make a parallel corpus of the translation catalogs that installed Python packages ship."""

    packages: list[str]
    """Names of the packages, such as django."""
    out: str
    """Directory for parallel-, train- and sample-<language>.parquet: all documents, and two halves of them."""
    minimum_strings: Annotated[int, Meta(ge=1)] = 300
    """Languages with fewer translated strings are left out."""


class Report(Settings, frozen=True, kw_only=True):
    """Draw what was found: one HTML page that needs no network, and every chart as PNG and SVG."""

    out: str
    """Directory for report.html, and every chart as PNG and SVG."""
    title: str = "What this tokenizer does to languages"
    """The page's heading."""
    tokenizer: str | None = None
    """Output of train."""
    premiums: str | None = None
    """Output of premiums."""
    mixture: str | None = None
    """Output of mixture; compared with the shares that `tokenizer` was trained on."""
    retokenized: str | None = None
    """Output of retokenize."""
    corpus: str | None = None
    """Output of catalogs, for the languages' names."""


class Step(Settings, frozen=True, kw_only=True):
    """One step: exactly one of these."""

    catalogs: Catalogs | None = None
    """See `babelmerge settings`."""
    train: Train | None = None
    """See `babelmerge train --help`."""
    retokenize: Retokenize | None = None
    """See `babelmerge retokenize --help`."""
    premiums: Premiums | None = None
    """See `babelmerge premiums --help`."""
    mixture: Mixture | None = None
    """See `babelmerge mixture --help`."""
    report: Report | None = None
    """Draws what the steps before it found."""

    @property
    def kinds(self) -> list[str]:
        """Names of the steps that are given; one, unless the file is wrong."""
        return [name for name in self.__struct_fields__ if getattr(self, name) is not None]


class Workflow(Execution, frozen=True, kw_only=True):
    """What `babelmerge run` does: steps, one after the other, each skipped when nothing it depends on changed."""

    steps: list[Step]
    """The steps, in order."""


COMMANDS: dict[str, type[Settings]] = {
    "train": Train,
    "retokenize": Retokenize,
    "premiums": Premiums,
    "mixture": Mixture,
    "plan": Plan,
}
"""Steps that are commands of their own. The first field of each is what its positional arguments are."""


def documentation(settings: type[msgspec.Struct]) -> dict[str, str]:
    """The line below each field of a settings class, those of the classes it extends included."""
    lines: dict[str, str] = {}
    for ancestor in reversed(settings.__mro__):
        if not issubclass(ancestor, msgspec.Struct) or ancestor is msgspec.Struct:
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(ancestor))).body[0]
        assert isinstance(body, ast.ClassDef)
        for field, below in zip(body.body, body.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr) and isinstance(field.target, ast.Name):
                assert isinstance(below.value, ast.Constant)
                lines[field.target.id] = str(below.value.value)
    return lines


_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


def size_in_bytes(setting: str, text: str) -> int:
    """`size_in_bytes("memory_limit", "512MB")` is 512,000,000; also 4GiB, or bytes. Raises BadSettings."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]i?)?b?\s*", text.lower())
    size = int(float(match[1]) * _UNITS[match[2] or ""]) if match else 0
    if size < 1 << 20:
        raise BadSettings(setting, f"{text!r} is no size of 1 MiB or more; write one as 512MB or 4GB")
    return size
