"""Stages run by tests on an engine of their own: the product's functions, with a context made from keywords."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from operators.tokenizer import Tokenizer
from pipelines.context import Context
from pipelines.corpus.sources import InputFile
from pipelines.curves import step as curves_step
from pipelines.curves.settings import Curves
from pipelines.engines.engine import Engine
from pipelines.mixture import step as mixture_step
from pipelines.mixture.settings import Mixture
from pipelines.outputs import Manifest, Output
from pipelines.premiums import step as premiums_step
from pipelines.premiums.settings import Premiums
from pipelines.progress import Progress, Silent
from pipelines.retokenize import incremental
from pipelines.retokenize.options import Encoding
from pipelines.settings import Execution
from pipelines.stage import Made
from pipelines.sweep import step as sweep_step
from pipelines.sweep.settings import Sweep
from pipelines.train import step as train_step
from pipelines.train.settings import Train
from pipelines.words import counting, imported_words


class EngineContext(Context):
    """Context of a test: its engine runs already, its memory limit may be smaller than people may set, and any share of
    the records may be bad, for corpora of tests are short."""

    def __init__(
        self, engine: Engine, progress: Progress | None = None, *, memory_bytes: int | None = None, **execution: Any
    ) -> None:
        super().__init__(
            Execution(**{"max_bad_share": 1.0, **execution}),
            progress if progress is not None else Silent(),
            engine=engine,
        )
        self._memory_bytes = memory_bytes

    @property
    def memory_bytes(self) -> int | None:
        return self._memory_bytes


def count_words(
    files: list[InputFile], pattern: str, directory: Path, engine: Engine, progress: Progress, *,
    partitions: int = 16, blocks: int = 0, memory_bytes: int | None = None, on_bad_record: str = "fail",
) -> Manifest:  # fmt: skip
    context = EngineContext(engine, progress, memory_bytes=memory_bytes, on_bad_record=on_bad_record)
    return counting.count_words(files, pattern, directory, context, partitions=partitions, blocks=blocks).manifest


def import_words(
    files: list[InputFile], pattern: str, directory: Path, engine: Engine, progress: Progress, *,
    partitions: int = 16, memory_bytes: int | None = None,
) -> Manifest:  # fmt: skip
    context = EngineContext(engine, progress, memory_bytes=memory_bytes)
    return imported_words.import_words(files, pattern, directory, context, partitions=partitions).manifest


def train(
    words: Manifest, directory: Path, output: Output, engine: Engine, progress: Progress, *, vocabulary_size: int,
    extended: Tokenizer | None = None, memory_bytes: int | None = None, **settings: Any,
) -> Manifest:  # fmt: skip
    context = EngineContext(engine, progress, memory_bytes=memory_bytes)
    asked = Train(out="", vocab_size=vocabulary_size, pretokenizer=words.settings["pretokenizer"], **settings)
    return train_step.train_words(words, directory, output, asked, extended, context).manifest


def encode_corpus(
    files: list[InputFile], tokenizer: Tokenizer, output: Output, engine: Engine, progress: Progress, *,
    encoding: Encoding | None = None, memory_bytes: int | None = None,
) -> Made:  # fmt: skip
    how = encoding or Encoding()
    context = EngineContext(engine, progress, memory_bytes=memory_bytes, on_bad_record=how.on_bad_record)
    return incremental.encode_corpus(files, tokenizer, output, how, context)


def compare_languages(
    files: list[InputFile], named: Sequence[tuple[str, Tokenizer]], output: Output, engine: Engine,
    progress: Progress, *, on_bad_record: str = "fail", **settings: Any,
) -> Manifest:  # fmt: skip
    asked = Premiums(**{"parallel": [], "tokenizer": [], "out": "", "baseline": "en"} | settings)
    context = EngineContext(engine, progress, on_bad_record=on_bad_record)
    return premiums_step.compare_languages(files, named, output, asked, context).manifest


def infer_categories(
    words: Manifest, directory: Path, tokenizer: Tokenizer, output: Output, engine: Engine, progress: Progress, *,
    extends: Tokenizer | None = None, **settings: Any,
) -> Manifest:  # fmt: skip
    asked = Mixture(categories=[], tokenizer="", out="", **settings)
    context = EngineContext(engine, progress)
    return mixture_step.infer_categories(words, directory, tokenizer, extends, output, asked, context).manifest


def measure_curves(
    files: list[InputFile], tokenizer: Tokenizer, output: Output, engine: Engine, progress: Progress, **settings: Any
) -> Made:
    asked = Curves(parallel=[], tokenizer="", out="", **settings)
    return curves_step.measure_curves(files, tokenizer, output, asked, EngineContext(engine, progress))


def sweep(files: list[InputFile], output: Output, engine: Engine, progress: Progress, **settings: Any) -> Made:
    asked = Sweep(parallel=[], out="", **settings)
    return sweep_step.sweep_files(files, output, asked, EngineContext(engine, progress))
