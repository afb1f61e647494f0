"""babelmerge for programs and notebooks.

    import babelmerge as bm

    tokenizer = bm.train(texts, vocab_size=8192)            # texts in memory: list, generator, Arrow, Polars
    ids, offsets = tokenizer.encode_batch(texts)            # numpy arrays
    tokenizer.decode_batch(ids, offsets)                    # Arrow text
    bm.Tokenizer.load("gpt2.json").encode("any text")       # whatever --tokenizer takes
    bm.premiums(frame, tokenizers=["gpt2.json", tokenizer], baseline="eng_Latn").table

    result = bm.run(bm.Train(corpus=["texts/*.txt"], vocab_size=32768, out="tokenizer"))   # as the command line
    result.directory, result.kept, result.merges            # pathlib.Path, bool, a lazy Polars frame

Names are imported when they are first used: `import babelmerge` itself loads no library.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from jobs.version import __version__

if TYPE_CHECKING:
    from jobs.decode.settings import Decode
    from jobs.encode.settings import Encode
    from jobs.report.settings import Report
    from jobs.run import run
    from jobs.show.settings import Show
    from operators.errors import BabelmergeError, DataError, UsageError
    from pipelines.adapt.settings import Adapt
    from pipelines.add.settings import Add
    from pipelines.compare.settings import Compare
    from pipelines.convert.settings import Convert
    from pipelines.corpus.sources import Source
    from pipelines.curves.settings import Curves
    from pipelines.design.settings import Design
    from pipelines.extend.settings import Extend
    from pipelines.in_memory.premiums import PremiumTables, premiums
    from pipelines.in_memory.sequences import decode_sequences, encode_sequences
    from pipelines.in_memory.tokenizer import Tokenizer
    from pipelines.in_memory.train import train
    from pipelines.inspect.settings import Inspect
    from pipelines.join.settings import Join
    from pipelines.mixture.settings import Mixture
    from pipelines.peek.settings import Peek
    from pipelines.plan.settings import Plan
    from pipelines.premiums.settings import Premiums
    from pipelines.privacy.settings import Privacy
    from pipelines.prune.settings import Prune
    from pipelines.results import (
        Adapted,
        Added,
        CompareResult,
        Converted,
        CurvesResult,
        DesignResult,
        Inspected,
        JoinedTokenizer,
        MixtureResult,
        Peeked,
        PlanResult,
        PremiumsResult,
        PrivacyResult,
        Pruned,
        ReportResult,
        Retokenized,
        ShowResult,
        Streamed,
        SweepResult,
        Trained,
    )
    from pipelines.retokenize.settings import Retokenize
    from pipelines.sweep.settings import Sweep
    from pipelines.train.settings import Train

_HOMES: Final = {
    "Adapt": "pipelines.adapt.settings",
    "Adapted": "pipelines.results",
    "Add": "pipelines.add.settings",
    "Added": "pipelines.results",
    "BabelmergeError": "operators.errors",
    "Compare": "pipelines.compare.settings",
    "CompareResult": "pipelines.results",
    "Convert": "pipelines.convert.settings",
    "Converted": "pipelines.results",
    "Curves": "pipelines.curves.settings",
    "CurvesResult": "pipelines.results",
    "DataError": "operators.errors",
    "Decode": "jobs.decode.settings",
    "Design": "pipelines.design.settings",
    "DesignResult": "pipelines.results",
    "Extend": "pipelines.extend.settings",
    "Encode": "jobs.encode.settings",
    "Inspect": "pipelines.inspect.settings",
    "Inspected": "pipelines.results",
    "Join": "pipelines.join.settings",
    "JoinedTokenizer": "pipelines.results",
    "Mixture": "pipelines.mixture.settings",
    "MixtureResult": "pipelines.results",
    "Peek": "pipelines.peek.settings",
    "Peeked": "pipelines.results",
    "Plan": "pipelines.plan.settings",
    "PlanResult": "pipelines.results",
    "PremiumTables": "pipelines.in_memory.premiums",
    "Premiums": "pipelines.premiums.settings",
    "PremiumsResult": "pipelines.results",
    "Privacy": "pipelines.privacy.settings",
    "PrivacyResult": "pipelines.results",
    "Prune": "pipelines.prune.settings",
    "Pruned": "pipelines.results",
    "Report": "jobs.report.settings",
    "ReportResult": "pipelines.results",
    "Retokenize": "pipelines.retokenize.settings",
    "Retokenized": "pipelines.results",
    "Show": "jobs.show.settings",
    "ShowResult": "pipelines.results",
    "Source": "pipelines.corpus.sources",
    "Streamed": "pipelines.results",
    "Sweep": "pipelines.sweep.settings",
    "SweepResult": "pipelines.results",
    "Tokenizer": "pipelines.in_memory.tokenizer",
    "Train": "pipelines.train.settings",
    "Trained": "pipelines.results",
    "UsageError": "operators.errors",
    "decode_sequences": "pipelines.in_memory.sequences",
    "encode_sequences": "pipelines.in_memory.sequences",
    "premiums": "pipelines.in_memory.premiums",
    "run": "jobs.run",
    "train": "pipelines.in_memory.train",
}
"""Name to the module that defines it."""

__all__ = [
    "Adapt",
    "Adapted",
    "Add",
    "Added",
    "BabelmergeError",
    "Compare",
    "CompareResult",
    "Convert",
    "Converted",
    "Curves",
    "CurvesResult",
    "DataError",
    "Decode",
    "Design",
    "DesignResult",
    "Encode",
    "Extend",
    "Inspect",
    "Inspected",
    "Join",
    "JoinedTokenizer",
    "Mixture",
    "MixtureResult",
    "Peek",
    "Peeked",
    "Plan",
    "PlanResult",
    "PremiumTables",
    "Premiums",
    "PremiumsResult",
    "Privacy",
    "PrivacyResult",
    "Prune",
    "Pruned",
    "Report",
    "ReportResult",
    "Retokenize",
    "Retokenized",
    "Show",
    "ShowResult",
    "Source",
    "Streamed",
    "Sweep",
    "SweepResult",
    "Tokenizer",
    "Train",
    "Trained",
    "UsageError",
    "__version__",
    "decode_sequences",
    "encode_sequences",
    "premiums",
    "run",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
