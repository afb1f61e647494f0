"""Reader of parallel text for curves and sweep: scratch files, and the documents that all languages have."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from pipelines.context import Context
from pipelines.corpus.bad_records import LeftOut, in_order
from pipelines.corpus.sources import InputFile
from pipelines.parallel_text.selection import Choice, Selection, SelectTask, select_documents
from pipelines.parallel_text.texts import ReadTask, Texts, language_column, read_texts, selected_places, skipped_file
from pipelines.similar_names import note_similar


@dataclass(frozen=True)
class Parallel:
    """Scratch files of parallel text, and the selection of documents that all languages have."""

    texts: tuple[Texts, ...]
    selection: Selection

    def evaluated(self, language: str) -> pa.LargeStringArray:
        """Return the common documents of a language, in the baseline's order."""
        return self.all(language).take(selected_places(self.selection.path)[language])

    def others(self, language: str) -> pa.LargeStringArray:
        """Return all other documents of a language, in the order of the corpus."""
        text = self.all(language)
        chosen = set(selected_places(self.selection.path)[language].to_pylist())
        return text.take(pa.array([i for i in range(len(text)) if i not in chosen], pa.int64()))

    def all(self, language: str) -> pa.LargeStringArray:
        """Return every document of a language, in the order of the corpus."""
        return language_column(self.texts, language, "text")


def read_files(
    files: Sequence[InputFile], into: Path, context: Context, *, by_id: bool = False
) -> tuple[tuple[Texts, ...], LeftOut]:
    """Read all files; return their scratch files, in order, and the records left out, sorted by path and record.

    by_id: as of ReadTask.

    A task's scratch file lies in `into` under the task's `name`. Raises TooManyBadRecords, and what reading raises.
    """
    engine, progress = context.engine, context.progress
    tasks = [ReadTask(file, i, context.on_bad_record, into, by_id) for i, file in enumerate(files)]
    total = None if any(file.size is None for file in files) else sum(file.size or 0 for file in files)
    found: dict[int, tuple[Texts, pa.Table]] = {}
    with progress.stage("read", total, "B") as advance:
        for index, read in engine.run(read_texts, tasks, on_lost=skipped_file):
            found[index] = read
            advance(files[index].size or 0)
    ordered = in_order([found[i][1] for i in range(len(tasks))])
    texts = tuple(found[i][0] for i in range(len(tasks)))
    documents = sum(one.documents for one in texts)
    with_text = {file.path for file, one in zip(files, texts, strict=True) if any(one.bytes.values())}
    left_out = LeftOut.of(ordered, documents, (file.path for file in files), with_text)
    left_out.check(context.max_bad_share)
    note_similar((language for one in texts for language in one.batches), progress)
    return texts, left_out


def read_parallel(
    files: Sequence[InputFile], baseline: str, languages: Sequence[str] | None, into: Path, context: Context
) -> tuple[Parallel, LeftOut]:
    """Read the text of all files into `into`; return it with the common documents selected, and the records left out.

    Raises what reading and selecting raise.
    """
    engine, progress = context.engine, context.progress
    texts, left_out = read_files(files, into, context)
    with progress.stage("select documents", 1, "corpora") as advance:
        choice = Choice(baseline, None if languages is None else tuple(languages))
        [(_, selection)] = engine.run(select_documents, [SelectTask(texts, into, choice)])
        advance(1)
    return Parallel(texts, selection), left_out
