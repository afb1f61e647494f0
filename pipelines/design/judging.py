"""Tokens of single documents of the parallel text under each tokenizer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from operators.arrays import F64, I64
from operators.encoding.encode import Encoder
from operators.tokenizer import Tokenizer
from pipelines.context import Context
from pipelines.design.parallel_halves import Halves


@dataclass(frozen=True)
class JudgeTask:
    """One language, its documents to count, and the tokenizers to count them with."""

    halves: Halves
    places: I64
    language: str
    tokenizers: tuple[Tokenizer, ...]

    @property
    def path(self) -> str:
        """Name of the language, for messages."""
        return self.language


def count_judged(task: JudgeTask) -> F64:
    """Worker task: count the tokens of each document of a language, float64[documents, tokenizers]."""
    text = task.halves.text(task.language, task.places)
    return np.stack([Encoder(one).count(text).astype(np.float64) for one in task.tokenizers], 1)


def document_tokens(halves: Halves, places: I64, tokenizers: Sequence[Tokenizer], context: Context) -> list[F64]:
    """Return float64[documents, languages] for each tokenizer, in the order of the documents' places."""
    tasks = [JudgeTask(halves, places, language, tuple(tokenizers)) for language in halves.languages]
    found: dict[int, F64] = {}
    with context.progress.stage("count documents", len(tasks), "languages") as advance:
        for index, counted in context.engine.run(count_judged, tasks):
            found[index] = counted
            advance(1)
    return [np.stack([found[i][:, place] for i in range(len(tasks))], 1) for place in range(len(tokenizers))]
