"""Measures that `compare` makes on request, each with a probe and the names of its figures."""

from collections.abc import Sequence
from typing import Final

from operators.encoding.encode import Encoder
from pipelines.compare.code import CODE, CodeProbe
from pipelines.compare.probes import CHARACTERS, NUMBERS, CharacterProbe, NumberProbe, Probe
from pipelines.compare.robustness import ROBUSTNESS, RobustnessProbe
from pipelines.compare.settings import Measure

NAMES: Final[dict[Measure, tuple[str, ...]]] = {
    "characters": CHARACTERS,
    "numbers": NUMBERS,
    "robustness": ROBUSTNESS,
    "code": CODE,
}
"""Measure to the names of its figures, in order."""


def probe_of(measure: Measure, encoder: Encoder) -> Probe:
    """Return a new probe, for one group under one tokenizer."""
    match measure:
        case "characters":
            return CharacterProbe()
        case "numbers":
            return NumberProbe()
        case "robustness":
            return RobustnessProbe(encoder)
        case "code":
            return CodeProbe()


def measured_names(measures: Sequence[Measure]) -> list[str]:
    """Return the names of the figures that these measures add, in order."""
    return [name for one in measures for name in NAMES[one]]
