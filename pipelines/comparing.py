"""Parallel text to token premiums: count every document on the workers, compare where all counts meet."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from operators.encode import Encoder
from operators.errors import DataError
from operators.premiums import NoCommonDocuments, ratios
from operators.tokenizer import Tokenizer
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.records import read_batches
from pipelines.corpus.sources import InputFile
from pipelines.counting import BAD_RECORDS, EmptyCorpus, OnBadRecord
from pipelines.engine import Engine
from pipelines.outputs import Manifest, Output, Run, describe_inputs, fingerprint, replacing
from pipelines.progress import Progress
from pipelines.tokenizers import tokenizer_fingerprint

PREMIUMS = "premiums.parquet"
Documents = Literal["common", "pairwise"]


class NoBaseline(DataError):
    """The baseline language is not in the parallel text."""

    def __init__(self, baseline: str, present: list[str]) -> None:
        super().__init__(baseline, present)
        self.baseline, self.present = baseline, present

    def __str__(self) -> str:
        some = ", ".join(self.present[:12]) + (", ..." if len(self.present) > 12 else "")
        return f"premiums: no text in the language {self.baseline!r}; name one of those there are: {some}"


class RepeatedDocument(DataError):
    """Two documents of one language with one id: which of them is the translation?"""

    def __init__(self, language: str, document: str) -> None:
        super().__init__(language, document)
        self.language, self.document = language, document

    def __str__(self) -> str:
        return f"premiums: {self.language} has two documents with the id {self.document!r}; give each its own id"


@dataclass(frozen=True)
class MeasureTask:
    """One file to count with every tokenizer."""

    file: InputFile
    index: int
    tokenizers: tuple[Tokenizer, ...]
    on_bad_record: OnBadRecord
    into: Path

    @property
    def path(self) -> str:
        """The file's name, for messages."""
        return self.file.path

    @property
    def name(self) -> str:
        """The file that the task writes."""
        return f"documents-{self.index:06}.parquet"


def measure_file(task: MeasureTask) -> pa.Table:
    """Write language, id, characters, bytes and tokens_<i> of each document; returns the bad records."""
    encoders, bad = [Encoder(tokenizer) for tokenizer in task.tokenizers], BadRecords(task.on_bad_record)
    rows = []
    for batch in read_batches(task.file, bad):
        text = batch.column("text")
        columns = {
            "language": batch.column("language"),
            "id": batch.column("id"),
            "characters": pc.utf8_length(text).cast(pa.int64()),
            "bytes": pc.binary_length(text).cast(pa.int64()),
        }
        for i, encoder in enumerate(encoders):
            columns[f"tokens_{i}"] = pa.array(encoder.count(text))
        rows.append(pa.table(columns))
    names = ["language", "id", "characters", "bytes", *(f"tokens_{i}" for i in range(len(encoders)))]
    empty = pa.schema(
        [(name, pa.string() if name in ("language", "id") else pa.int64()) for name in names]
    ).empty_table()
    with replacing(task.into / task.name) as part:
        pq.write_table(pa.concat_tables([empty, *rows]), part, compression="zstd")
    return bad.table()


@dataclass(frozen=True)
class CompareTask:
    """What `compare` needs: the counts' files, the tokenizers' names, and how to compare."""

    paths: tuple[Path, ...]
    into: Path
    tokenizers: tuple[str, ...]
    baseline: str
    languages: tuple[str, ...] | None
    documents: Documents
    resamples: int


def compare(task: CompareTask) -> dict[str, int]:
    """Write premiums.parquet; returns the figures for the manifest. Empty documents are no translations: left out."""
    counts = pl.read_parquet(list(task.paths), glob=False)
    empty = int((counts["bytes"] == 0).sum())
    counts = counts.filter(pl.col("bytes") > 0)
    if not len(counts):
        raise EmptyCorpus(len(task.paths))
    present = sorted(counts["language"].unique().to_list())
    wanted = list(task.languages) if task.languages is not None else present
    for language in [task.baseline, *wanted]:
        if language not in present:
            raise NoBaseline(language, present)
    wanted = sorted({*wanted, task.baseline})
    counts = counts.filter(pl.col("language").is_in(wanted))
    twice = counts.filter(pl.struct("language", "id").is_duplicated()).sort("language", "id").head(1)
    for language, document in twice.select("language", "id").iter_rows():
        raise RepeatedDocument(language, document)
    amounts, there = _aligned(counts, wanted, task)
    rows = []
    columns = [name for name in counts.columns if name not in ("language", "id")]
    baseline = wanted.index(task.baseline)
    measured = {name: ratios(amounts[name], there, baseline, task.resamples) for name in columns}
    both = there & there[:, [baseline]]
    sums = {name: np.where(both, amounts[name], 0).sum(0).astype(np.int64) for name in columns}
    for i, tokenizer in enumerate(task.tokenizers):
        tokens = measured[f"tokens_{i}"]
        for j, language in enumerate(wanted):
            made = int(sums[f"tokens_{i}"][j])
            rows.append(
                {
                    "tokenizer": tokenizer,
                    "language": language,
                    "documents": int(both[:, j].sum()),
                    "characters": int(sums["characters"][j]),
                    "bytes": int(sums["bytes"][j]),
                    "tokens": made,
                    "premium": float(tokens.ratio[j]),
                    "low": _known(tokens.low[j]),
                    "high": _known(tokens.high[j]),
                    "tokens_per_byte": made / int(sums["bytes"][j]),
                    "premium_bytes": float(measured["bytes"].ratio[j]),
                    "premium_characters": float(measured["characters"].ratio[j]),
                }
            )
    table = pl.DataFrame(rows, schema_overrides={"low": pl.Float64, "high": pl.Float64})
    with replacing(task.into / PREMIUMS) as part:
        table.write_parquet(part)
    return {"languages": len(wanted), "documents": len(there), "empty_documents": empty}


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _aligned(
    counts: pl.DataFrame, wanted: list[str], task: CompareTask
) -> tuple[
    dict[str, np.ndarray[tuple[int, int], np.dtype[np.float64]]], np.ndarray[tuple[int, int], np.dtype[np.bool_]]
]:
    """Amounts as matrices [documents, languages], and which documents are there."""
    ids = counts["id"].unique().sort()
    places = pl.DataFrame({"id": ids, "row": np.arange(len(ids))})
    columns = pl.DataFrame({"language": wanted, "column": np.arange(len(wanted))})
    placed = counts.join(places, on="id").join(columns, on="language")
    at = (placed["row"].to_numpy(), placed["column"].to_numpy())
    there = np.zeros((len(ids), len(wanted)), np.bool_)
    there[at] = True
    baseline = wanted.index(task.baseline)
    shared = (there & there[:, [baseline]]).sum(0)
    fewest = wanted[int(shared.argmin())]
    kept = there.all(1) if task.documents == "common" else np.ones(len(ids), np.bool_)
    if not (kept.any() and shared.min()):
        raise NoCommonDocuments(fewest, task.baseline, task.documents)
    amounts = {}
    for name in counts.columns:
        if name not in ("language", "id"):
            matrix = np.zeros(there.shape)
            matrix[at] = placed[name].to_numpy()
            amounts[name] = matrix[kept]
    return amounts, there[kept]


def compare_languages(
    files: list[InputFile],
    tokenizers: Sequence[tuple[str, Tokenizer]],
    output: Output,
    engine: Engine,
    progress: Progress,
    *,
    baseline: str,
    languages: Sequence[str] | None = None,
    documents: Documents = "common",
    resamples: int = 1000,
    on_bad_record: OnBadRecord = "fail",
) -> Manifest:
    """premiums.parquet and the counts of every document in `output`. Skipped when they are there already.

    A row a tokenizer and language: sums over the compared documents, the premium against `baseline` with its 95 %
    interval, and the same ratio of bytes and of characters, which no tokenizer has a part in.
    """
    settings = {
        "tokenizers": [[name, tokenizer_fingerprint(tokenizer)] for name, tokenizer in tokenizers],
        "baseline": baseline,
        "languages": sorted(languages) if languages is not None else None,
        "documents": documents,
        "resamples": resamples,
        "on_bad_record": on_bad_record,
    }
    inputs = describe_inputs(files)
    name = fingerprint("premiums", settings, inputs)
    if (done := output.current(name)) is not None:
        progress.note(f"premiums: unchanged, kept ({output.directory})")
        return done
    began, directory = time.monotonic(), output.directory
    loaded = tuple(tokenizer for _, tokenizer in tokenizers)
    tasks = [MeasureTask(file, i, loaded, on_bad_record, directory) for i, file in enumerate(files)]
    names = [task.name for task in tasks]
    output.begin([*names, PREMIUMS, BAD_RECORDS])
    bad: list[pa.Table] = []
    total = None if any(file.size is None for file in files) else sum(file.size or 0 for file in files)
    with progress.stage("count tokens", total, "B") as advance:
        for index, table in engine.run(measure_file, tasks):
            bad.append(table)
            advance(files[index].size or 0)
    bad_table = pa.concat_tables(bad).sort_by([("path", "ascending"), ("record", "ascending")])
    if on_bad_record == "skip":
        with replacing(directory / BAD_RECORDS) as part:
            pq.write_table(bad_table, part)
    with progress.stage("compare", 1, "tables") as advance:
        wanted = tuple(languages) if languages is not None else None
        task = CompareTask(
            tuple(directory / one for one in names), directory, tuple(one for one, _ in tokenizers), baseline,
            wanted, documents, resamples,
        )  # fmt: skip
        [(_, facts)] = engine.run(compare, [task])
        advance(1)
    written = [*names, PREMIUMS, *([BAD_RECORDS] if on_bad_record == "skip" else [])]
    run = Run(engine=engine.name, workers=engine.workers, seconds=round(time.monotonic() - began, 3))
    return output.finish(name, settings, inputs, written, facts | {"bad_records": len(bad_table)}, run)
