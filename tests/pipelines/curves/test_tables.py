"""Vocabulary sizes that reach a target: within reach, with an interval, or none."""

import numpy as np
import polars as pl
import pytest

from operators.arrays import I64
from operators.curves.tokens_by_size import Curve
from pipelines.curves.tables import REACH, UNREACHABLE, size_lines, target_row

LARGEST = 20_000


def falling(floor: float, slope: float, noise: float = 0.0) -> tuple[Curve, I64]:
    """A measured curve: floor + 10^6 V^-slope tokens at V = 256 to LARGEST, noise relative to it."""
    sizes = np.arange(256, LARGEST + 1)
    tokens = floor + 1e6 * sizes**-slope
    tokens *= 1 + noise * np.cumsum(np.random.default_rng(1).normal(0, 1, len(sizes))) / len(sizes) ** 0.5
    return Curve(np.arange(len(sizes)), np.round(tokens).astype(np.int64)), sizes


def test_a_size_within_reach_is_extrapolated_with_an_interval() -> None:
    curve, sizes = falling(1000, 0.5)
    row = target_row(curve, sizes, 1000 + round(1e6 * (3 * LARGEST) ** -0.5))
    assert row["extrapolated"] is True and row["reason"] is None
    assert row["vocabulary"] == pytest.approx(3 * LARGEST, rel=0.05)
    assert LARGEST <= row["low"] < row["vocabulary"] and (row["high"] is None or row["vocabulary"] < row["high"])


def test_a_measured_size_is_the_smallest_that_reaches_the_target() -> None:
    curve, sizes = falling(1000, 0.5)
    row = target_row(curve, sizes, 20_000)
    assert row["extrapolated"] is False and row["low"] is None
    at = int(row["vocabulary"]) - 256
    assert curve.tokens[at] <= 20_000 < curve.tokens[at - 1]


@pytest.mark.parametrize("times", [11, 100, 1e6, 1e12])
def test_a_size_beyond_ten_times_the_measured_range_is_no_number(times: float) -> None:
    """Dinka's was 773,928,618,977."""
    curve, sizes = falling(1000, 0.5)
    row = target_row(curve, sizes, 1000 + round(1e6 * (times * LARGEST) ** -0.5))
    assert row["vocabulary"] is row["low"] is row["high"] is row["extrapolated"] is None
    assert row["reason"].startswith(f"{UNREACHABLE}: with {REACH} times the vocabulary measured the text would have ")


def test_a_target_below_the_floor_says_what_ten_times_the_vocabulary_would_give() -> None:
    curve, sizes = falling(1000, 0.5)
    row = target_row(curve, sizes, 500)
    tokens = 1000 + 1e6 * (REACH * LARGEST) ** -0.5
    assert row["vocabulary"] is None and row["reason"].endswith(f"would have {tokens / 500:.2f} times the target")


def test_a_law_that_errs_by_more_than_a_tenth_is_not_extrapolated() -> None:
    sizes = np.arange(256, LARGEST + 1)
    tokens = np.where(sizes < 2200, 200_000 - 80 * (sizes - 256), 44_480 - 0.1 * (sizes - 2200)).astype(np.int64)
    row = target_row(Curve(np.arange(len(sizes)), tokens), sizes, 42_000)
    assert row["fit_error"] > 0.1 and row["vocabulary"] is None
    assert "as far as is known: the fit errs by" in row["reason"] and "1.02 times the target" in row["reason"]


@pytest.mark.parametrize("seed", range(20))
def test_no_curve_gives_a_number_beyond_reach(seed: int) -> None:
    draw = np.random.default_rng(seed)
    curve, sizes = falling(float(draw.uniform(0, 5000)), float(draw.uniform(0.02, 1.5)), float(draw.uniform(0, 0.2)))
    target = max(1, int(curve.tokens.min() * draw.uniform(0.01, 1.1)))
    row = target_row(curve, sizes, target)
    assert (row["vocabulary"] is None) == (row["reason"] is not None)
    for bound in ("vocabulary", "low", "high"):
        assert row[bound] is None or 256 <= row[bound] <= REACH * LARGEST


def test_the_terminal_says_what_is_extrapolated_and_what_is_not_reachable() -> None:
    curve, sizes = falling(1000, 0.5)
    targets = {"eng_Latn": 20_000, "deu_Latn": 1000 + round(1e6 * (2 * LARGEST) ** -0.5), "din": 900}
    rows = [
        {"language": one, "tokens": int(curve.tokens[-1]), **target_row(curve, sizes, two)}
        for one, two in targets.items()
    ]
    kinds = {
        "vocabulary": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "extrapolated": pl.Boolean,
        "reason": pl.String,
    }
    first, second, third = size_lines(pl.DataFrame(rows, schema_overrides=kinds))
    assert "German (deu_Latn) (extrapolated, 3" in first
    assert "English (eng_Latn)" in second and "extrapolated" not in second
    assert third.split()[:3] == ["none", "Dinka", "(din):"] and UNREACHABLE in third
