"""Selection of documents to compare: translations of each other, each once, in the baseline's order."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import polars as pl

from operators.errors import DataError
from operators.metrics.premiums import NoCommonDocuments
from operators.redaction import shown
from operators.unicode.language_names import named, nearest
from pipelines.corpus.errors import EmptyCorpus
from pipelines.outputs import replacing, write_table
from pipelines.parallel_text.texts import Texts, language_column

SELECTED: Final = "selected.parquet"
REPEATED: Final = "repeated_documents.parquet"
SUGGESTED: Final = 3
"""Number of languages that an error suggests."""
EXAMPLE_CHARACTERS: Final = (40, 200)
"""Least and greatest length of the example in the baseline language, if one exists: a sentence, not a word."""


class NoBaseline(DataError):
    """A requested language that is not in the parallel text. `present`: the languages that are."""

    baseline: str
    present: list[str]

    def __str__(self) -> str:
        near = ", ".join(shown(named(code)) for code in nearest(self.baseline, self.present, SUGGESTED))
        number = len(self.present)
        among = "those there are" if number <= SUGGESTED else f"the {number:,} there are; the nearest"
        return f"parallel text: no text in the language '{shown(self.baseline)}'; name one of {among}: {near}"


class OnlyRepeatedDocuments(DataError):
    """A language whose documents all share their ids with others of it: which is the translation is not known."""

    language: str
    document: str
    message = (
        "parallel text: every document of {language} shares its id with another of it, such as '{document}'; give each "
        "its own id"
    )


@dataclass(frozen=True)
class Choice:
    """Options of the selection: which languages and documents are compared."""

    baseline: str
    languages: tuple[str, ...] | None = None
    """Languages to compare with the baseline; None: all."""
    documents: Literal["common", "pairwise"] = "common"
    """Documents that every compared language has, or that a language and the baseline have."""


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
    """Id of a document of a sentence's length that as many languages as possible have."""
    examples: dict[str, int]
    """Place of the example among the compared documents, by language."""
    repeated: int
    """Number of documents left out because they share their id with another of their language: which of them is the
    translation is not known."""
    repeated_ids: Path
    """Scratch file of these ids: language, id, documents (their number)."""
    without_text: tuple[str, ...]
    """Languages all of whose documents are without text, which are left out; empty where languages were named."""

    @property
    def facts(self) -> dict[str, Any]:
        """Figures for the manifest: number of documents compared, and of those left out."""
        return {
            "documents": self.documents,
            "empty_documents": self.empty,
            "repeated_documents": self.repeated,
            "languages_without_text": list(self.without_text),
        }


def select_documents(task: SelectTask) -> Selection:
    """Worker task: write `selected.parquet` and `repeated_documents.parquet`.

    "common" keeps the documents that every compared language has, "pairwise" those that a language and the baseline
    have. Documents that share their id with another of their language are left out. Raises NoBaseline,
    OnlyRepeatedDocuments, NoCommonDocuments, EmptyCorpus.
    """
    how = task.choice
    sizes = {
        language: sum(one.bytes.get(language, 0) for one in task.texts) for one in task.texts for language in one.bytes
    }
    present = sorted(language for language, size in sizes.items() if size)
    if not present:
        raise EmptyCorpus(len(task.texts))
    for language in [how.baseline, *(how.languages or ())]:
        if language not in present:
            raise NoBaseline(language, present)
    own = {one: _documents(task, one) for one in sorted({*(how.languages or present), how.baseline})}
    selected = _shared({one: documents.distinct for one, documents in own.items()}, how)
    repeated = pl.concat([documents.repeated for documents in own.values()]).sort("language", "id")
    for table, file in ((selected, SELECTED), (repeated, REPEATED)):
        with replacing(task.into / file, durable=False) as temporary:
            table.write_parquet(temporary)
    example = _example(selected, how.baseline)
    places = selected.with_columns(at=pl.int_range(pl.len()).over("language")).filter(pl.col("id") == example)
    compared = selected.group_by("language").agg(pl.col("bytes").sum()).sort("language")
    return Selection(
        path=task.into / SELECTED,
        bytes=dict(compared.iter_rows()),
        documents=selected["id"].n_unique(),
        empty=sum(documents.empty for documents in own.values()),
        example=example,
        examples=dict(places.select("language", "at").iter_rows()),
        repeated=int(repeated["documents"].sum()),
        repeated_ids=task.into / REPEATED,
        without_text=tuple(sorted(set(sizes) - set(present))) if how.languages is None else (),
    )


def _shared(own: Mapping[str, pl.DataFrame], how: Choice) -> pl.DataFrame:
    """Return the documents to compare, sorted by language, then as the baseline's. Raises NoCommonDocuments."""
    baseline = own[how.baseline]
    order = baseline.select("id", order=pl.int_range(pl.len()))
    found = [baseline] if len(own) == 1 else []  # pairwise: the baseline's documents are those some other has
    for language, table in own.items():
        if language != how.baseline:
            found.append(table.join(order.select("id"), on="id", how="semi"))
            if not len(found[-1]):
                raise NoCommonDocuments(language, how.baseline, how.documents)
    if len(own) > 1:
        some = pl.concat([one.select("id") for one in found]).unique()
        found.append(baseline.join(some, on="id", how="semi"))
    selected = pl.concat(found)
    if how.documents == "common":
        everywhere = selected.group_by("id").len().filter(pl.col("len") == len(own))
        if not len(everywhere):
            fewest = selected.group_by("language").len().sort("len", "language").item(0, "language")
            raise NoCommonDocuments(fewest, how.baseline, how.documents)
        selected = selected.join(everywhere.select("id"), on="id", how="semi")
    return selected.join(order, on="id").sort("language", "order").drop("order")


def list_repeated(selection: Selection, directory: Path) -> None:
    """Write repeated_documents.parquet to an output directory."""
    write_table(pl.read_parquet(selection.repeated_ids, glob=False), directory / REPEATED)


def left_out(facts: Mapping[str, Any]) -> str:
    """Return the end of a summary that counts the documents left out, from a manifest's facts; empty if there are none.

    >>> left_out({"empty_documents": 0, "repeated_documents": 4})
    '; 4 documents share their id with another of their language, left out (repeated_documents.parquet)'
    """
    line = (
        f"; no text in {', '.join(shown(named(one)) for one in none)}, left out"
        if (none := facts.get("languages_without_text"))
        else ""
    )
    if empty := facts.get("empty_documents", 0):
        line += f"; {empty:,} documents without text left out"
    if twice := facts.get("repeated_documents", 0):
        line += f"; {twice:,} documents share their id with another of their language, left out ({REPEATED})"
    return line


def _example(selected: pl.DataFrame, baseline: str) -> str:
    """Return the id of a typical document.

    Of the documents of fitting length in the baseline's language those that most languages have, and of these the one
    whose length is nearest to the median; the first of equals. If none fits, the one nearest to these lengths.
    """
    present = selected.group_by("id").agg(languages=pl.len())
    own = selected.filter(pl.col("language") == baseline).join(present, on="id", maintain_order="left")
    least, greatest = EXAMPLE_CHARACTERS
    away = pl.max_horizontal(least - pl.col("characters"), pl.col("characters") - greatest, 0)
    own = own.filter(away == away.min())
    own = own.filter(pl.col("languages") == pl.col("languages").max())
    distance = (pl.col("characters") - pl.col("characters").median()).abs()
    return str(own.sort(distance, maintain_order=True).item(0, "id"))


@dataclass(frozen=True)
class _Documents:
    """Documents of one language."""

    distinct: pl.DataFrame
    """language, id, place, characters, bytes of documents with text and an id of their own."""
    empty: int
    """Number of documents without text."""
    repeated: pl.DataFrame
    """language, id, documents: ids that several documents share."""


def _documents(task: SelectTask, language: str) -> _Documents:
    """Read the documents of a language from the scratch files. Raises OnlyRepeatedDocuments."""
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
    several = pl.col("id").is_duplicated()
    distinct, same = kept.filter(~several), kept.filter(several)
    if not len(distinct):
        raise OnlyRepeatedDocuments(language, str(same["id"].min()))
    repeated = same.group_by("language", "id").agg(documents=pl.len().cast(pl.Int64))
    return _Documents(distinct, len(table) - len(kept), repeated)
