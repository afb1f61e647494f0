"""Page on one tokenizer: its facts, faults, integers and the cost of pruning, in one file that fetches nothing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import jinja2
import polars as pl
from markupsafe import Markup

from jobs.report.wording import printable, token_text
from pipelines.outputs import replacing

HERE: Final = Path(__file__).parent
STYLE: Final = HERE.parent / "report" / "page.css"
WORST: Final = 40
"""Tokens that a table of faults shows."""


def draw(tables: Mapping[str, pl.DataFrame], facts: Mapping[str, Any], path: Path) -> None:
    """Write the page from the tables of `inspect`. Equal tables give equal bytes. Raises WriteFailed."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    vocabulary = tables["vocabulary"]
    shown = {i: token_text(text) for i, text in vocabulary.select("token", "bytes").iter_rows()}
    html = environment.get_template("template.html.jinja").render(
        title=f"Tokenizer {printable(facts['name'])}",
        facts=facts,
        parts=[(part, _facts(tables["facts"], part, shown)) for part in ("contents", "faults")],
        residues=_residues(vocabulary, shown),
        glitches=_glitches(vocabulary, shown),
        single=_single(vocabulary, shown),
        suspicious=_suspicious(vocabulary, facts, shown),
        cuts=tables["cuts"].rows(),
        costs=tables["costs"].rows() if "costs" in tables else [],
        style=Markup(STYLE.read_text("utf-8")),
    )
    with replacing(path) as temporary:
        temporary.write_text(html, "utf-8")


def _facts(table: pl.DataFrame, part: str, shown: Mapping[int, str]) -> list[tuple[str, int, float, str]]:
    rows = table.filter((pl.col("part") == part) & (pl.col("tokens") > 0)).sort("tokens", descending=True)
    return [
        (fact, tokens, share, "  ".join(shown[i] for i in examples))
        for _, fact, tokens, share, examples in rows.iter_rows()
    ]


def _residues(vocabulary: pl.DataFrame, shown: Mapping[int, str]) -> list[tuple[Any, ...]]:
    """Rows of the residues that are made most often: token, made, R, entropies."""
    if "residue" not in vocabulary.columns:
        return []
    rows = vocabulary.filter("residue").sort("made", "token", descending=[True, False]).head(WORST)
    columns = ("token", "made", "r", "left_entropy", "right_entropy")
    return [(shown[i], *figures) for i, *figures in rows.select(columns).iter_rows()]


def _glitches(vocabulary: pl.DataFrame, shown: Mapping[int, str]) -> list[tuple[str, float, int | None, int | None]]:
    """Rows of the glitch candidates by ranks, the clearest first: token, share, and with a corpus made and emitted."""
    if "swallowed" not in vocabulary.columns:
        return []
    rows = vocabulary.sort("swallowed", "token", descending=True).head(WORST).filter(pl.col("swallowed") > 0)
    columns = ["token", "swallowed", *(name for name in ("made", "emitted") if name in vocabulary.columns)]
    return [(shown[i], share, *(uses or (None, None))) for i, share, *uses in rows.select(columns).iter_rows()]


def _single(vocabulary: pl.DataFrame, shown: Mapping[int, str]) -> list[tuple[str, str, int]]:
    """Rows of the tokens that one source alone makes, the most frequent first: token, source, made."""
    if "only_source" not in vocabulary.columns:
        return []
    rows = vocabulary.filter(pl.col("only_source").is_not_null()).sort("made", "token", descending=[True, False])
    columns = ("token", "only_source", "made")
    return [(shown[i], printable(source), made) for i, source, made in rows.head(WORST).select(columns).iter_rows()]


def _suspicious(
    vocabulary: pl.DataFrame, facts: Mapping[str, Any], shown: Mapping[int, str]
) -> list[tuple[str, int, float]]:
    """Rows of the tokens with the lowest indicator: token, id, indicator."""
    if "indicator" not in facts:
        return []
    rows = vocabulary.sort(facts["indicator"], "token").head(WORST).select("token", facts["indicator"])
    return [(shown[i], i, value) for i, value in rows.iter_rows()]
