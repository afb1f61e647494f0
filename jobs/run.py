"""Running a command from Python: settings in, a typed result out."""

from typing import Literal, TypeVar

import msgspec

from jobs.commands import run_settings
from jobs.configuration import BadConfiguration, SomeSettings, convert
from jobs.progress import listener
from pipelines.results import Result
from pipelines.settings import Execution, Settings

SomeResult = TypeVar("SomeResult", bound=Result)


def run(
    settings: Settings[SomeResult],
    *,
    engine: Literal["auto", "ray", "local"] = "auto",
    workers: int | None = None,
    progress: Literal["auto", "json", "off"] = "auto",
    memory_limit: str | None = None,
    on_bad_record: Literal["fail", "skip"] = "fail",
    max_bad_share: float = 0.1,
    max_failures: int = 100,
) -> SomeResult:
    """Run a command, as on the command line: a result that is up to date is kept, else its files are made.

    Args:
        settings: settings of a command, as `babelmerge.Train(corpus=["texts/*.txt"], out="tokenizer")`.
        engine: `local` uses threads; `ray` the cluster that RAY_ADDRESS names, or one on this machine; `auto` decides.
        workers: workers that share the work, at most; None: one for each processor.
        progress: display on stderr: `auto` shows bars on a terminal and in a notebook that has ipywidgets, else lines.
        memory_limit: memory of one worker for its tables, as "4GB".
        on_bad_record: whether a record that cannot be read ends the run, or is left out and listed.
        max_bad_share: share of the records, 0 to 1, that may be left out before the run ends with an error.
        max_failures: workers that may be lost and replaced.

    The result has the output's `directory` and `manifest`, whether it was `kept`, its `summary` for people, and its
    tables as lazy Polars frames.

    Raises BadConfiguration for anything but settings and for settings of wrong types, and what the command reports:
    each a BabelmergeError.

    >>> import babelmerge as bm
    >>> result = bm.run(bm.Train(corpus=["corpus.txt"], vocab_size=258, out="tok"), engine="local", progress="off")
    >>> result.kept, result.merges.select("token_bytes").collect().to_series().to_list()
    (False, [b'ab', b' ab'])
    >>> bm.run(bm.Train(corpus=["corpus.txt"], vocab_size=258, out="tok"), engine="local", progress="off").kept
    True
    >>> bm.Tokenizer.load(result.directory).encode("ab ab").tolist()
    [256, 257]
    """
    execution = Execution(
        engine=engine, workers=workers, progress=progress, memory_limit=memory_limit, on_bad_record=on_bad_record,
        max_bad_share=max_bad_share, max_failures=max_failures,
    )  # fmt: skip
    return run_settings(_checked(settings), _checked(execution), listener(execution.progress))


def _checked(settings: SomeSettings) -> SomeSettings:
    """Return the same settings, types and bounds verified; paths may be `pathlib.Path`. Raises BadConfiguration."""
    if not isinstance(settings, Settings):
        raise BadConfiguration("run", f"takes settings, as babelmerge.Train(...), not {settings!r:.80}")
    return convert(msgspec.to_builtins(settings, enc_hook=str), type(settings), type(settings).__name__)
