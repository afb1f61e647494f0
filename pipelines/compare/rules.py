"""Rules of a gate: bounds on figures, for all groups and tokenizers or for some."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from operators.errors import DataError
from operators.redaction import shown
from operators.unicode.language_names import nearest
from pipelines.settings import BadSettings

if TYPE_CHECKING:
    import polars as pl  # takes long to import


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A bound on one figure."""

    min: float | None = None
    """Least value that holds."""
    max: float | None = None
    """Greatest value that holds."""
    group: str | list[str] | None = None
    """Groups that it is about; by default all."""
    tokenizer: str | list[str] | None = None
    """Tokenizers that it is about; by default all."""

    def __post_init__(self) -> None:
        """Raises BadSettings for a rule that bounds nothing, is about nothing, or that no value can meet."""
        if self.min is None and self.max is None:
            raise BadSettings("gate", "a rule has neither min nor max; write one of them")
        if any(bound is not None and math.isnan(bound) for bound in (self.min, self.max)):
            raise BadSettings("gate", "a rule has .nan as a bound; write a number")
        if [] in (self.group, self.tokenizer):
            raise BadSettings("gate", "a rule has an empty list of groups or tokenizers; leave it out, for all of them")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise BadSettings("gate", f"a rule has min {self.min:g} above max {self.max:g}; exchange them")


Rules = dict[str, Rule | list[Rule]]


class GateBroken(DataError):
    """Figures outside of the bounds that a gate sets."""

    rules: int
    broken: list[dict[str, Any]]
    """Rows group, tokenizer, figure, value, bound, reason; one for each figure that is out of bounds or missing."""

    def __str__(self) -> str:
        heads = ["figure", "group", "tokenizer", "value", "bound"]
        cells = [heads, *([_cell(row, head) for head in heads] for row in self.broken)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]
        return "\n".join([f"gate: {len(self.broken):,} of {self.rules:,} bounds are broken", *lines])


def _cell(row: Mapping[str, Any], head: str) -> str:
    if head == "value":
        return f"{row['value']:.6g}" if row["value"] is not None else f"none ({shown(row['reason'] or 'not computed')})"
    return shown(row[head])


def require_names(rules: Rules, figures: Sequence[str], tokenizers: Sequence[str]) -> None:
    """Raise BadSettings for no rule, or one about a figure or a tokenizer that there is not: before any work."""
    if not rules or [] in rules.values():
        raise BadSettings("gate", "has no rule for a figure that it names, or none at all; write one")
    for figure, listed in rules.items():
        _require("figure", [figure], figures)
        for rule in _listed(listed):
            _require("tokenizer", _named(rule.tokenizer), tokenizers)


def check_gate(rules: Rules, compared: "pl.DataFrame") -> None:
    """Raise GateBroken where a figure of compare.parquet is out of bounds, or has no value that a bound could hold for.

    Raises BadSettings for a rule about a group that is not in the table, or about groups without the figure.
    """
    bounds, broken = 0, list[dict[str, Any]]()
    for figure, listed in rules.items():
        for rule in _listed(listed):
            _require("group", _named(rule.group), compared["group"].unique(maintain_order=True).to_list())
            about = compared.filter(compared["figure"] == figure)
            for column, names in (("group", rule.group), ("tokenizer", rule.tokenizer)):
                if names is not None:
                    about = about.filter(about[column].is_in(_named(names)))
            if about.is_empty():
                raise BadSettings("gate", f"the groups of a rule have no {figure}; leave `group` out, or write all")
            for row in about.iter_rows(named=True):
                own = [*_bounds(rule, row["value"])]
                bounds += len(own)
                broken += [row | {"bound": bound} for bound, holds in own if not holds]
    if broken:
        raise GateBroken(bounds, broken)


def _bounds(rule: Rule, value: float | None) -> Iterable[tuple[str, bool]]:
    """Yield each bound of a rule in words, and True if the value is within it; no value is within none."""
    if rule.min is not None:
        yield f"min {rule.min:g}", value is not None and value >= rule.min
    if rule.max is not None:
        yield f"max {rule.max:g}", value is not None and value <= rule.max


def _listed(rules: Rule | list[Rule]) -> list[Rule]:
    return rules if isinstance(rules, list) else [rules]


def _named(names: str | list[str] | None) -> list[str]:
    return [names] if isinstance(names, str) else names or []


def _require(column: str, wanted: Sequence[str], known: Sequence[str]) -> None:
    """Raise BadSettings for a name that is none of `known`, with the nearest one and all."""
    for name in wanted:
        if name not in known:
            near = nearest(name, list(known), 1)[0]
            raise BadSettings(
                "gate", f"no {column} is named {name!r}; the nearest is {near!r}; there are {', '.join(known)}"
            )
