"""The stages that faults meet: what each runs, on small data, and where a fault is aimed."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from pipelines.corpus.sources import Source, find_files
from pipelines.engines.engine import Engine
from pipelines.engines.local_engine import LocalEngine
from pipelines.outputs import Manifest, Output, read_manifest
from pipelines.progress import Silent
from pipelines.tokenizers import load_tokenizer
from pipelines.train.checkpoint import Checkpoint
from pipelines.words.blocks import BLOCKS
from tests.pipelines.corpora import write_corpus
from tests.pipelines.premiums.corpora import four_languages
from tests.pipelines.steps import compare_languages, count_words, encode_corpus, infer_categories, train

PARTITIONS: Final = 6


@dataclass(frozen=True)
class Stage:
    """One stage of the pipeline."""

    name: str
    run: Callable[[Path, Path, Engine], object]
    """Run of the stage: what `prepare` made, into a directory, on an engine."""
    target: str
    """Work of a worker, as its module and name: a task, or a method of a worker's state."""
    reads: tuple[str, ...]
    """Functions that read its files."""


def prepare(made: Path) -> None:
    """corpus/, parallel/, words/, tok/, and blocks/ (words by blocks), for all stages."""
    write_corpus(made / "corpus", 200)
    for language in ("aa", "bb"):  # words enough for merges enough for a mixture
        draw = random.Random(language)
        syllables = ["".join(draw.choices("abdegiklmnoprstu", k=2)) for _ in range(60)]
        words = [" " + "".join(draw.choices(syllables, k=draw.randint(1, 4))) for _ in range(3000)]
        lines = ["".join(words[i : i + 10]) + "\n" for i in range(0, len(words), 10)]
        (made / f"corpus/{language}.txt").write_text("".join(lines))
    four_languages(made / "parallel")
    engine = LocalEngine(2)
    counted = _count(made, made / "words", engine)
    with Output(made / "tok", "tokenizer") as output:
        train(counted, made / "words", output, engine, Silent(), vocabulary_size=900)
    files = find_files([Source(path=str(made / "corpus"))])
    count_words(files, "gpt4", made / "blocks", engine, Silent(), partitions=PARTITIONS, blocks=BLOCKS)
    engine.close()


def _count(made: Path, out: Path, engine: Engine) -> Manifest:
    files = find_files([Source(path=str(made / "corpus"))])
    return count_words(files, "gpt4", out, engine, Silent(), partitions=PARTITIONS)


def _train(made: Path, out: Path, engine: Engine) -> None:
    words = read_manifest(made / "words")
    assert words is not None
    with Output(out, "tokenizer") as output:
        train(words, made / "words", output, engine, Silent(), vocabulary_size=500)


def _retokenize(made: Path, out: Path, engine: Engine) -> None:
    with Output(out, "tokens") as output:
        files = find_files([Source(path=str(made / "corpus"))])
        encode_corpus(files, load_tokenizer(str(made / "tok")), output, engine, Silent())


def _compare(made: Path, out: Path, engine: Engine) -> None:
    with Output(out, "premiums") as output:
        files = find_files([Source(path=str(made / "parallel"))])
        named = [("tok", load_tokenizer(str(made / "tok")))]
        compare_languages(files, named, output, engine, Silent(), resamples=100)


def _infer(made: Path, out: Path, engine: Engine) -> None:
    words = read_manifest(made / "blocks")
    assert words is not None
    with Output(out, "mixture") as output:
        tokenizer = load_tokenizer(str(made / "tok"))
        infer_categories(words, made / "blocks", tokenizer, output, engine, Silent())


_FILES: Final = "pipelines.corpus.storage.LocalStorage.open"

STAGES: Final = {
    stage.name: stage
    for stage in (
        Stage("count", _count, "pipelines.words.counting.count_spans", (_FILES,)),
        Stage("shuffle", _count, "pipelines.words.partitions.add_up", ("pyarrow.memory_map",)),
        Stage("train", _train, "pipelines.train.rounds.TrainingShard.apply", ("pyarrow.parquet.ParquetFile",)),
        Stage("retokenize", _retokenize, "pipelines.retokenize.incremental.encode_split", (_FILES,)),
        Stage("premiums", _compare, "pipelines.premiums.step.count_tokens", (_FILES, "pyarrow.OSFile")),
        Stage("mixture", _infer, "pipelines.mixture.rank_evidence.emit_partitions", ("pyarrow.parquet.read_table",)),
    )
}


def make_small(patch: pytest.MonkeyPatch) -> None:
    """Files are cut small, so that there are tasks enough; waits are short."""
    patch.setattr("pipelines.words.spans.SMALLEST_SPAN_BYTES", 500)
    patch.setattr("pipelines.retry.PAUSES_S", (0.01, 0.01, 0.01))
    made = Checkpoint.__init__
    patch.setattr(made, "__defaults__", (0.0, *(made.__defaults__ or ())[1:]))  # every round is written at once


def files_of(out: Path) -> dict[str, bytes]:
    """Every file of a directory but how the run went, which differs from run to run."""
    paths = sorted(path for path in out.rglob("*") if path.is_file() and path.name != "run.json")
    return {str(path.relative_to(out)): path.read_bytes() for path in paths}
