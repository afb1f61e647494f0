"""Every error of the shared rooms is one line, whatever names a corpus brings."""

import inspect
from importlib import import_module
from typing import Any

import pytest

from operators.errors import BabelmergeError

MODULES = (
    "corpus.bad_records", "corpus.errors", "engines.nodes", "engines.ray_connection", "engines.ray_engine",
    "engines.ray_workers", "engines.run_stats", "memory", "outputs", "parallel_text.selection", "storage_errors",
    "words.blocks", "words.imported_words", "words.weighting",
)  # fmt: skip
NAME = "a\nb\x1b[31m\u202e s3://user:hunter2@bucket/c"
VALUES: dict[str, Any] = {
    "int": 3,
    "float": 1.5,
    "list[str]": [NAME, NAME],
    "tuple[str, ...]": (NAME,),
    "tuple[tuple[str, str], ...]": ((NAME, NAME),),
    "tuple[tuple[str, tuple[str, ...]], ...]": ((NAME, (NAME,)),),
}


def errors() -> list[type[BabelmergeError]]:
    modules = [import_module(f"pipelines.{name}") for name in MODULES]
    return [
        kind
        for module in modules
        for kind in vars(module).values()
        if inspect.isclass(kind) and issubclass(kind, BabelmergeError) and kind.__module__ == module.__name__
    ]


@pytest.mark.parametrize("kind", errors(), ids=lambda kind: kind.__name__)
def test_an_error_is_one_printable_line_without_secrets(kind: type[BabelmergeError]) -> None:
    fields: dict[str, Any] = {}
    for ancestor in reversed(kind.__mro__):
        if ancestor is not BabelmergeError and issubclass(ancestor, BabelmergeError):
            fields |= inspect.get_annotations(ancestor)
    values = [VALUES.get(hint.__name__ if hint in (int, float) else str(hint), NAME) for hint in fields.values()]
    message = str(kind(*values))
    assert message and message.isprintable() and "hunter2" not in message
