"""Names of fields in records and columns. `doc.text` is the field of that name, else the field `text` of `doc`."""

from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

import msgspec
import pyarrow as pa

_LISTED: Final = 12
_NAME_CHARACTERS: Final = 40


def listed(names: Iterable[str]) -> str:
    """Return the first names for a message: `listed(["id", "body"])` is "id, body"; "none" where there are none."""
    first = list(islice(names, _LISTED + 1))
    more = ", ..." if len(first) > _LISTED else ""
    return (", ".join(name[:_NAME_CHARACTERS] for name in first[:_LISTED]) or "none") + more


def value_at(record: dict[str, Any], name: str) -> Any:
    """Return the value of a field of an object; msgspec.UNSET: it has no such field."""
    if name in record:
        return record[name]
    head, _, rest = name.partition(".")
    inside = record.get(head)
    return value_at(inside, rest) if rest and isinstance(inside, dict) else msgspec.UNSET


def names_in(record: dict[str, Any]) -> list[str]:
    """Return the names of an object's fields; those of objects in it as `doc.text`."""
    names: list[str] = []
    for name, value in record.items():
        names += [f"{name}.{inner}" for inner in value] if isinstance(value, dict) and value else [name]
    return names


def path_in(schema: Any, name: str) -> list[str] | None:
    """Return the names that lead to a column, itself or within structs; None: there is none.

    schema: a schema, or the type of a struct.
    """
    names = [field.name for field in schema]
    if name in names:
        return [name]
    head, _, rest = name.partition(".")
    if not rest or names.count(head) != 1 or not pa.types.is_struct(schema.field(head).type):
        return None
    inner = path_in(schema.field(head).type, rest)
    return None if inner is None else [head, *inner]


def kind_of(schema: pa.Schema, path: list[str]) -> pa.DataType:
    """Return the type of a column that `path_in` found."""
    kind = schema.field(path[0]).type
    for part in path[1:]:
        kind = kind.field(part).type
    return kind


def columns_in(schema: pa.Schema) -> list[str]:
    """Return the names of columns; those of a struct's fields as `doc.text`."""
    names: list[str] = []
    for field in schema:
        inner = [one.name for one in field.type] if pa.types.is_struct(field.type) else []
        names += [f"{field.name}.{one}" for one in inner] or [field.name]
    return names


def unnested(batch: pa.RecordBatch, names: Iterable[str]) -> pa.RecordBatch:
    """Return the batch with a column for each of the names that is there, under that name. A null struct has nulls."""
    paths = {name: path for name in names if (path := path_in(batch.schema, name)) is not None}
    if all(len(path) == 1 for path in paths.values()):
        return batch
    import pyarrow.compute as pc  # takes long to import

    columns = [
        batch.column(path[0]) if len(path) == 1 else pc.struct_field(batch.column(path[0]), path[1:])
        for path in paths.values()
    ]
    return pa.record_batch(columns, list(paths))
