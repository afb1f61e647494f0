"""Short names of tokenizers in tables: the last component of their paths, and the one that a setting names."""

from collections.abc import Sequence
from pathlib import Path

from pipelines.settings import BadSettings


def short_name(reference: str, among: Sequence[str]) -> str:
    """Return the last component of a reference's path; all of it if another reference has the same last component."""
    names = [_stem(one) for one in among]
    name = _stem(reference)
    return name if names.count(name) == 1 else reference


def short_names(references: Sequence[str]) -> list[str]:
    """Return the short name of each. Raises BadSettings for a tokenizer that is named twice, however written."""
    seen: dict[str, str] = {}
    for one in references:
        before = seen.setdefault(absolute(one), one)
        if before is not one:
            raise BadSettings("tokenizer", f"{one!r} is {before!r} once more; name each tokenizer once")
    return [short_name(one, references) for one in references]


def named_reference(reference: str | None, tokenizers: Sequence[str]) -> str | None:
    """Return the name of the tokenizer that the setting `reference` names; None if it is not set.

    reference: one of `tokenizers` as given, or its short name. Raises BadSettings if it is neither.
    """
    if reference is None:
        return None
    names = {one: short_name(one, tokenizers) for one in tokenizers}
    if reference in names.values():
        return reference
    if reference not in names:
        raise BadSettings("reference", f"{reference!r} is none of the tokenizers {', '.join(names.values())}; name one")
    return names[reference]


def absolute(reference: str) -> str:
    """Return a reference whose path does not depend on the working directory."""
    path, comma, rest = reference.partition(",pretokenizer=")
    return f"{Path(path).expanduser().resolve()}{comma}{rest}"


def _stem(reference: str) -> str:
    name = Path(reference.split(",pretokenizer=")[0]).resolve().name
    return name.removesuffix(".json").removesuffix(".tiktoken")
