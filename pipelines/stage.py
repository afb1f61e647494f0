"""Stage of a step: an output directory that is written once, and again only if its settings or inputs change.

A step describes its stage, and passes the work to `make`. `make` compares fingerprints, removes the files of an
interrupted run, does the work, lists bad records, removes scratch files, and writes the manifest last.
"""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pipelines.context import Context
from pipelines.corpus.bad_records import BAD_RECORDS, LeftOut, check_share, first_of, write_bad_records
from pipelines.outputs import Manifest, Output, fingerprint, replacing, writing

SCRATCH: Final = "scratch"
"""Name of the folder, in an output directory, for scratch files that tasks write for other tasks."""


@dataclass(frozen=True)
class Stage:
    """Description of a stage: the settings and inputs that determine its content, and the names of its files."""

    kind: str
    """Kind of the stage, which its fingerprint contains. Equal kind, settings and inputs mean equal files."""
    settings: Mapping[str, Any]
    """Settings that determine the content: `Settings.hashed()`, with the fingerprints of tokenizers."""
    inputs: Sequence[Mapping[str, Any]]
    """Identities of the inputs (`outputs.describe_inputs`, or fingerprints of other stages)."""
    files: Sequence[str]
    """Names of the files that may be written. `bad_records.parquet` need not be among them."""
    uses_engine: bool = True
    """True if the work runs tasks on the engine, whose statistics run.json then holds."""
    always: bool = False
    """True if the work is done on every run, because its result depends on the machine."""

    @property
    def fingerprint(self) -> str:
        """Fingerprint of kind, settings and inputs: 64 hexadecimal digits."""
        return fingerprint(self.kind, self.settings, [dict(one) for one in self.inputs])


@dataclass(frozen=True)
class Written:
    """Outcome of the work: names of the files, figures for the manifest, and the records that were skipped."""

    files: Sequence[str]
    facts: Mapping[str, Any] = field(default_factory=dict)
    left_out: LeftOut | None = None
    """Records that were left out: counted in the manifest's facts, and listed with `on_bad_record` "skip"."""


@dataclass(frozen=True)
class Made:
    """A complete stage."""

    manifest: Manifest
    kept: bool
    """True where the directory was up to date and nothing was done."""


def make(stage: Stage, output: Output, context: Context, work: Callable[[Path], Written]) -> Made:
    """Return the complete stage; do the work only if the directory does not hold its result already.

    Call it inside the `with` block of `output`. `work` receives an empty scratch folder, visible to all workers, which
    is removed at the end. Raises WriteFailed, TooManyBadRecords for a kept result of which more was left out than this
    run allows, and what the work raises.
    """
    if not stage.always and (manifest := output.if_current(stage.fingerprint)) is not None:
        check_share(manifest.facts, context.max_bad_share, lambda: first_of(output.directory / BAD_RECORDS))
        context.note_kept(output.stage, output.directory)
        return Made(manifest, kept=True)
    began, directory = time.monotonic(), output.directory
    output.begin([*stage.files, BAD_RECORDS])
    with _scratch_folder(directory) as scratch:
        written = work(scratch)
    files, facts = list(written.files), dict(written.facts)
    if written.left_out is not None:
        facts |= written.left_out.facts
        if context.on_bad_record == "skip":
            with replacing(directory / BAD_RECORDS) as temporary:
                write_bad_records(written.left_out.table, temporary)
            files.append(BAD_RECORDS)
    run = context.run_stats(began, engine=stage.uses_engine)
    inputs = [dict(one) for one in stage.inputs]
    manifest = output.finish(stage.fingerprint, stage.settings, inputs, files, facts, run)
    return Made(manifest, kept=False)


@contextmanager
def _scratch_folder(directory: Path) -> Iterator[Path]:
    """Make an empty scratch folder in the output directory, and remove it when the block ends."""
    scratch = directory / SCRATCH
    shutil.rmtree(scratch, ignore_errors=True)
    with writing(directory):
        scratch.unlink(missing_ok=True)  # in case it is a link, which is not followed
        scratch.mkdir()
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
