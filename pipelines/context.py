"""What steps share."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipelines.corpus.globs import PASSED_OVER
from pipelines.corpus.sources import InputFile, Source, find_files
from pipelines.corpus.storage import LocalStorage, is_uri, locate
from pipelines.engines.engine import Engine
from pipelines.outputs import Output
from pipelines.progress import Progress
from pipelines.settings import BadSettings, Execution, size_in_bytes


@dataclass(frozen=True)
class Job:
    """What steps share."""

    engine: Engine
    progress: Progress
    execution: Execution

    def look(self, files: Sequence[InputFile], output: Output) -> None:
        """Let the engine see, before its first work, that all its machines see the files and the output."""
        self.engine.require_visible([file.path for file in files], output.directory)

    @property
    def on_bad_record(self) -> Literal["fail", "skip"]:
        """What becomes of records that cannot be read."""
        return self.execution.on_bad_record

    @property
    def memory_bytes(self) -> int | None:
        """What the words and pairs of one worker may take."""
        limit = self.execution.memory_limit
        return None if limit is None else size_in_bytes("memory_limit", limit)


def corpus_files(sources: Sequence[Source], output: Output) -> list[InputFile]:
    """The files to read. Raises BadSettings where the next run would read what this one writes, and as find_files."""
    for source in sources:
        storage, path = locate(source.path.removesuffix("**") or ".")
        folder = Path(path).resolve()
        if isinstance(storage, LocalStorage) and folder.is_dir() and output.directory.is_relative_to(folder):
            parts = output.directory.relative_to(folder).parts
            if not any(part[0] in PASSED_OVER for part in parts):
                raise BadSettings("out", f"{output.directory} lies in {folder}, which is read; name one beside it")
    return find_files(sources)


def out_directory(settings: Any) -> Path:
    """Where a step writes."""
    if not settings.out.strip() or "\0" in settings.out:
        raise BadSettings("out", f"{settings.out!r} names no directory")
    if is_uri(settings.out):
        raise BadSettings("out", f"{settings.out} is a URI; name a directory that this machine sees")
    try:
        return Path(settings.out).expanduser().resolve()
    except (OSError, RuntimeError) as error:  # a name that is too long, links in a circle
        raise BadSettings("out", f"{settings.out[:200]!r} names no directory ({str(error)[:80]})") from error


def summary(output: Output, what: str, facts: dict[str, Any], where: str) -> str:
    """What the command says at its end."""
    bad = facts.get("bad_records", 0)
    left_out = f" ({bad:,} bad records left out, listed in bad_records.parquet)" if bad else ""
    return f"{'kept' if output.kept else 'wrote'} {what}{left_out}: {where}"
