"""Configuration from YAML files (jobs/plain_yaml.py) and flags, which take precedence."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, get_args, get_origin

import msgspec

from operators.errors import UsageError
from pipelines.corpus.sources import Source
from pipelines.settings import BadSettings, Corpus, Execution, Settings, own_first, refuse_repeated

LARGEST_FILE_BYTES = 1 << 20
"""Largest configuration file; PyYAML needs seconds for half of it."""
_BOUND: Final = re.compile(r"Expected `(?:int|float)` (<=?|>=?) (\S+)")
_BOUNDS: Final = {">=": "at least", "<=": "at most", ">": "above", "<": "below"}
_PLACE: Final = re.compile(r"(.*) - at `\$\.(\w+)(?:\[[\d.]+\])?`")
"""Pattern of msgspec's messages about a whole setting, not about something inside it."""
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*?)`(?: - at `\$(.*)`)?", re.DOTALL)
_SHOWN: Final = 80
"""Largest number of characters of a value in a message."""
SomeSettings = TypeVar("SomeSettings", bound=Settings[Any])


class BadConfiguration(UsageError):
    """A configuration file or a flag that does not fit the settings."""

    where: str
    reason: str
    message = "{where}: {reason}"


def read_yaml(path: str) -> Any:
    """Read a YAML file as plain data. Raises BadConfiguration: missing, not YAML, too large."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST_FILE_BYTES + 1)  # not by its size, which devices and pipes do not have
        if len(content) > LARGEST_FILE_BYTES:
            raise BadConfiguration(path, f"is larger than {LARGEST_FILE_BYTES >> 10} KB; name a configuration file")
        text = content.decode()
    except UnicodeDecodeError as error:
        raise BadConfiguration(path, f"is not UTF-8 text (byte {error.start}); name a configuration file") from error
    except OSError as error:
        raise BadConfiguration(path, f"cannot be read: {error.strerror}; name a configuration file") from error
    from jobs.plain_yaml import NotPlainYaml, parse  # most commands have flags only

    try:
        return parse(text)
    except NotPlainYaml as error:
        raise BadConfiguration(path, str(error)) from error


def convert(data: Any, kind: type[SomeSettings], where: str, *, nested: bool = False) -> SomeSettings:
    """Convert plain data to settings. Raises BadConfiguration, with the path of the wrong value if settings are nested.

    nested: the settings contain other settings, so a name alone would be ambiguous; a path is one such as
    `$.steps[0].train.vocab_size`.
    """
    try:
        converted: SomeSettings = msgspec.convert(data, kind)
        _verify_texts(converted)
        return converted
    except (msgspec.ValidationError, UsageError) as error:
        raise BadConfiguration(where, _explained(str(error), data, kind, nested=nested)) from error


def _verify_texts(settings: msgspec.Struct) -> None:
    """Raise BadSettings for an empty text, also in a list: no name, path or expression is empty; and for a text, number
    or source that stands twice in a list.
    """
    for field in msgspec.structs.fields(settings):
        value = getattr(settings, field.name)
        values = value if isinstance(value, list) else [value]
        for one in values:
            if one == "":
                raise BadSettings(field.name, "is empty; write a value, or leave it out")
            if isinstance(one, Settings):
                _verify_texts(one)
        if isinstance(value, list) and not any(isinstance(one, Settings) for one in value):
            refuse_repeated(field.name, value)


def _explained(problem: str, data: Mapping[str, Any], kind: type[msgspec.Struct], *, nested: bool) -> str:
    """Return msgspec's message about one setting, with its value and the accepted values or keys added."""
    if unknown := _UNKNOWN.fullmatch(problem):
        return f"{problem}; {_keys_like(unknown[1], _struct_at(kind, unknown[2] or ''))}"
    if problem.startswith("Expected `str") and "got `bool`" in problem:
        return f'{problem}; YAML reads no, yes, on and off as false and true: write it in quotes, as "no"'
    if nested:
        return problem
    match = _PLACE.fullmatch(problem)
    if match is None:
        return problem
    reason, name = match.groups()
    if reason.startswith("Invalid enum value"):
        kinds = next(field.type for field in msgspec.structs.fields(kind) if field.name == name)
        return f"{name}: {_shortened(data[name])} is none of {', '.join(map(str, _choices(kinds)))}"
    if bound := _BOUND.fullmatch(reason):
        given = repr(data[name])[:_SHOWN] if isinstance(data[name], int | float) else "each number"
        return f"{name}: {given} must be {_BOUNDS[bound[1]]} {bound[2].removesuffix('.0')}"
    given = repr(data[name]) if isinstance(data[name], str | int | float) else ""  # other values may contain secrets
    return f"{name}: {reason}, not {given[:_SHOWN]}" if given else f"{name}: {reason}"


def _shortened(value: Any) -> str:
    return (", ".join(map(repr, value)) if isinstance(value, list) else repr(value))[:_SHOWN]


def _choices(kind: Any) -> list[Any]:
    """Return the values of a Literal, also one that may be None."""
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    return [choice for one in get_args(kind) for choice in _choices(one)]


def _struct_at(kind: Any, path: str) -> type[msgspec.Struct]:
    """Return the settings at a path such as `.steps[0].train`; a list and a union stand for the settings in them."""
    for name in re.findall(r"\.(\w+)", path):
        kind = next(field.type for field in msgspec.structs.fields(_struct_in(kind)) if field.encode_name == name)
    found: type[msgspec.Struct] = _struct_in(kind)
    return found


def _struct_in(kind: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    return next((found for one in get_args(kind) if (found := _struct_in(one)) is not None), None)


def _keys_like(key: str, kind: type[msgspec.Struct]) -> str:
    """Return the nearest key in words, and all keys."""
    keys = [field.encode_name for field in own_first(kind)]
    nearest = get_close_matches(key, keys, n=1, cutoff=0.6)
    return (f"did you mean `{nearest[0]}`? " if nearest else "") + f"known here: {', '.join(keys)}"


def read_settings(
    kind: type[SomeSettings], file: str | None, flags: Mapping[str, Any]
) -> tuple[SomeSettings, Execution]:
    """Return a command's settings and its execution settings: from `file` and from flags, which take precedence."""
    data = read_yaml(file) if file is not None else {}
    if not isinstance(data, dict):
        raise BadConfiguration(str(file), f"holds no settings but a {type(data).__name__}; write `name: value` lines")
    where = file or "command line"
    data = data | {name: value for name, value in flags.items() if value is not None}
    execution = {name: data.pop(name) for name in Execution.__struct_fields__ if name in data}
    for field in msgspec.structs.fields(kind):
        if field.required and field.name not in data:
            raise BadConfiguration(where, f"{field.name} is missing; give it on the command line or in --conf FILE")
    return convert(data, kind, where), convert(execution, Execution, where)


def is_file(value: Any) -> bool:
    """Return True for a text that names a YAML file."""
    return isinstance(value, str) and value.endswith((".yaml", ".yml"))


def mapping_in(kind: Any) -> Any:
    """Return the mapping that a type is or has among its alternatives; None without one."""
    if get_origin(kind) is dict:
        return kind
    return next((found for one in get_args(kind) if (found := mapping_in(one)) is not None), None)


def read_mapping(setting: str, file: str, kind: Any) -> Any:
    """Return the values by name of a YAML file: a mapping, or one under the name of the setting.

    kind: type of the mapping, such as dict[str, float]. Raises BadConfiguration.
    """
    data = read_yaml(file)
    if isinstance(data, dict) and set(data) == {setting}:
        data = data[setting]
    try:
        return msgspec.convert(data, kind)
    except (msgspec.ValidationError, UsageError) as error:
        raise BadConfiguration(
            file, f"{_explained(str(error), {}, kind, nested=True)}; write `name: value` lines"
        ) from error


def read_sources(corpus: Corpus) -> list[Source]:
    """Return the sources of a corpus: a .yaml file lists sources; any other text is a path, a glob or a URI."""
    sources: list[Source] = []
    for entry in corpus:
        if isinstance(entry, Source):
            sources.append(entry)
        elif is_file(entry):
            data = read_yaml(entry)
            listed = data.get("sources") if isinstance(data, dict) and set(data) == {"sources"} else data
            if not isinstance(listed, list) or not listed:
                raise BadConfiguration(entry, "lists no sources; write `- path: ...` for each")
            for i, one in enumerate(listed):
                try:
                    sources.append(msgspec.convert({"path": one} if isinstance(one, str) else one, Source))
                except (msgspec.ValidationError, UsageError) as error:
                    explained = _explained(str(error), {}, Source, nested=True)
                    raise BadConfiguration(entry, f"{explained} - in source {i + 1}") from error
        else:
            sources.append(Source(path=entry))
    return sources
