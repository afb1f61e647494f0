"""Selection of documents to compare: translations of each other, each once, in the baseline's order."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import polars as pl

from operators.errors import DataError
from operators.metrics.premiums import NoCommonDocuments
from operators.redaction import shown
from pipelines.corpus.errors import EmptyCorpus
from pipelines.outputs import replacing
from pipelines.parallel_text.texts import Texts, language_column

SELECTED: Final = "selected.parquet"
EXAMPLE_CHARACTERS: Final = (30, 90)
"""Least and greatest length of the example in the baseline language, if one exists."""


class NoBaseline(DataError):
    """A requested language that is not in the parallel text. `present`: the languages that are."""

    baseline: str
    present: list[str]

    def __str__(self) -> str:
        some = ", ".join(map(shown, self.present[:12])) + (", ..." if len(self.present) > 12 else "")
        return f"premiums: no text in the language '{shown(self.baseline)}'; name one of those there are: {some}"


class RepeatedDocument(DataError):
    """Two documents of one language with one id, so that the translation is ambiguous."""

    language: str
    document: str
    message = "premiums: {language} has two documents with the id '{document}'; give each its own id"


@dataclass(frozen=True)
class Choice:
    """Options of the selection: which languages and documents are compared."""

    baseline: str
    languages: tuple[str, ...] | None = None
    """Languages to compare with the baseline; None: all."""
    documents: Literal["common", "pairwise"] = "common"
    """Documents that every compared language has, or that a language and the baseline have."""
    repeated: Literal["fail", "leave out"] = "fail"
    """Treatment of documents of a language that share one id: which of them is the translation is not known."""


@dataclass(frozen=True)
class SelectTask:
    """Scratch files of the text, and the selection to make."""

    texts: tuple[Texts, ...]
    into: Path
    choice: Choice


@dataclass(frozen=True)
class Selection:
    """Summary of `selected.parquet`: language, id, place, characters, bytes, sorted by language, then as the baseline.

    `place` counts the language's documents in the order of the corpus, from 0.
    """

    path: Path
    bytes: dict[str, int]
    """Bytes of the compared documents by language, sorted."""
    documents: int
    """Number of distinct compared ids."""
    empty: int
    """Number of documents without text, which are left out."""
    example: str
    """Id of a short document that as many languages as possible have."""
    examples: dict[str, int]
    """Place of the example among the compared documents, by language."""
    repeated: int = 0
    """Number of documents that share their id with another of their language, if these are left out."""


def select_documents(task: SelectTask) -> Selection:
    """Worker task: write `selected.parquet`.

    "common" keeps the documents that every compared language has, "pairwise" those that a language and the baseline
    have. Raises NoBaseline, RepeatedDocument, NoCommonDocuments, EmptyCorpus.
    """
    how = task.choice
    present = sorted({language for one in task.texts for language, size in one.bytes.items() if size})
    if not present:
        raise EmptyCorpus(len(task.texts))
    for language in [how.baseline, *(how.languages or ())]:
        if language not in present:
            raise NoBaseline(language, present)
    wanted = sorted({*(how.languages or present), how.baseline})
    baseline, empty, repeated = _documents(task, how.baseline)
    order = baseline.select("id", order=pl.int_range(pl.len()))
    found = [baseline] if len(wanted) == 1 else []  # pairwise: the baseline's documents are those some other has
    for language in wanted:
        if language != how.baseline:
            table, without, twice = _documents(task, language)
            empty, repeated = empty + without, repeated + twice
            shared = table.join(order.select("id"), on="id", how="semi")
            if not len(shared):
                raise NoCommonDocuments(language, how.baseline, how.documents)
            found.append(shared)
    if len(wanted) > 1:
        some = pl.concat([one.select("id") for one in found]).unique()
        found.append(baseline.join(some, on="id", how="semi"))
    selected = pl.concat(found)
    if how.documents == "common":
        everywhere = selected.group_by("id").len().filter(pl.col("len") == len(wanted))
        if not len(everywhere):
            fewest = selected.group_by("language").len().sort("len", "language").item(0, "language")
            raise NoCommonDocuments(fewest, how.baseline, how.documents)
        selected = selected.join(everywhere.select("id"), on="id", how="semi")
    selected = selected.join(order, on="id").sort("language", "order").drop("order")
    path = task.into / SELECTED
    with replacing(path, durable=False) as temporary:
        selected.write_parquet(temporary)
    sizes = selected.group_by("language").agg(pl.col("bytes").sum()).sort("language")
    example = _example(selected, how.baseline)
    places = selected.with_columns(at=pl.int_range(pl.len()).over("language")).filter(pl.col("id") == example)
    examples = dict(places.select("language", "at").iter_rows())
    return Selection(path, dict(sizes.iter_rows()), selected["id"].n_unique(), empty, example, examples, repeated)


def _example(selected: pl.DataFrame, baseline: str) -> str:
    """Return the id of the first document of fitting length among those that most languages have; else the shortest."""
    present = selected.group_by("id").len()
    most = present.filter(pl.col("len") == pl.col("len").max())
    own = selected.filter(pl.col("language") == baseline).join(most, on="id", how="semi", maintain_order="left")
    suits = own.filter(pl.col("characters").is_between(*EXAMPLE_CHARACTERS))
    found = suits if len(suits) else own.sort("characters", maintain_order=True)
    return str(found.item(0, "id"))


def _documents(task: SelectTask, language: str) -> tuple[pl.DataFrame, int, int]:
    """Return language, id, place, characters, bytes of documents with text; the number without; and with a shared id.

    Ids are distinct.
    """
    columns = {name: language_column(task.texts, language, name) for name in ("id", "characters", "bytes")}
    table = pl.DataFrame(
        {
            "language": pl.Series([language]).new_from_index(0, len(columns["id"])),
            "id": pl.Series(columns["id"]),
            "place": np.arange(len(columns["id"])),
            "characters": pl.Series(columns["characters"]).cast(pl.Int64),
            "bytes": pl.Series(columns["bytes"]).cast(pl.Int64),
        }
    )
    kept = table.filter(pl.col("bytes") > 0)
    distinct = kept.filter(~pl.col("id").is_duplicated())
    if len(distinct) < len(kept) and task.choice.repeated == "fail":
        raise RepeatedDocument(language, kept.filter(pl.col("id").is_duplicated())["id"].min())  # type: ignore[arg-type]
    return distinct, len(table) - len(kept), len(kept) - len(distinct)
