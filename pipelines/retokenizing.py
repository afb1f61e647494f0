"""A corpus to token ids: one Parquet file for each input file, in its order."""

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from operators.encode import Encoder
from operators.tokenizer import Tokenizer
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.records import read_batches
from pipelines.corpus.sources import InputFile
from pipelines.counting import BAD_RECORDS, EmptyCorpus, OnBadRecord
from pipelines.engine import Engine
from pipelines.outputs import Manifest, Output, Run, describe_inputs, fingerprint, replacing
from pipelines.progress import Progress
from pipelines.tokenizers import tokenizer_fingerprint

TOKENS_SCHEMA: Final = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("tokens", pa.list_(pa.uint32()), nullable=False),
    ]
)


@dataclass(frozen=True)
class EncodeTask:
    """One file to encode into `into/name`."""

    file: InputFile
    name: str
    tokenizer: Tokenizer
    on_bad_record: OnBadRecord
    into: Path

    @property
    def path(self) -> str:
        """The file's name, for messages."""
        return self.file.path


@dataclass(frozen=True)
class Encoded:
    """What a task says of its work, per language: documents, bytes, tokens."""

    documents: dict[str, int]
    bytes: dict[str, int]
    tokens: dict[str, int]
    bad: pa.Table


def encode_file(task: EncodeTask) -> Encoded:
    """Encode one file; its shard appears by rename when it is whole."""
    encoder, bad = Encoder(task.tokenizer), BadRecords(task.on_bad_record)
    documents, sizes, tokens = Counter[str](), Counter[str](), Counter[str]()
    with (
        replacing(task.into / task.name) as part,
        pq.ParquetWriter(part, TOKENS_SCHEMA, compression="zstd") as writer,
    ):
        for batch in read_batches(task.file, bad):
            ids, offsets = encoder.encode(batch.column("text"))
            lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(ids.view("uint32")))
            columns = [batch.column("id"), batch.column("language"), lists.cast(TOKENS_SCHEMA.field("tokens").type)]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=TOKENS_SCHEMA))
            counts = pl.DataFrame(
                {
                    "language": pl.from_arrow(batch.column("language")),
                    "bytes": pl.from_arrow(pa.compute.binary_length(batch.column("text"))),
                    "tokens": offsets[1:] - offsets[:-1],
                }
            )
            for language, n, size, made in (
                counts.group_by("language").agg(pl.len(), pl.col("bytes", "tokens").cast(pl.Int64).sum()).iter_rows()
            ):
                documents[language] += n
                sizes[language] += size
                tokens[language] += made
    return Encoded(dict(documents), dict(sizes), dict(tokens), bad.table())


def shard_names(files: list[InputFile]) -> list[str]:
    """A name for each file's shard: the file's own, with as many of its folders as tell it from the others."""
    paths = [Path(file.path).parts for file in files]
    names = [parts[-1] for parts in paths]
    for depth in range(2, max(map(len, paths), default=0) + 1):
        if len(set(names)) == len(names):
            break
        names = ["--".join(parts[-depth:]).replace("/", "-").replace(":", "-") for parts in paths]
    if len(set(names)) < len(names):  # folders that differ in signs alone
        names = [f"{name}-{i}" for i, name in enumerate(names)]
    return [f"{name}.parquet" for name in names]


def retokenize(
    files: list[InputFile],
    tokenizer: Tokenizer,
    output: Output,
    engine: Engine,
    progress: Progress,
    *,
    on_bad_record: OnBadRecord = "fail",
) -> Manifest:
    """Token shards (id, language, tokens: list of uint32) in `output`. Skipped when they are there already.

    The manifest's facts: documents, bytes and tokens for each language, and bad_records.
    """
    settings = {"tokenizer": tokenizer_fingerprint(tokenizer), "on_bad_record": on_bad_record}
    inputs = describe_inputs(files)
    name = fingerprint("tokens", settings, inputs)
    if (done := output.current(name)) is not None:
        progress.note(f"tokens: unchanged, kept ({output.directory})")
        return done
    began, directory = time.monotonic(), output.directory
    names = shard_names(files)
    output.begin([*names, BAD_RECORDS])
    tasks = [
        EncodeTask(file, shard, tokenizer, on_bad_record, directory) for file, shard in zip(files, names, strict=True)
    ]
    total = None if any(file.size is None for file in files) else sum(file.size or 0 for file in files)
    sums = {"documents": Counter[str](), "bytes": Counter[str](), "tokens": Counter[str]()}
    bad: list[pa.Table] = []
    with progress.stage("retokenize", total, "B") as advance:
        for index, encoded in engine.run(encode_file, tasks):
            for figure, counts in sums.items():
                counts.update(getattr(encoded, figure))
            bad.append(encoded.bad)
            advance(files[index].size or 0)
    if not sum(sums["bytes"].values()):
        raise EmptyCorpus(len(files))
    bad_table = pa.concat_tables(bad).sort_by([("path", "ascending"), ("record", "ascending")])
    if on_bad_record == "skip":
        names = [*names, BAD_RECORDS]
        with replacing(directory / BAD_RECORDS) as part:
            pq.write_table(bad_table, part)
    languages = {one: {figure: counts[one] for figure, counts in sums.items()} for one in sorted(sums["documents"])}
    run = Run(engine=engine.name, workers=engine.workers, seconds=round(time.monotonic() - began, 3))
    facts = {"languages": languages, "bad_records": len(bad_table)}
    return output.finish(name, settings, inputs, names, facts, run)
