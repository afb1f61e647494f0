"""The step `extend`: `train` with a tokenizer to extend, as a command of its own."""

from typing import Any, Final

import msgspec

from pipelines.context import Context
from pipelines.extend.settings import Extend
from pipelines.premiums.before_and_after import compare_before_and_after
from pipelines.results import Trained
from pipelines.settings import BadSettings
from pipelines.train.settings import Train
from pipelines.train.step import train

_OUR_NAMES: Final = {"vocab_size": "to", "extend": "tokenizer", "train": "extend"}
"""Name of a setting here, by its name in `train`."""
_NOT_OF_TRAIN: Final = ("tokenizer", "to", "parallel", "baseline")


def extend(settings: Extend, context: Context) -> Trained:
    """Extend a tokenizer. Raises BadSettings, and what `train` and `premiums` raise."""
    try:
        made = train(as_train(settings), context)
    except BadSettings as error:
        raise BadSettings(_OUR_NAMES.get(error.setting, error.setting), error.reason) from error
    compared = compare_before_and_after(settings, settings.tokenizer, made.directory, context)
    return (
        made if compared is None else Trained(made.directory, made.manifest, made.kept, f"{made.summary}\n{compared}")
    )


def as_train(settings: Extend) -> Train:
    """Return the settings of `train` that do the same."""
    shared: dict[str, Any] = {
        name: getattr(settings, name) for name in settings.__struct_fields__ if name not in _NOT_OF_TRAIN
    }
    return msgspec.structs.replace(Train(out=settings.out), **shared, extend=settings.tokenizer, vocab_size=settings.to)
