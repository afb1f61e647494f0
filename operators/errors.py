"""Errors that a person can act on: one line each, which says what was found, where, and what to do.

The command prints `str(error)` and nothing else; any other exception is a defect of ours and keeps its traceback.

An error declares its fields, and its message as a format string over them:

    class DamagedFile(DataError):
        \"\"\"A file whose bytes are not what its format says.\"\"\"

        path: str
        reason: str
        message = "{path}: {reason}; replace the file"

    raise DamagedFile("a.parquet", "is cut short")

Fields are the arguments of the constructor, in order; a field with a value has that default. They are kept as
attributes and travel with the error when it is pickled, so that an error survives the way back from a worker. Text
fields are printed through `operators.redaction.shown`: on one line, printable, without the secrets of a URI. Any other
field takes a format specification, as in `{count:,}`. A message that needs a condition overrides `__str__`, and calls
`shown` itself.
"""

import inspect
from string import Formatter
from typing import Any, ClassVar, dataclass_transform

from operators.redaction import shown


class _Shown(Formatter):
    """A formatter that masks every text field, also inside a list of texts."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, str):
            return format(shown(value), format_spec)
        if isinstance(value, list | tuple) and not format_spec:
            return ", ".join(shown(str(one)) for one in value)
        return str(format(value, format_spec))

    def convert_field(self, value: Any, conversion: str | None) -> Any:
        """Quote a text for `{name!r}`, masked."""
        if conversion == "r" and isinstance(value, str):
            return repr(shown(value))
        return super().convert_field(value, conversion)


_FORMATTER = _Shown()


@dataclass_transform()
class BabelmergeError(Exception):
    """An error that a user can do something about."""

    message: ClassVar[str] = ""
    """Format string over the fields; required where a class has fields and does not override `__str__`."""
    _fields: ClassVar[dict[str, Any]] = {}
    """Names of the fields, in order, with their defaults (`...` where there is none)."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = {name: cls.__dict__.get(name, ...) for name in inspect.get_annotations(cls)}
        cls._fields = {**cls._fields, **own}

    def __init__(self, *values: Any, **named: Any) -> None:
        kind = type(self).__name__
        if not self._fields:
            super().__init__(*values)
            return
        if len(values) > len(self._fields):
            raise TypeError(f"{kind} takes {len(self._fields)} values, not {len(values)}")
        given = dict(zip(self._fields, values, strict=False))
        if wrong := [name for name in named if name in given or name not in self._fields]:
            raise TypeError(f"{kind} has no further field {wrong[0]!r}")
        fields = {name: (given | named).get(name, default) for name, default in self._fields.items()}
        if missing := [name for name, value in fields.items() if value is ...]:
            raise TypeError(f"{kind} needs a value for {', '.join(missing)}")
        super().__init__(*fields.values())
        self.__dict__.update(fields)

    def __str__(self) -> str:
        return _FORMATTER.vformat(self.message, (), self.__dict__) if self.message else super().__str__()


class UsageError(BabelmergeError):
    """Flags or a configuration that cannot mean anything: exit status 2, nothing was started."""


class DataError(BabelmergeError):
    """An input, an output or a machine that is not as the job needs it: exit status 1. A second try changes nothing."""


class Retriable:
    """Marker of errors whose call may succeed when it is repeated."""
