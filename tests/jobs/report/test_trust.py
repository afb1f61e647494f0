"""The judgement of an inferred mixture, and the sentence and the colour that follow from it."""

from dataclasses import replace
from typing import Any

import polars as pl

from jobs.report.charts import shares
from jobs.report.charts.shares import INFERRED
from jobs.report.findings import findings
from jobs.report.inputs import MixtureAbout, ReportInputs
from jobs.report.mixture_notes import mixture_notes
from jobs.report.trust import judge
from tests.jobs.report.examples import EMPTY, mixture

WARNING = "mixture: the categories do not explain the list: 12 of 122 merges are far too rare in them"


def inferred(shares: dict[int, float], used: int, method: str = "rank", **facts: Any) -> ReportInputs:
    """A mixture of en and de; `shares`: number of merges to the share of en."""
    rows = [
        {"merges": merges, "category": name, "share": share}
        for merges, en in shares.items()
        for name, share in (("en", en), ("de", 1 - en))
    ]
    known = {"merges_used": used, "warning": "", "converged": True, "merges_tested": 122, "unexplained_merges": 0}
    about = MixtureAbout(method, known | facts, None, pl.DataFrame(rows) if rows else None)
    en = shares.get(used, 0.5)
    return replace(EMPTY, mixture=mixture({"en": en, "de": 1 - en}), mixture_about=about)


def test_the_report_judges_as_the_command_does() -> None:
    assert judge(EMPTY).level == "firm"
    assert judge(inferred({1000: 0.6, 3000: 0.61}, 1000)).level == "firm"
    assert judge(inferred({1000: 0.5, 3000: 0.55}, 1000)).level == "rough"


def test_a_mixture_whose_truth_is_known_is_not_called_rough() -> None:
    known = replace(inferred({1000: 0.6, 3000: 0.65}, 1000), training={"mixture": {"en": 0.6, "de": 0.4}})
    [sentence] = findings(known)
    assert "come out 0.0 percentage points off" in sentence and "The shares are rough" not in sentence
    assert "Without the truth one would have to call the shares rough: 5.0 % of the text" in sentence


def test_the_headline_carries_its_reservations() -> None:
    swinging = inferred({300: 0.0, 1000: 0.15, 3000: 0.13, 30_000: 0.857}, 30_000, warning=WARNING)
    [sentence] = findings(swinging)
    assert sentence.startswith("The merge list does not tell the training mixture, as")
    assert "German (de): 14.3 % to 100.0 %" in sentence and "cannot be relied on" in sentence
    [rough] = findings(inferred({1000: 0.6, 3000: 0.65}, 1000))
    assert rough.startswith("The merge list points to English (en)")
    assert "The shares are rough: 5.0 % of the text" in rough
    [firm] = findings(inferred({1000: 0.6, 3000: 0.61}, 1000))
    assert firm.endswith("of 2 categories that were compared.")
    for inputs, level in ((swinging, "none"), (inferred({1000: 0.6, 3000: 0.61}, 1000), "firm")):
        drawing = shares.mixture(inputs)
        assert drawing is not None
        specification = drawing.page.to_json()
        assert INFERRED[level] in specification
        assert all(colour not in specification for name, colour in INFERRED.items() if name != level)
    assert "They are grey" in shares.mixture(swinging).caption  # type: ignore[union-attr]
    assert mixture_notes(swinging)[0] == "Beware: these shares cannot be relied on."
