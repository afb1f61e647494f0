"""Reading configuration: YAML as data, flags over it. The only place that reads YAML; nothing in it is executed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from jobs.settings.base import Corpus, Execution, Settings
from jobs.settings.workflow import Workflow
from operators.errors import UsageError
from pipelines.corpus.sources import Source

LARGEST_FILE_BYTES = 1 << 20
"""Half a megabyte takes PyYAML seconds."""
SomeSettings = TypeVar("SomeSettings", bound=Settings)


class BadConfiguration(UsageError):
    """A configuration that cannot mean anything."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(where, reason)
        self.where, self.reason = where, reason

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


class _Loader(yaml.SafeLoader):
    """Plain data only. A key that stands twice is an error; so are tags, and aliases, which can be bombs."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            mark: Any = event.start_mark
            raise yaml.MarkedYAMLError(problem="aliases (*name) are not read", problem_mark=mark)
        if getattr(event, "tag", None) is not None:  # what a tag claims need not hold: `!!int ""`, `!!bool x`
            raise yaml.MarkedYAMLError(problem=f"tags ({event.tag}) are not read", problem_mark=event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        mapping: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key must be a plain name", problem_mark=key_node.start_mark)
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                key = key_node.value  # a language code such as `no` is a name here, not a boolean
            if key in mapping:
                raise yaml.MarkedYAMLError(problem=f"the key {key!r} stands twice", problem_mark=key_node.start_mark)
            mapping[key] = self.construct_object(value_node, deep=True)
        return mapping


_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.construct_mapping)


def read_yaml(path: str) -> Any:
    """A YAML file's data. Raises BadConfiguration when it is missing, no YAML, or larger than LARGEST_FILE_BYTES."""
    file = Path(path)
    try:
        if file.stat().st_size > LARGEST_FILE_BYTES:
            raise BadConfiguration(path, f"is larger than {LARGEST_FILE_BYTES >> 10} KB; name a configuration file")
        text = file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise BadConfiguration(path, f"is not UTF-8 text (byte {error.start}); name a configuration file") from error
    except OSError as error:
        raise BadConfiguration(path, f"cannot be read: {error.strerror}; name a configuration file") from error
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise BadConfiguration(path, f"{line}{error.problem}; mend the YAML") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BadConfiguration(path, f"is no YAML: {str(error).splitlines()[0]}") from error


def convert(data: Any, kind: type[SomeSettings], where: str) -> SomeSettings:
    """Data as settings; what does not fit is named by its path, as in `$.steps[0].train.vocab_size`."""
    try:
        return msgspec.convert(data, kind)
    except (msgspec.ValidationError, UsageError) as error:
        known = "" if "unknown field" not in str(error) else f"; known here: {', '.join(kind.__struct_fields__)}"
        raise BadConfiguration(where, f"{error}{known if kind is not Workflow else ''}") from error


def read_settings(
    kind: type[SomeSettings], file: str | None, flags: Mapping[str, Any]
) -> tuple[SomeSettings, Execution]:
    """A command's settings and how to run it: from `file`, with flags that are not None over it."""
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


def read_workflow(file: str, flags: Mapping[str, Any]) -> Workflow:
    """The workflow of a file, with the flags that are not None over its execution settings."""
    data = read_yaml(file)
    if not isinstance(data, dict):
        raise BadConfiguration(file, "holds no workflow; write `steps:` and what they are")
    workflow = convert(data | {name: value for name, value in flags.items() if value is not None}, Workflow, file)
    for i, step in enumerate(workflow.steps):
        if len(step.kinds) != 1:
            found = " and ".join(step.kinds) or "nothing"
            raise BadConfiguration(file, f"a step holds one of its kinds, this one {found} - at `$.steps[{i}]`")
    if not workflow.steps:
        raise BadConfiguration(file, "has no steps; list at least one - at `$.steps`")
    return workflow


def read_sources(corpus: Corpus) -> list[Source]:
    """The sources that CORPUS arguments mean: a .yaml file lists sources, anything else is a path, glob or URI."""
    sources: list[Source] = []
    for entry in corpus:
        if isinstance(entry, Source):
            sources.append(entry)
        elif entry.endswith((".yaml", ".yml")):
            data = read_yaml(entry)
            listed = data.get("sources") if isinstance(data, dict) and set(data) == {"sources"} else data
            if not isinstance(listed, list) or not listed:
                raise BadConfiguration(entry, "lists no sources; write `- path: ...` for each")
            for i, one in enumerate(listed):
                try:
                    sources.append(msgspec.convert({"path": one} if isinstance(one, str) else one, Source))
                except (msgspec.ValidationError, UsageError) as error:
                    raise BadConfiguration(entry, f"{error} - in source {i + 1}") from error
        else:
            sources.append(Source(path=entry))
    return sources
