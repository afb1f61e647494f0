"""The look that charts share: legends."""

import json

import pytest

from jobs.report.charts.look import PAGE, PHONE, SLIDE, Layout, legend

LONG = [f"/data/experiments/2026/{day}/tokenizers/multilingual-all/{'deep/' * 20}tokenizer" for day in ("mon", "tue")]


@pytest.mark.parametrize("layout", [PAGE, PHONE, SLIDE])
@pytest.mark.parametrize("names", [["gpt2", "cl100k_base", "o200k"], LONG, [*LONG, "gpt2"], ["x" * 60, "y" * 50]])
def test_names_of_a_legend_are_distinct_and_stay_in_its_columns(layout: Layout, names: list[str]) -> None:
    key = legend("tokenizer", layout, names)
    labels = [label[1:] for label in json.loads(key["labelExpr"].split("slice(")[1].split("[datum")[0])]
    assert len(set(labels)) == len(names) == len(labels)
    assert all(len(label) * 7 * layout.font / 11 <= key["labelLimit"] + 28 for label in labels)  # with a number before
    assert key["columns"] * key["labelLimit"] < layout.width + layout.label
    assert [label for label, name in zip(labels, names, strict=True) if len(name) < 20] == [
        name for name in names if len(name) < 20
    ]
