"""Text of docs/reference/settings.md, from the definitions of the settings."""

from typing import Any

import msgspec

from jobs.commands import COMMANDS
from pipelines.corpus.sources import Source
from pipelines.settings import Execution, documentation, own_first

OPENING = """# Settings

Written by `babelmerge settings`; each setting is defined once, in the `settings.py` of its command. A command takes
each as a flag (`vocab_size` is `--vocab-size`) and as a key of the file that `--conf` names; a workflow file takes it
as a key of its step; Python takes it as an argument, `bm.Train(vocab_size=...)`. Unknown keys and wrong types are
refused.
"""


def settings_page() -> str:
    """Return the page, as Markdown."""
    parts = [OPENING, _table("Every command", Execution)]
    parts += [_table(f"`{command.name}`", command.settings) for command in COMMANDS]
    parts.append(_table("A source of a corpus", Source))
    return "\n".join(parts)


def _table(heading: str, kind: type[msgspec.Struct]) -> str:
    lines = documentation(kind)
    about = (kind.__doc__ or "").strip()
    rows = ["| setting | type | default | |", "|---|---|---|---|"]
    for field in own_first(kind):
        shown = " ".join(lines[field.name].split()).replace("|", "\\|")
        rows.append(f"| `{field.name}` | {_type(field.type)} | {_default(field)} | {shown} |")
    return f"## {heading}\n\n{about}\n\n" + "\n".join(rows) + "\n"


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    default: Any = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return "`[]`" if default == [] else "none" if default is None else f"`{default}`"


def _type(kind: Any) -> str:
    """Return a type in plain words, from its JSON schema: `int | None` with a bound is "whole number ≥ 1"."""
    schema = msgspec.json.schema(kind)
    return _in_words(schema).replace("|", "\\|")


def _in_words(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_in_words(one) for one in schema["anyOf"] if one.get("type") != "null")
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_in_words(schema['items'])}"
    if schema.get("type") == "object":
        kinds = schema.get("additionalProperties", {})
        return "names and numbers" if kinds.get("type") == "number" else "names and rules"
    if "$ref" in schema:
        return "source"
    words = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false"}
    bounds = [
        f"{sign} {schema[key]:,}"
        for key, sign in (("exclusiveMinimum", ">"), ("minimum", "≥"), ("maximum", "≤"))
        if key in schema
    ]
    return " ".join([words[schema["type"]], *bounds])
