"""babelmerge for programs and notebooks.

    import babelmerge as bm

    tokenizer = bm.train(texts, vocab_size=8192)            # texts in memory: list, generator, Arrow, Polars
    ids, offsets = tokenizer.encode_batch(texts)            # numpy arrays
    tokenizer.decode_batch(ids, offsets)                    # Arrow text
    bm.Tokenizer.load("gpt2.json").encode("any text")       # whatever --tokenizer takes
    bm.premiums(frame, tokenizers=["gpt2.json", tokenizer], baseline="eng_Latn").table

Names are imported when they are first used: `import babelmerge` itself loads no library.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from jobs.version import __version__

if TYPE_CHECKING:
    from jobs.report.settings import Report
    from operators.errors import BabelmergeError, DataError, UsageError
    from pipelines.corpus.sources import Source
    from pipelines.curves.settings import Curves
    from pipelines.in_memory.tokenizer import Tokenizer
    from pipelines.in_memory.train import train
    from pipelines.mixture.settings import Mixture
    from pipelines.plan.settings import Plan
    from pipelines.premiums.settings import Premiums
    from pipelines.retokenize.settings import Retokenize
    from pipelines.sweep.settings import Sweep
    from pipelines.train.settings import Train

_HOMES: Final = {
    "BabelmergeError": "operators.errors",
    "Curves": "pipelines.curves.settings",
    "DataError": "operators.errors",
    "Mixture": "pipelines.mixture.settings",
    "Plan": "pipelines.plan.settings",
    "Premiums": "pipelines.premiums.settings",
    "Report": "jobs.report.settings",
    "Retokenize": "pipelines.retokenize.settings",
    "Source": "pipelines.corpus.sources",
    "Sweep": "pipelines.sweep.settings",
    "Tokenizer": "pipelines.in_memory.tokenizer",
    "Train": "pipelines.train.settings",
    "UsageError": "operators.errors",
    "train": "pipelines.in_memory.train",
}
"""Name to the module that defines it."""

__all__ = [
    "BabelmergeError",
    "Curves",
    "DataError",
    "Mixture",
    "Plan",
    "Premiums",
    "Report",
    "Retokenize",
    "Source",
    "Sweep",
    "Tokenizer",
    "Train",
    "UsageError",
    "__version__",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
