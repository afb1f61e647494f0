"""All charts, in the order of the page."""

from collections.abc import Callable
from typing import Final

from jobs.report.charts.compression import compression
from jobs.report.charts.curves import own_curves, shared_curves
from jobs.report.charts.frontier import frontier, premiums_before_and_after
from jobs.report.charts.premiums import lorenz, premium_map, premiums
from jobs.report.charts.shares import mixture, mixture_by_merges
from jobs.report.charts.specification import Drawing
from jobs.report.charts.superwords import saved
from jobs.report.inputs import ReportInputs

_MAKERS: Final[dict[str, Callable[[ReportInputs], Drawing | None]]] = {
    "premiums": premiums,
    "premium-map": premium_map,
    "lorenz": lorenz,
    "curves": shared_curves,
    "sweep": own_curves,
    "frontier": frontier,
    "design-premiums": premiums_before_and_after,
    "mixture": mixture,
    "mixture-merges": mixture_by_merges,
    "superwords": saved,
    "compression": compression,
}
CHARTS: Final = tuple(_MAKERS)
"""Names of all charts."""


def drawings(inputs: ReportInputs) -> list[Drawing]:
    """Draw the charts for which there are results."""
    return [drawing for maker in _MAKERS.values() if (drawing := maker(inputs)) is not None]
