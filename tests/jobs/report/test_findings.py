"""Findings on tables whose answers are known."""

from dataclasses import replace

import polars as pl
import pytest

from jobs.report.findings import findings
from tests.jobs.report.examples import EMPTY, NAMES, SMALL, compression, mixture, premiums


def test_the_findings_of_a_small_table() -> None:
    first, second, third = findings(SMALL)
    assert first == (
        "The same text costs Burmese (my) 5.10 times as many tokens as English (en) (95 % interval 4.90 to 5.30), the "
        "most of 4 languages compared; 2 languages pay more than twice; Esperanto (eo) pays less than English (en): "
        "0.80 (95 % interval 0.70 to 0.90)."
    )
    # errors: en -0.10, ru 0, ja +0.05, my +0.05 (not in the truth: 0)
    assert "4 categories" in second
    assert "5.0 percentage points off on average" in second
    assert "largest error is 10.0 percentage points, for English (en) (40.0 % inferred, 50.0 % in truth)" in second
    # 4.5 / 1.2 = 3.75, more than 2.5 / 0.8 of Russian, trained on, against Esperanto, not trained on
    assert third == "A token holds 4.50 bytes of English (en), but 1.20 of Burmese (my), a factor of 3.75."


def test_nothing_known_nothing_found() -> None:
    assert findings(EMPTY) == []
    assert findings(replace(EMPTY, premiums=SMALL.premiums.clear() if SMALL.premiums is not None else None)) == []


def test_the_baseline_alone_says_nothing() -> None:
    assert findings(replace(EMPTY, premiums=premiums([("en", 1.0, 1.0, 1.0)]), baseline="en")) == []


def test_one_language_besides_the_baseline() -> None:
    inputs = replace(EMPTY, premiums=premiums([("en", 1.0, 1, 1), ("ru", 3.0, None, None)]), baseline="en", names=NAMES)
    found = findings(inputs)[0]
    assert found.startswith(
        "The same text costs Russian (ru) 3.00 times as many tokens as English (en), the most of one"
    )


def test_without_a_truth_the_largest_share_is_told() -> None:
    [found] = findings(replace(EMPTY, names=NAMES, mixture=mixture({"ja": 0.3, "ru": 0.7})))
    assert "Russian (ru)" in found
    assert "70.0 %" in found


def test_what_was_trained_on_but_not_compared_is_told() -> None:
    inputs = replace(SMALL, premiums=None, compression=None, mixture=mixture({"en": 0.6, "ru": 0.4}))
    [found] = findings(inputs)
    assert found.endswith("; 20.0 % of that text is in none of these categories.")


@pytest.mark.parametrize(("high", "cheaper"), [(0.99, True), (1.01, False), (None, True)])
def test_cheaper_than_the_baseline_is_said_when_the_interval_says_so(high: float | None, cheaper: bool) -> None:
    low = None if high is None else 0.7
    rows = premiums([("en", 1.0, 1, 1), ("eo", 0.8, low, high), ("ru", 1.5, 1.4, 1.6)])
    found = findings(replace(EMPTY, premiums=rows, baseline="en"))[0]
    assert ("Esperanto (eo) pays less than English (en)" in found) == cheaper


def test_a_regional_form_of_the_baseline_is_not_news() -> None:
    rows = premiums([("en", 1.0, 1, 1), ("en_GB", 0.8, 0.7, 0.9), ("ru", 1.5, 1.4, 1.6)])
    assert "pays less" not in findings(replace(EMPTY, premiums=rows, baseline="en"))[0]


def test_several_tokenizers_are_compared() -> None:
    one = premiums([("en", 1, 1, 1), ("ru", 2, None, None), ("ja", 3, None, None), ("my", 9, None, None)], "old")
    two = premiums([("en", 1, 1, 1), ("ru", 1.5, None, None), ("ja", 1.2, None, None), ("my", 4, None, None)], "new")
    first, second, *_ = findings(replace(EMPTY, premiums=pl.concat([one, two]), baseline="en"))
    assert "costs Burmese (my) with old 9.00 times" in first
    assert second == "Half of the languages pay more than 3.00 with old, half more than 1.50 with new."


def test_numbers_that_are_none_are_not_told() -> None:
    rows = premiums([("en", 1.0, 1, 1), ("ru", float("nan"), None, None), ("ja", 1.5, float("nan"), float("inf"))])
    inputs = replace(EMPTY, premiums=rows, baseline="en", compression=compression([("en", 0, 0), ("ru", 10, 5)]))
    text = " ".join(findings(inputs)).lower()
    assert "japanese (ja) 1.50 times" in text
    assert not any(word in text for word in ("nan", "inf ", "none"))
