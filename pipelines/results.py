"""Results of steps: where the output is, its manifest, and its tables as lazy Polars frames."""

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from operators.redaction import shown
from operators.unicode.language_names import named

if TYPE_CHECKING:
    import polars as pl

    from pipelines.outputs import Manifest


@dataclass(frozen=True, repr=False)
class Result:
    """Result of a step."""

    directory: Path
    """Absolute path of the output directory."""
    manifest: "Manifest"
    """Settings, inputs, files and figures, as manifest.json holds them."""
    kept: bool
    """True where the output was up to date already and nothing was done."""
    summary: str
    """Summary for people, in one line or more: the output, written or kept, and the main figures."""

    @property
    def facts(self) -> dict[str, Any]:
        """Figures of the result, which do not depend on the machine."""
        return self.manifest.facts

    @property
    def tables(self) -> list[str]:
        """Names of the Parquet tables, without the ending, sorted."""
        return sorted(name.removesuffix(".parquet") for name in self.manifest.files if name.endswith(".parquet"))

    def table(self, name: str) -> "pl.LazyFrame":
        """Return a table of the output, read when it is collected.

        name: one of `tables`. Raises KeyError for another name.
        """
        import polars as pl

        if f"{name}.parquet" not in self.manifest.files:
            raise KeyError(f"{name}: no such table; the tables are {', '.join(self.tables)}")
        return pl.scan_parquet(self.directory / f"{name}.parquet", glob=False)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.directory)!r}, {'kept' if self.kept else 'new'}: {self.summary})"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{escape(str(name))}</th><td>{escape(str(value))}</td></tr>"
            for name, value in self.facts.items()
            if isinstance(value, str | int | float)
        )
        return f"<p><b>{type(self).__name__}</b> {escape(self.summary)}</p><table>{rows}</table>"


class Trained(Result):
    """Result of `train`: a tokenizer directory."""

    @property
    def merges(self) -> "pl.LazyFrame":
        """Merge list: rank, left, right, token, count, and the bytes of the three tokens."""
        return self.table("merges")


class Pruned(Result):
    """Result of `prune`: a tokenizer directory, with the new ids of all tokens."""

    @property
    def ids(self) -> "pl.LazyFrame":
        """One row for each old id: new id, bytes, and the new ids of a removed token's text."""
        return self.table("ids")

    @property
    def fragmentation(self) -> "pl.LazyFrame":
        """Tokens of each language at every size of the vocabulary; only with a corpus."""
        return self.table("fragmentation")


class Adapted(Result):
    """Result of `adapt`: a tokenizer directory, with the new ids of old tokens and the tokens that are new."""

    @property
    def ids(self) -> "pl.LazyFrame":
        """One row for each old id, as of `prune`."""
        return self.table("ids")

    @property
    def new_tokens(self) -> "pl.LazyFrame":
        """One row for each token that was learned: its id, its bytes, and the old ids of its text."""
        return self.table("new_tokens")


class Added(Result):
    """Result of `add`: a tokenizer directory."""

    @property
    def added(self) -> "pl.LazyFrame":
        """One row for each token: its id, and the old ids that spell it."""
        return self.table("added")


class Converted(Result):
    """Result of `convert`: a tokenizer in another file format."""

    @property
    def checked(self) -> dict[str, Any]:
        """Tokens, merges and texts that were compared, and the encoders; empty where the file was only copied."""
        return dict(self.facts["checked"])


class Retokenized(Result):
    """Result of `retokenize`: token shards of a corpus."""

    @property
    def shards(self) -> list[Path]:
        """Paths of the shards' files, sorted; a shard of some formats has several files."""
        others = ("bad_records.parquet", "README.md", "index.json", "dataset_info.json", "state.json")
        return sorted(self.directory / name for name in self.manifest.files if Path(name).name not in others)


class Inspected(Result):
    """Result of `inspect`: a page and tables on one tokenizer."""

    @property
    def page(self) -> Path:
        """Path of inspect.html."""
        return self.directory / "inspect.html"

    @property
    def vocabulary(self) -> "pl.LazyFrame":
        """One row for each token."""
        return self.table("vocabulary")


class JoinedTokenizer(Result):
    """Result of `join` of two tokenizers: a tokenizer directory."""

    @property
    def joined(self) -> "pl.LazyFrame":
        """One row for each token that the second tokenizer has and the first had not."""
        return self.table("joined")


@dataclass(frozen=True)
class PeekedDocument:
    """Document of a token shard."""

    shard: str
    """Path of the shard."""
    name: str
    """Id of the document; empty where the format has no place for it."""
    language: str
    ids: list[int]
    text: str | None
    """Text of its first tokens; None without a tokenizer."""


@dataclass(frozen=True, repr=False)
class Peeked(Result):
    """Result of `peek`. Nothing is written; `directory` is the working directory."""

    documents: tuple[PeekedDocument, ...] = ()
    """The documents that were shown."""


@dataclass(frozen=True, repr=False)
class Streamed(Result):
    """Result of `encode` and `decode`, which write on standard output; `directory` is the working directory."""

    lines: int = 0
    """Lines that were read."""
    tokens: int = 0
    """Tokens of the lines."""


class PremiumsResult(Result):
    """Result of `premiums`."""

    @property
    def premiums(self) -> "pl.LazyFrame":
        """One row for each tokenizer and language: tokens, premium, interval (docs/reference/outputs.md)."""
        return self.table("premiums")

    @property
    def metrics(self) -> "pl.LazyFrame":
        """One row for each tokenizer and language: further metrics."""
        return self.table("metrics")

    @property
    def tokenizers(self) -> "pl.LazyFrame":
        """One row for each tokenizer: means over languages, Gini coefficient, and more."""
        return self.table("tokenizers")


class CompareResult(Result):
    """Result of `compare`."""

    @property
    def compared(self) -> "pl.LazyFrame":
        """One row for each group, tokenizer and figure: value, interval, and ratio to the reference tokenizer's."""
        return self.table("compare")

    @property
    def groups(self) -> "pl.LazyFrame":
        """One row for each group: documents, characters, bytes."""
        return self.table("groups")


class PrivacyResult(Result):
    """Result of `privacy`."""

    @property
    def scores(self) -> "pl.LazyFrame":
        """One row for each source and attack: score, and whether it is a member, where that is known."""
        return self.table("scores")

    @property
    def attacks(self) -> "pl.LazyFrame":
        """One row for each attack: AUC and true positive rate, null where members are not known."""
        return self.table("attacks")

    @property
    def single_source_tokens(self) -> "pl.LazyFrame":
        """One row for each token that one source alone explains."""
        return self.table("single_source_tokens")


class MixtureResult(Result):
    """Result of `mixture`."""

    @property
    def mixture(self) -> "pl.LazyFrame":
        """One row for each category: its share of bytes, and the interval."""
        return self.table("mixture")


class CurvesResult(Result):
    """Result of `curves`."""

    @property
    def curves(self) -> "pl.LazyFrame":
        """One row for each language and vocabulary size: tokens."""
        return self.table("curves")

    @property
    def sizes(self) -> "pl.LazyFrame":
        """One row for each language: the vocabulary size at which it reaches the target."""
        return self.table("sizes")


class SweepResult(Result):
    """Result of `sweep`: a tokenizer for each language, and tables that compare them."""

    @property
    def sweep(self) -> "pl.LazyFrame":
        """One row for each language: tokens and premium at equal sizes, and at sizes that make tokens equal."""
        return self.table("sweep")


class DesignResult(Result):
    """Result of `design`: a tokenizer, its language weights, and tables of the search."""

    @property
    def tokenizer(self) -> Path:
        """Directory of the tokenizer, as `train` writes it."""
        return self.directory / "tokenizer"

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each language's counts, as in weights.yaml."""
        return dict(self.facts["weights"])

    @property
    def frontier(self) -> "pl.LazyFrame":
        """One row for each method: tokens, Gini coefficient and worst premium on the judged half, with intervals."""
        return self.table("frontier")

    @property
    def languages(self) -> "pl.LazyFrame":
        """One row for each language: its weight, and its tokens and premium before and after."""
        return self.table("languages")


@dataclass(frozen=True, repr=False)
class PlanResult(Result):
    """Result of `plan`. Without an output directory, `directory` is the working directory and nothing is written."""

    plan: Any = None
    """A `pipelines.plan.step.Prediction`: the figures that plan.json holds."""


class ReportResult(Result):
    """Result of `report`: a page and its charts."""

    @property
    def page(self) -> Path:
        """Path of report.html."""
        return self.directory / "report.html"


class ShowResult(Result):
    """Result of `show`: the summary is the text of the tables; `directory` and `manifest` are of the last output."""


class CatalogsResult(Result):
    """Result of `catalogs`: a parallel corpus of the messages that Python packages ship."""


def summarized(kept: bool, what: str, facts: dict[str, Any], where: str) -> str:
    """Return the last line that a command prints: written or kept, the output, what was left out or held no text, the
    directory.
    """
    bad = facts.get("bad_records", 0)
    skipped = f" ({bad:,} bad records left out, listed in bad_records.parquet)" if bad else ""
    return f"{'kept' if kept else 'wrote'} {what}{skipped}{_without_text(facts)}: {where}"


def _without_text(facts: dict[str, Any]) -> str:
    """Return the files and the languages of a manifest that hold no text, in words; "" if there are none."""
    line = ""
    if files := facts.get("files_without_text"):
        line += f"; no text in {files[0]}" + (f" and {len(files) - 1:,} more files" if files[1:] else "")
    if languages := facts.get("without_text"):
        line += f"; no text in the language {', '.join(shown(named(one)) for one in languages)}"
    return line
