"""Parallel text on disk, and a tokenizer for it."""

from pathlib import Path

import polars as pl

from pipelines.corpus.sources import Source, find_files
from pipelines.engines.engine import Engine
from pipelines.outputs import Output
from pipelines.progress import Silent
from tests.pipelines.corpora import documents, write_corpus
from tests.pipelines.steps import count_words, train


def small_tokenizer(folder: Path, engine: Engine) -> None:
    """corpus/<language>.txt and tok/, trained on it."""
    write_corpus(folder / "corpus", 200)
    with Output(folder / "tok", "tokenizer") as output:
        files = find_files([Source(path=str(folder / "corpus"))])
        words = count_words(files, "gpt4", folder / "tok/words", engine, Silent())
        train(words, folder / "tok/words", output, engine, Silent(), vocabulary_size=400)


def parallel(folder: Path, rows: list[tuple[str, str, str]]) -> None:
    """<language>.parquet from rows of id, language and text."""
    folder.mkdir(exist_ok=True)
    table = pl.DataFrame(rows, ["id", "language", "text"], orient="row")
    for language in table["language"].unique():
        table.filter(pl.col("language") == language).write_parquet(folder / f"{language}.parquet")


def four_languages(folder: Path, seed: int = 0) -> dict[str, dict[str, str]]:
    """Texts by language and id, written as Parquet: in alphabetical order of ids but for en, whose is the reverse."""
    texts = {one: dict(zip("hgfedcba", documents(one, 8, seed), strict=True)) for one in ("de", "en", "ru", "zh")}
    rows = [(one, language, own[one]) for language, own in texts.items() for one in sorted(own)]
    parallel(folder, sorted(rows, key=lambda row: row[0] if row[1] != "en" else chr(999 - ord(row[0]))))
    return texts
