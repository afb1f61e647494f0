"""The declarative base of errors: fields, messages, defaults, redaction, and the way through pickle."""

import pickle
from typing import Any

import pytest

from operators.errors import BabelmergeError, DataError, Retriable, UsageError


class Damaged(DataError):
    """A damaged file."""

    path: str
    reason: str
    message = "{path}: {reason}; replace the file"


class DamagedAt(Damaged, Retriable):
    """A damaged file, with a place."""

    record: int
    others: tuple[str, ...] = ()
    message = "{path}: {reason} at record {record:,} ({others})"


def test_fields_are_attributes_and_the_message_is_formed_of_them() -> None:
    error = Damaged("a.parquet", "is cut short")
    assert (error.path, error.reason, error.args) == ("a.parquet", "is cut short", ("a.parquet", "is cut short"))
    assert str(error) == "a.parquet: is cut short; replace the file"
    assert isinstance(error, BabelmergeError) and not isinstance(error, UsageError)


def test_fields_are_inherited_and_have_defaults() -> None:
    error = DamagedAt("a", "is cut short", record=12345)
    assert str(error) == "a: is cut short at record 12,345 ()"
    assert isinstance(error, Retriable)
    assert str(DamagedAt("a", "b", 1, ("c", "d"))) == "a: b at record 1 (c, d)"


def test_an_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(DamagedAt("a", "b", 7, ("c",))))
    assert (type(error), error.record, error.others) == (DamagedAt, 7, ("c",))
    assert str(error) == "a: b at record 7 (c)"


def test_text_is_printed_on_one_line_without_secrets() -> None:
    error = Damaged("s3://key:word@bucket/a\nb", "cut\x00short")
    assert str(error) == "s3://***@bucket/a\\nb: cut\\x00short; replace the file"
    assert str(DamagedAt("a", "b", 1, ("s3://k:w@x/y",))).endswith("(s3://***@x/y)")


@pytest.mark.parametrize(
    ("values", "named"), [(("a",), {}), (("a", "b", "c"), {}), (("a", "b"), {"path": "c"}), (("a", "b"), {"other": 1})]
)
def test_a_wrong_number_of_values_is_a_defect_that_is_said_at_once(
    values: tuple[str, ...], named: dict[str, Any]
) -> None:
    with pytest.raises(TypeError, match="Damaged"):
        Damaged(*values, **named)
