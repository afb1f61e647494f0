"""YAML as plain data: no tags, no aliases, no repeated keys. All YAML is parsed here; nothing in it is executed."""

import re
from typing import Any

import yaml

_SURROGATE = re.compile("[\ud800-\udfff]")


class NotPlainYaml(ValueError):
    """A text that is no plain YAML; the message names the line and the problem."""


class _Loader(yaml.SafeLoader):
    """Loader of plain data. Repeated keys, tags and aliases are errors; nested aliases can expand without limit."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            mark: Any = event.start_mark
            raise yaml.MarkedYAMLError(problem="aliases (*name) are not read", problem_mark=mark)
        if getattr(event, "tag", None) is not None:  # a tag may not fit its value: `!!int ""`, `!!bool x`
            raise yaml.MarkedYAMLError(problem=f"tags ({event.tag}) are not read", problem_mark=event.start_mark)
        return super().compose_node(parent, index)

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        value: Any = super().construct_scalar(node)
        if isinstance(value, str) and _SURROGATE.search(value):  # no file name and no text can hold it
            raise yaml.MarkedYAMLError(problem="half a surrogate pair is no character", problem_mark=node.start_mark)
        return value

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


_INT, _FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.construct_mapping)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, regex) for tag, regex in resolvers if tag not in (_INT, _FLOAT)]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
# No numbers in base 60 (1:30 is text), and none with more digits than machine numbers have: these are text.
_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9_]{0,24})$")
_DECIMAL = re.compile(r"[-+]?(?:[0-9]{1,40}\.[0-9]{0,40}|\.[0-9]{1,40})(?:[eE][-+]?[0-9]{1,3})?$|[-+]?\.inf$|\.nan$")
for _tag, _regex in ((_INT, _WHOLE), (_FLOAT, _DECIMAL)):
    _Loader.add_implicit_resolver(_tag, _regex, list("-+0123456789."))


def parse(text: str) -> Any:
    """Parse a YAML text to plain data. Raises NotPlainYaml."""
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise NotPlainYaml(f"{line}{error.problem}; correct the YAML") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise NotPlainYaml(f"is no YAML: {str(error).splitlines()[0]}") from error
