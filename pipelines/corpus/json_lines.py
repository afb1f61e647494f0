"""Reader of JSON lines, one object per line. Only the fields in use are decoded."""

import io
import json.scanner
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from operator import attrgetter
from typing import Any, Final, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa

from operators.reading.json_objects import Objects, objects_of
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.fields import listed, names_in, value_at
from pipelines.corpus.formats import format_of
from pipelines.corpus.lines import count_lines, whole_lines
from pipelines.corpus.reading import Reading, as_one, invalid_utf8, open_input, why_invalid_utf8
from pipelines.corpus.sources import Role
from pipelines.corpus.spans import Span
from pipelines.corpus.text_chunks import text_chunks

_ROLES: Final[tuple[Role, ...]] = ("text", "id", "language")
_HEAD_BYTES: Final = 1 << 16
_LONGEST_UNUSUAL: Final = 32 << 20
"""Largest line, in bytes, that is parsed into Python objects, as the fast reader did not accept it."""
_BLANK: Final = b" \t\r\n"
_SPACES: Final = _BLANK.decode()
_SCAN: Final[Any] = json.scanner.make_scanner(json.JSONDecoder())  # type: ignore[arg-type]  # as typeshed has it
_BOM: Final = b"\xef\xbb\xbf"
_SURROGATE = re.compile("[\ud800-\udfff]")
_TYPE_NAMES: Final = {
    type(None): "null", bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "an array",
}  # fmt: skip


_Columns: TypeAlias = tuple[pa.Array, pa.Array | str, pa.Array]
"""Ids, languages (one for all, or each one's) and texts."""


class _BadLine(Exception):
    """Reason why a line is no document."""


def read_json(reading: Reading, found: Iterator[bytes]) -> Iterator[pa.RecordBatch]:
    """Yield batches from batches of whole lines. Blank lines are counted and skipped."""
    parser = _Parser(reading)
    for lines in found:
        if reading.record == 0 and not _is_behind(reading.span):
            lines = lines.removeprefix(_BOM)  # a reader of JSON may ignore it (RFC 8259, 8.1)
        runs = _longest_apart(lines)
        del lines  # may be as long as a document
        while runs:
            run = runs.pop()
            # Neither reader checks strings of other fields, so check all bytes at once.
            valid = not invalid_utf8(as_one(run))
            batches = reading.batches(*((parser.plain(run) if valid else None) or parser.columns(run, valid)))
            del run
            yield from batches


def _longest_apart(lines: bytes) -> list[bytes]:
    """Return the lines; if they are long, the longest line apart from those after and before it (last first)."""
    if len(lines) <= _LONGEST_UNUSUAL:
        return [lines]
    ends = [0, *(match.end() for match in re.finditer(b"\n", lines))]
    if ends[-1] < len(lines):
        ends.append(len(lines))
    i = max(range(len(ends) - 1), key=lambda i: ends[i + 1] - ends[i])
    return [run for run in (lines[ends[i + 1] :], lines[ends[i] : ends[i + 1]], lines[: ends[i]]) if run]


def pass_over_json(reading: Reading, lines: bytes) -> None:
    """Count lines without reading them; from the file's first record learn what `read_json` would."""
    if reading.has_language is None and reading.file.source.label is None:
        _Parser(reading).learn(lines.removeprefix(_BOM) if reading.record == 0 else lines)
    reading.record += count_lines(lines)


def _is_behind(span: Span | None) -> bool:
    return span is not None and span.start > 0


def _split(lines: bytes) -> list[bytes]:
    separate = lines.split(b"\n")
    return separate if separate[-1] else separate[:-1]


class _Parser:
    """Parser of lines to documents. If the file's first record names its language, all records must, else none."""

    def __init__(self, reading: Reading) -> None:
        source = reading.file.source
        self._reading = reading
        self._label = source.label
        self._source = source
        self._fields: dict[Role, str] = {role: source.field(role) for role in _ROLES}
        heads = {name.partition(".")[0]: None for name in self._fields.values()}
        self._slots = {name: f"field_{i}" for i, name in enumerate(dict.fromkeys([*self._fields.values(), *heads]))}
        record = msgspec.defstruct(
            "Record",
            [(slot, Any, msgspec.field(default=msgspec.UNSET, name=name)) for name, slot in self._slots.items()],
        )
        self._decode = msgspec.json.Decoder(record).decode
        self._required = [role for role in _ROLES if source.requires(role)]
        names = [self._fields[role] for role in _ROLES]
        self._values: Callable[[object], tuple[object, ...]] = attrgetter(*(self._slots[name] for name in names))
        if any("." in name for name in names):
            self._values = lambda record: tuple(self._value(record, name) for name in names)
        self._is_nested = any("." in name for name in reading.fields)

    def plain(self, lines: bytes) -> _Columns | None:
        """Return ids, languages and texts of lines of valid UTF-8 by the fast reader; None if it accepts not all."""
        reading, names = self._reading, self._fields
        if self._is_nested or len(set(names.values())) < len(names):
            return None
        if self._label is None and reading.has_language is None and _is_behind(reading.span):
            reading.has_language = self._first_has()
        has = False if self._label is not None else reading.has_language
        fields = (names["text"], names["id"], "" if self._label is not None else names["language"])
        objects = objects_of(lines, fields, has)
        if objects is None or (self._source.requires("id") and not objects.named.all()):
            return None
        count = len(objects.texts)
        if count and self._label is None:
            reading.has_language = objects.has_language
        languages = objects.languages if count and objects.has_language else reading.language_by_name
        ids = self._ids_of(objects)
        reading.record += objects.line_count
        return ids, languages, objects.texts

    def _ids_of(self, objects: Objects) -> pa.Array:
        """Return the objects' ids; line numbers for those without."""
        reading, count = self._reading, len(objects.texts)
        if objects.named.all() or not reading.with_ids:
            return objects.ids
        places = objects.lines + (reading.records_before + reading.record + 1)
        numbers = pa.array(places).cast(pa.string())
        if not objects.named.any():
            return numbers
        either = pa.concat_arrays([objects.ids, numbers])
        return either.take(pa.array(np.arange(count) + np.where(objects.named, 0, count)))

    def columns(self, lines: bytes, valid: bool) -> _Columns:
        """Return ids, languages and texts, parsed line by line. `valid`: known to be UTF-8."""
        reading = self._reading
        rows: tuple[list[str], list[str], list[str]] = ([], [], [])
        for line in io.BytesIO(lines):  # as a list, millions of short lines would take forty times their bytes
            line = line.removesuffix(b"\n")
            reading.record += 1
            if not line.strip(_BLANK):
                continue
            try:
                document = self.document(line, valid)
            except _BadLine as error:
                reading.add_bad(reading.record, str(error))
                continue
            for column, value in zip(rows, document, strict=True):
                column.append(value)
        return pa.array(rows[0], pa.string()), pa.array(rows[1], pa.string()), pa.array(rows[2], pa.large_string())

    def document(self, line: bytes, valid: bool) -> tuple[str, str, str]:
        """Return id, language and text of a line. `valid`: known to be UTF-8. Raises _BadLine."""
        if len(line) > _LONGEST_UNUSUAL:  # Python may need eight bytes for each, and as many to say what is wrong
            raise _BadLine(f"is longer than {_LONGEST_UNUSUAL >> 20} MiB, and not a plain JSON object with a text")
        if not valid and (invalid := why_invalid_utf8(line)):
            raise _BadLine(invalid)
        parsed: dict[str, Any] | None = None
        try:
            record = self._decode(line)
            values = dict(zip(_ROLES, self._values(record), strict=True))
        except (msgspec.MsgspecError, RecursionError) as error:
            parsed = self._lenient(line, error)
            values = self._values_in(parsed, error)
        for role in self._required:
            if values[role] is msgspec.UNSET:
                names = names_in(_any_json(line) if parsed is None else parsed)
                raise _BadLine(f'no field "{self._fields[role]}"; it has: {listed(names)}')
        if values["id"] is None and self._reading.file.requires_ids:
            raise _BadLine(f"{self._fields['id']} is null")
        language = self._language(values["language"])
        text = values["text"]
        if type(text) is not str:
            raise _BadLine(f"{self._fields['text']} is {_type_name(text)}")
        return self._id(values["id"]), language, text

    def _value(self, record: object, name: str) -> object:
        value: object = getattr(record, self._slots[name])
        if value is not msgspec.UNSET or "." not in name:
            return value
        head, _, rest = name.partition(".")
        inside = getattr(record, self._slots[head])
        return value_at(inside, rest) if isinstance(inside, dict) else msgspec.UNSET

    def _lenient(self, line: bytes, error: Exception) -> dict[str, Any]:
        """Return the object by Python's reader, which accepts NaN and half surrogate pairs. Raises _BadLine."""
        try:
            # Only a line of another type may be JSON to the fast reader, which is not asked again for the others.
            value = _any_json(line) if isinstance(error, msgspec.ValidationError) else _python_json(line)
        except (ValueError, RecursionError) as reason:
            raise _BadLine(_why(line, reason)) from error
        if not isinstance(value, dict):
            raise _BadLine(f"is not a JSON object but {_type_name(value)}") from error
        return value

    def _values_in(self, value: dict[str, Any], error: Exception) -> dict[Role, object]:
        """Return the fields of an object. Raises _BadLine where one of ours holds half a surrogate pair."""
        values: dict[Role, object] = {role: value_at(value, name) for role, name in self._fields.items()}
        for role, name in self._fields.items():
            field = values[role]
            if role == "language" and self._label is not None:
                continue
            if isinstance(field, str) and _SURROGATE.search(field):
                half = "half a surrogate pair (an escape from \\ud800 to \\udfff without its other half)"
                raise _BadLine(f"{name} holds {half}") from error
        return values

    def _id(self, value: object) -> str:
        if value is msgspec.UNSET or value is None:
            return str(self._reading.records_before + self._reading.record) if self._reading.with_ids else ""
        if type(value) is str:
            return value
        if type(value) is int:
            try:
                return str(value)
            except ValueError:  # Python writes integers of up to 4,300 digits
                raise _BadLine(f"{self._fields['id']} is too long a number") from None
        raise _BadLine(f"{self._fields['id']} is {_type_name(value)}, neither a string nor an integer")

    def _language(self, value: object) -> str:
        if self._label is not None:
            return self._label
        has = value is not msgspec.UNSET
        if self._reading.has_language is None:
            self._reading.has_language = self._first_has() if _is_behind(self._reading.span) else has
        name = self._fields["language"]
        if has and not self._reading.has_language:
            raise _BadLine(f'has a field "{name}", which the first record of this file lacks')
        if not has and self._reading.has_language:
            raise _BadLine(f'no field "{name}", which the first record of this file has')
        if not has:
            return self._reading.language_by_name
        if type(value) is not str:
            raise _BadLine(f"{name} is {_type_name(value)}")
        if not value:
            raise _BadLine(f"{name} is empty")
        return value

    def _first_has(self) -> bool:
        """Return True if the first record of the file names its language. There is one: the span holds a record."""
        with open_input(self._reading.file) as stream:
            head = Reading(self._reading.file, stream, BadRecords("skip"), _HEAD_BYTES)
            how = format_of(head.file.path)
            for lines in whole_lines(text_chunks(head, how), _HEAD_BYTES) if how else ():
                pass_over_json(head, lines)
                if head.has_language is not None:
                    return head.has_language
        return False

    def learn(self, lines: bytes) -> None:
        """Parse records until one decides if they name their language."""
        for line in _split(lines):
            with suppress(_BadLine):
                self.document(line, valid=False)
            if self._reading.has_language is not None:
                return


def _any_json(line: bytes) -> Any:
    """Return a line of JSON as plain data, by Python's slow reader where it holds NaN or half a surrogate pair."""
    try:
        return msgspec.json.decode(line)
    except (msgspec.MsgspecError, RecursionError):
        return _python_json(line)


def _python_json(line: bytes) -> Any:
    """Return json.loads(line), with the same errors, in half the time for what is no JSON. The line has no newline."""
    text = line.decode()
    try:
        value, end = _SCAN(text, len(text) - len(text.lstrip(_SPACES)))
    except StopIteration as stop:
        raise ValueError(f"Expecting value: line 1 column {stop.value + 1} (char {stop.value})") from None
    end = len(text) - len(text[end:].lstrip(_SPACES))
    if end < len(text):
        raise ValueError(f"Extra data: line 1 column {end + 1} (char {end})")
    return value


def _type_name(value: object) -> str:
    return _TYPE_NAMES.get(type(value), "an object")


def _why(line: bytes, error: Exception) -> str:
    """Explain why Python's reader refused a line; msgspec's errors say less."""
    hint = "; one line must hold one whole object" if line.strip(_BLANK) in (b"[", b"{") else ""
    reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
    return f"is not a JSON object: {reason}{hint}"
