"""Amounts as people read them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.units import duration, number, plural, quantity, size


def test_amounts_are_short() -> None:
    amounts = (0, 999, 1500, 34.3e6, 999.4e9, 999_600, 999.4e12, 5e15)
    assert [size(one) for one in amounts] == [
        "0 B", "999 B", "1.5 kB", "34.3 MB", "999 GB", "1 MB", "999 TB", "5,000 TB",
    ]  # fmt: skip
    assert [number(one) for one in (0.0123, 7, 163.4, 1200, 3.02e6, 4e9)] == [
        "0.012", "7", "163", "1.2 k", "3.02 M", "4 G",
    ]  # fmt: skip
    assert [duration(one) for one in (0.65, 42, 95, 4000, 5400, 1e6)] == [
        "0.65 s", "42 s", "1.58 min", "66.7 min", "1.5 h", "278 h",
    ]  # fmt: skip
    assert [plural(1, "file"), plural(1234, "file")] == ["1 file", "1,234 files"]
    assert [quantity(1_500_000, "B"), quantity(1_500_000, "words")] == ["1.5 MB", "1,500,000 words"]


@given(st.integers(0, 10**15))
def test_a_size_read_back_is_within_half_of_its_last_digit(n_bytes: int) -> None:
    text, unit = size(n_bytes).split()
    shown = float(text.replace(",", "")) * 1000 ** ["B", "kB", "MB", "GB", "TB"].index(unit)
    digits = 0 if n_bytes == 0 else math.floor(math.log10(n_bytes))
    assert shown == pytest.approx(n_bytes, abs=0.5001 * 10.0 ** max(digits - 2, 0))
    assert ("e" not in text and float(text.replace(",", "")) < 1000) or unit == "TB"
