"""Token premiums of parallel text in memory."""

import logging
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import polars as pl

from operators.errors import DataError, UsageError
from operators.unicode.language_names import named
from pipelines.context import Context
from pipelines.engines.local_engine import LocalEngine, processors
from pipelines.in_memory.kernels import compile_if_needed
from pipelines.in_memory.texts import Texts
from pipelines.in_memory.tokenizer import Tokenizer
from pipelines.outputs import Output
from pipelines.premiums.settings import Premiums
from pipelines.premiums.step import TABLES, compare_languages
from pipelines.progress import Progress
from pipelines.settings import BadSettings, refuse_repeated
from pipelines.similar_names import note_similar
from pipelines.tokenizer_names import short_name

Frame: TypeAlias = Any
"""A Polars or pandas frame, an Arrow table, or another frame that exports Arrow (the PyCapsule interface)."""
_LOG: Final = logging.getLogger("babelmerge")
TokenizerLike: TypeAlias = Tokenizer | str | os.PathLike[str]
SHOWN_ROWS: Final = 10
TEXT: Final = (pl.String, pl.Categorical, pl.Enum, pl.Null)
"""Types of columns that hold text."""


class BadFrame(UsageError):
    """A frame that is no parallel text."""

    reason: str
    message = "parallel text: {reason}; give a column a language and a row a document, or columns id, language and text"


class UnequalLengths(DataError):
    """Languages whose lists of texts have different lengths."""

    language: str
    texts: int
    expected: int
    message = "{language} has {texts:,} texts, other languages {expected:,}: text i must mean the same in all of them"


@dataclass(frozen=True, repr=False)
class PremiumTables:
    """Result of `babelmerge.premiums`: the tables of the command premiums, as Polars frames."""

    table: pl.DataFrame
    """premiums.parquet: one row a tokenizer and language, with tokens, premium, low, high (95 % interval), and more."""
    metrics: pl.DataFrame
    """metrics.parquet: one row a tokenizer and language, with fertility, bytes per token, and more."""
    tokenizers: pl.DataFrame
    """tokenizers.parquet: one row a tokenizer, over languages: mean premium, Gini coefficient, best, worst."""
    scripts: pl.DataFrame
    """scripts.parquet: tokens of each vocabulary by script."""
    vocabulary: pl.DataFrame
    """vocabulary.parquet: one row a token."""
    examples: pl.DataFrame
    """examples.parquet: the tokens of one document in every language."""
    documents: pl.DataFrame
    """documents.parquet: one row a language and document, with characters, bytes and tokens."""
    repeated_documents: pl.DataFrame
    """repeated_documents.parquet: one row an id that several documents of a language share; they are left out."""

    def sort(self, by: str = "premium", *, descending: bool = True) -> pl.DataFrame:
        """Return `table` sorted by a column; nulls last. Raises Polars' ColumnNotFoundError."""
        return self.table.sort(by, descending=descending, nulls_last=True)

    def __repr__(self) -> str:
        names, languages = self.table["tokenizer"].n_unique(), self.table["language"].n_unique()
        return f"<Premiums of {languages} languages, {names} tokenizers, {self.documents['id'].n_unique():,} documents>"

    def _repr_html_(self) -> str:
        shown = self.sort().select("tokenizer", "language", "premium", "low", "high", "tokens").head(SHOWN_ROWS)
        of_tokenizers = self.tokenizers.select("tokenizer", "mean_premium", "gini_lines", "worst_language")
        html = "".join(frame._repr_html_() for frame in (of_tokenizers, shown))
        return f"<p>{escape(repr(self)[1:-1])}; the highest premiums:</p>{html}"


def premiums(
    frame: "Frame | Mapping[str, Texts]",
    *,
    tokenizers: Sequence[TokenizerLike] | Mapping[str, TokenizerLike],
    baseline: str = "eng_Latn",
    languages: Sequence[str] | None = None,
    documents: Literal["common", "pairwise"] = "common",
    aggregation: Literal["documents", "joined", "per-document"] = "documents",
    reference: str | None = None,
    resamples: int = 1000,
    id: str = "id",
    threads: int | None = None,
    progress: Progress | None = None,
) -> PremiumTables:
    """Compare languages by the tokens that they need for the same text, as the command premiums does.

    Tables have the command's columns, and on the same documents (with the same ids) its values.

    Args:
        frame: parallel text. Wide: a column of text a language, a row a document; a null is a missing translation.
            Long: columns `id`, `language` and `text`. Or a mapping of language to texts, all in the same order.
        tokenizers: tokenizers, or what `Tokenizer.load` takes; a mapping gives them names.
        baseline: the language that the others are compared with.
        languages: compare only these.
        documents, aggregation, reference, resamples: as the settings of the command (`babelmerge premiums --help`);
            `reference` is the name of one of the tokenizers.
        id: the column that holds documents' ids; in a wide frame it may be missing: rows are then numbered from 0.
        threads: how many work side by side; None: one for each processor.

    Raises:
        BadFrame, UnequalLengths, BadSettings, NoBaseline, OnlyRepeatedDocuments, NoCommonDocuments, EmptyCorpus, and
        what `Tokenizer.load` raises.

    >>> import babelmerge as bm
    >>> tokenizer = bm.train(["the house", "the cat"], vocab_size=264)
    >>> texts = {"eng_Latn": ["the house", "the cat"], "deu_Latn": ["das Haus", "die Katze"]}
    >>> result = bm.premiums(texts, tokenizers={"small": tokenizer})
    >>> result
    <Premiums of 2 languages, 1 tokenizers, 2 documents>
    >>> result.sort().select("tokenizer", "language", "tokens").rows()
    [('small', 'deu_Latn', 16), ('small', 'eng_Latn', 6)]
    """
    named = _named(tokenizers)
    if reference is not None and reference not in dict(named):
        raise BadSettings("reference", f"{reference!r} is none of the tokenizers {', '.join(dict(named))}")
    refuse_repeated("languages", list(languages or ()))
    text = parallel_text(frame, id, languages)
    settings = Premiums(
        parallel=[], tokenizer=list(dict(named)), out="", baseline=baseline, documents=documents,
        languages=None if languages is None else list(languages), aggregation=aggregation, reference=reference,
        resamples=resamples,
    )  # fmt: skip
    return _compared(text, named, settings, threads or processors(), progress)


def _compared(
    text: pl.DataFrame,
    tokenizers: list[tuple[str, Tokenizer]],
    settings: Premiums,
    threads: int,
    progress: Progress | None,
) -> PremiumTables:
    """The tables that the command makes of the text, which is in a scratch file meanwhile."""
    compile_if_needed(settings.kernels())
    if progress is None:
        note_similar(text["language"].unique(), None)
    engine = LocalEngine(threads)
    with tempfile.TemporaryDirectory(prefix="babelmerge-") as folder, closing(engine):
        corpus, out = Path(folder) / "corpus.parquet", Path(folder) / "premiums"
        text.write_parquet(corpus)
        context, output = Context(progress=progress, engine=engine), Output(out, "premiums")
        files = context.input_files([str(corpus)], output)
        with output:
            made = compare_languages(files, [(name, one.data) for name, one in tokenizers], output, settings, context)
        for language in made.manifest.facts["languages_without_text"]:
            _LOG.warning("no text in %s, left out", named(language))
        found = {name.removesuffix(".parquet"): pl.read_parquet(out / name, glob=False) for name in TABLES}
    return PremiumTables(found.pop("premiums"), **found)


def parallel_text(frame: Any, id: str = "id", languages: Sequence[str] | None = None) -> pl.DataFrame:
    """Return parallel text as rows of id, language and text (strings), by language; rows without text are left out."""
    table = _of_lists(frame) if isinstance(frame, Mapping) else _frame(frame)
    if {"language", "text"} <= set(table.columns):
        if id not in table.columns:
            raise BadFrame(f"there is no column {id!r} of documents' ids")
        rows = table.select(pl.col(id).alias("id"), "language", "text")
    else:
        if id not in table.columns:
            table = table.with_row_index(id)
        texts = [name for name in table.columns if name != id]
        texts = texts if languages is None else [name for name in texts if name in languages]
        if odd := [name for name in texts if table.schema[name] not in TEXT]:
            raise BadFrame(f"the column {odd[0]!r} holds {table.schema[odd[0]]}, not text")
        some = [table.select(pl.col(id).alias("id"), language=pl.lit(name), text=pl.col(name)) for name in texts]
        if not some:
            raise BadFrame("there is no column of text")
        rows = pl.concat([one.with_columns(pl.col("text").cast(pl.String)) for one in some])
    if rows["id"].null_count() or rows["language"].null_count():
        raise BadFrame("an id or a language is null")
    return rows.cast(pl.String).filter(pl.col("text").is_not_null())


def _frame(frame: Any) -> pl.DataFrame:
    """The frame as Polars holds it."""
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if isinstance(frame, pl.DataFrame):
        return frame
    if not hasattr(frame, "__arrow_c_stream__"):  # Arrow's tables and pandas' frames have it
        raise BadFrame(f"{type(frame).__name__} is no frame")
    try:
        return pl.DataFrame(frame)
    except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
        raise BadFrame(f"{type(frame).__name__} is no frame ({str(error).splitlines()[0]})") from None


def _of_lists(texts: Mapping[str, Texts]) -> pl.DataFrame:
    """A wide frame of languages' lists of texts."""
    columns = {language: _column(language, some) for language, some in texts.items()}
    lengths = {language: len(column) for language, column in columns.items()}
    for language, length in lengths.items():
        if length != (expected := next(iter(lengths.values()))):
            raise UnequalLengths(language, length, expected)
    if not columns:
        raise BadFrame("there is no language")
    return pl.DataFrame(list(columns.values()))


def _column(language: str, texts: Texts) -> pl.Series:
    """One language's texts, strings; null where there is none."""
    is_column = hasattr(texts, "__arrow_c_stream__") or hasattr(texts, "__arrow_c_array__")
    try:
        column = pl.Series(language, texts) if is_column else pl.Series(language, list(texts), dtype=pl.String)
    except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
        raise BadFrame(f"{language} holds no texts ({str(error).splitlines()[0]})") from None
    if column.dtype not in TEXT:
        raise BadFrame(f"{language} holds {column.dtype}, not text")
    return column.cast(pl.String)


def _named(tokenizers: Sequence[TokenizerLike] | Mapping[str, TokenizerLike]) -> list[tuple[str, Tokenizer]]:
    """Tokenizers and their names, as the command names them."""
    if isinstance(tokenizers, str | os.PathLike | Tokenizer):
        raise BadSettings("tokenizers", "is one tokenizer; put it in a list")
    if isinstance(tokenizers, Mapping):
        return [(name, _loaded(one)) for name, one in tokenizers.items()]
    if not tokenizers:
        raise BadSettings("tokenizers", "names none; give at least one")
    references = [one.name if isinstance(one, Tokenizer) else os.fspath(one) for one in tokenizers]
    refuse_repeated("tokenizers", references)
    return [
        (short_name(reference, references), _loaded(one)) for reference, one in zip(references, tokenizers, strict=True)
    ]


def _loaded(tokenizer: TokenizerLike) -> Tokenizer:
    return tokenizer if isinstance(tokenizer, Tokenizer) else Tokenizer.load(tokenizer)
