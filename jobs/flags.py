"""Flags of a command, generated from the fields of its settings, and their values as plain data.

Every flag of a list takes NAME,NAME,... and may be repeated; so does every flag of numbers by name. A comma that
belongs to a name is written `\\,`. A name that is given twice is refused.
"""

import inspect
import re
import types
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import msgspec
import typer

from jobs.configuration import BadConfiguration, is_file
from pipelines.settings import Settings, documentation, own_first

SEVERAL: Final = "(several: with commas, or the flag again)"
_COMMA: Final = re.compile(r"(?<!\\),(?!pretokenizer=)")
"""Comma between entries; FILE.tiktoken,pretokenizer=NAME is one."""


def parameters(settings: type[Settings[Any]]) -> list[inspect.Parameter]:
    """Return the fields of settings as parameters of a typer command."""
    lines, positional = documentation(settings), positional_of(settings)
    return [_flag(field, lines[field.name], field.name in positional) for field in own_first(settings)]


def positional_of(settings: type[Settings[Any]]) -> tuple[str, ...]:
    """Return the fields that take the positional arguments: POSITIONAL, else the first one if it is a list."""
    first = own_first(settings)[0]
    return settings.POSITIONAL or ((first.name,) if get_origin(_plain(first.type)) is list else ())


def given(kinds: Iterable[type[Settings[Any]]], flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flags that have values: lists and mappings of names to numbers are parsed. Raises BadConfiguration."""
    values = {name: value for name, value in flags.items() if value is not None and value != []}
    for kind in kinds:
        for field in msgspec.structs.fields(kind):
            if field.name in values and field.name not in positional_of(kind):
                values[field.name] = _parsed(field, values[field.name])
    return values


def _plain(kind: Any) -> Any:
    """Return a field's type without bounds and None, as a flag takes it."""
    if get_origin(kind) is Annotated:
        return _plain(get_args(kind)[0])
    if get_origin(kind) in (types.UnionType, Union):
        return _plain(next(one for one in get_args(kind) if one is not type(None)))
    return kind


def _flag(field: msgspec.structs.FieldInfo, line: str, positional: bool) -> inspect.Parameter:
    """Return a field as a parameter of a typer command. Its default is None, so that --conf can supply the value."""
    kind = _plain(field.type)
    name = "--" + field.name.replace("_", "-")
    default = field.default if field.default is not msgspec.NODEFAULT else None
    shown = f" [default: {default}]" if default not in (None, []) else ""
    if positional and get_origin(kind) is list:
        annotation: Any = Annotated[
            list[str] | None, typer.Argument(metavar=f"{field.name.upper()}...", help=line, show_default=False)
        ]
    elif positional:
        annotation = Annotated[str | None, typer.Argument(metavar=field.name.upper(), help=line, show_default=False)]
    elif get_origin(kind) in (list, dict):
        entry = "NAME=NUMBER" if get_origin(kind) is dict else "NUMBER" if _is_of_numbers(kind) else "NAME"
        option = typer.Option(name, metavar=f"{entry},...", help=f"{line} {SEVERAL}")
        annotation = Annotated[list[str] | None, option]
    elif kind is bool:
        annotation = Annotated[bool | None, typer.Option(f"{name}/--no-{name[2:]}", help=line + shown)]
    elif get_origin(kind) is Literal:
        choices = "|".join(get_args(kind))
        annotation = Annotated[str | None, typer.Option(name, metavar=choices, help=line + shown)]
    else:
        annotation = Annotated[kind | None, typer.Option(name, help=line + shown)]
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _is_of_numbers(kind: Any) -> bool:
    return _plain(get_args(kind)[0]) is int


def _parsed(field: msgspec.structs.FieldInfo, value: Any) -> Any:
    kind, flag = _plain(field.type), "--" + field.name.replace("_", "-")
    if get_origin(kind) is dict:
        if len(value) == 1 and is_file(value[0]):  # which holds the numbers
            return value[0]
        pairs = [_pair(flag, entry) for entry in _entries(flag, value)]
        for name, number in Counter(name for name, _ in pairs).items():
            if number > 1:
                raise BadConfiguration(flag, f"{name!r} is given twice; name it once")
        return dict(pairs)
    if get_origin(kind) is list:
        entries = _entries(flag, value)
        return [_number(flag, entry, int) for entry in entries] if _is_of_numbers(kind) else entries
    return value


def _entries(flag: str, values: list[str]) -> list[str]:
    r"""Split values at commas: `_entries("--languages", ["en,de", "a\\,b"])` is ["en", "de", "a,b"]."""
    entries = [entry.replace("\\,", ",").strip() for value in values for entry in _COMMA.split(value)]
    if "" in entries:
        raise BadConfiguration(flag, f"{','.join(values)!r} has an empty entry; write NAME,NAME,...")
    return entries


def _pair(flag: str, entry: str) -> tuple[str, float]:
    name, is_given, number = entry.rpartition("=")
    if not is_given:
        raise BadConfiguration(flag, f"{entry!r} is not NAME=NUMBER")
    return name.strip(), _number(flag, number, float, entry)


def _number(flag: str, text: str, kind: Callable[[str], Any], entry: str | None = None) -> Any:
    try:
        return kind(text) if kind is not float or not text.endswith("%") else float(text[:-1]) / 100
    except ValueError:
        what = f"{entry!r} is not NAME=NUMBER" if entry else f"{text!r} is not a whole number; write NUMBER,NUMBER,..."
        raise BadConfiguration(flag, what) from None
