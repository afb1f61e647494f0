"""Hand-made inputs for reports, with known answers."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from jobs.report.design import DesignFound
from jobs.report.inputs import CurvesFound, ReportInputs

HOSTILE = "<script>alert(1)</script>&\"'"

TRAINING: dict[str, Any] = {
    "pretokenizer": "gpt4", "vocabulary": 4096, "merges": 3840, "rounds": 321, "bytes": 2_600_000, "words": 123_456,
    "documents": 7_890,
    "mixture": {"en": 0.5, "ru": 0.3, "ja": 0.2},
}  # fmt: skip


def premiums(rows: Sequence[tuple[str, float, float | None, float | None]], tokenizer: str = "tok") -> pl.DataFrame:
    """Return a table from rows of (language, premium, low, high): 1000 tokens are parity."""
    return pl.DataFrame(
        [
            {
                "tokenizer": tokenizer, "language": language, "documents": 90, "characters": 4_000, "bytes": 6_000,
                "tokens": 0 if math.isnan(premium) else round(1_000 * premium), "premium": float(premium),
                "low": low, "high": high, "premium_bytes": 1.5,
            }
            for language, premium, low, high in rows
        ],
        schema_overrides={"low": pl.Float64, "high": pl.Float64},
    )  # fmt: skip


def mixture(shares: dict[str, float]) -> pl.DataFrame:
    rows = [{"category": name, "share": share, "low": None, "high": None} for name, share in shares.items()]
    table = pl.DataFrame(rows, schema_overrides={"low": pl.Float64, "high": pl.Float64})
    return table.with_columns(share_pairs=pl.col("share"))


def compression(rows: list[tuple[str, int, int]]) -> pl.DataFrame:
    """Return a table from rows of (language, bytes, tokens)."""
    return pl.DataFrame([{"language": a, "documents": 10, "bytes": b, "tokens": c} for a, b, c in rows])


NAMES = {"en": "English", "ru": "Russian", "ja": "Japanese", "my": "Burmese", "eo": "Esperanto"}

SMALL = ReportInputs(
    title="A report",
    names=NAMES,
    training=TRAINING,
    premiums=premiums(
        [
            ("en", 1.0, 1.0, 1.0),
            ("my", 5.1, 4.9, 5.3),
            ("ru", 2.5, None, None),
            ("eo", 0.8, 0.7, 0.9),
            ("ja", 1.5, 1, 2),
        ]
    ),
    baseline="en",
    mixture=mixture({"ja": 0.25, "ru": 0.3, "en": 0.4, "my": 0.05}),
    compression=compression([("en", 4_500, 1_000), ("my", 1_200, 1_000), ("ru", 6_000, 2_000)]),
)
EMPTY = ReportInputs(title="Nothing", names={})


def curves(languages: Sequence[str]) -> CurvesFound:
    """Tokens that halve with each doubling of the vocabulary, later for each language; all but the last reach 125."""
    table = pl.DataFrame(
        [
            {"language": language, "vocabulary": 256 << k, "merges": (256 << k) - 256, "tokens": (1_000 + 100 * i) >> k}
            for i, language in enumerate(languages)
            for k in range(4)
        ]
    )
    sizes = pl.DataFrame(
        [
            {"language": language, "tokens": (1_000 + 100 * i) >> 3, "target": 125,
             "vocabulary": 2_048.0 if i + 1 < len(languages) else None,
             "low": None, "high": None,
             "extrapolated": False if i + 1 < len(languages) else None, "fit_error": 0.01, "owned_merges": 5,
             "owned_share": 0.1, "reason": None if i + 1 < len(languages) else "never reached"}
            for i, language in enumerate(languages)
        ]
    )  # fmt: skip
    return CurvesFound(table, sizes.select("language", "vocabulary", "tokens"), 125, sizes)


def large() -> ReportInputs:
    """99 languages, one of them hostile."""
    codes = [HOSTILE, "en", *(f"l{i:02}" for i in range(97))]
    rows = [(code, 1.0 if code == "en" else 0.9 + i / 10, None, None) for i, code in enumerate(codes)]
    return replace(
        SMALL,
        title=f"A title with {HOSTILE}",
        names={"l00": f"Name {HOSTILE}", "l01": "Control \x00\x1b\ufffe"},
        premiums=premiums(rows),
        mixture=mixture({HOSTILE: 0.5, "en": 0.5}),
        compression=compression([(code, 3_000, 1_000 + i) for i, code in enumerate(codes)]),
    )


def design(en: str = "en", my: str = "my", other: str = HOSTILE) -> DesignFound:
    """Return a design of three languages, of which one pays for it."""
    figures = {"loss": (0.0, 0.02, 0.05), "gini": (0.2, 0.1, 0.15), "worst": (2.0, 1.5, 1.8)}
    frontier = pl.DataFrame({"method": ["unweighted", "chosen", "temperature 5"], "chosen": [False, True, False]})
    frontier = frontier.with_columns(tokens=pl.Series([1_000, 1_020, 1_050]), worst_language=pl.lit(my))
    for name, values in figures.items():
        low, high = pl.Series([0.9 * one for one in values]), pl.Series([1.1 * one for one in values])
        frontier = frontier.with_columns(**{name: pl.Series(values), f"{name}_low": low, f"{name}_high": high})
    languages = pl.DataFrame(
        {
            "language": [en, my, other], "weight": [1.0, 9.0, 3.0], "documents": [9] * 3,
            "tokens_before": [250, 500, 250], "tokens_after": [300, 450, 250], "premium_before": [1.0, 2.0, 1.0],
            "premium_after": [1.0, 1.5, 0.83], "change": [0.2, -0.1, 0.0],
        }
    )  # fmt: skip
    bounds = [f"{name}_{end}" for name in ("premium_after", "change") for end in ("low", "high")]
    languages = languages.with_columns(pl.lit(None, pl.Float64).alias(name) for name in bounds)
    facts = {
        "languages": 3, "baseline": en, "gini_before": 0.2, "gini": 0.1, "worst_before": 2.0, "worst": 1.5,
        "loss": 0.02,
    }  # fmt: skip
    return DesignFound(frontier, languages, facts)
