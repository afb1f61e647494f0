"""Parallel text in three languages, as files and as arrays."""

from pathlib import Path

import polars as pl
import pyarrow as pa

from pipelines.corpus.sources import InputFile, Source, find_files

SENTENCES = {
    "en": ["the cat sat on the mat", "a dog and a cat", "the theme of the thesis", "nothing more"],
    "de": ["die Katze saß auf der Matte", "ein Hund und eine Katze", "das Thema der These", "nichts mehr"],
    "ru": ["кошка сидела на коврике", "собака и кошка", "тема диссертации", "больше ничего"],
}


def corpus(folder: Path, **more: list[tuple[str, str]]) -> list[InputFile]:
    folder.mkdir()
    for language, sentences in SENTENCES.items():
        rows = [(str(i), text) for i, text in enumerate(sentences)] + more.get(language, [])
        table = pl.DataFrame({"id": [i for i, _ in rows], "text": [text for _, text in rows]})
        table.write_parquet(folder / f"{language}.parquet")
    return find_files([Source(path=str(folder))])


def documents(language: str) -> pa.LargeStringArray:
    return pa.array(SENTENCES[language], pa.large_string())
