"""Data inside the page: charts as Vega-Lite, the library that draws them, and the names that numbers stand for.

Everything is gzip in base64, which the page unpacks when it needs it. Equal data give equal text.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import altair as alt
import msgspec
import vl_convert

from jobs.report.charts.look import COLOURS, PAGE, PHONE
from jobs.report.charts.specification import DARK, Drawing, specification
from jobs.report.inputs import ReportInputs
from jobs.report.packing import packed
from jobs.report.tables import premium_table
from jobs.report.wording import named, printable
from operators.unicode.script_names import script_group

_LIBRARIES: Final = "https://cdn.jsdelivr.net/npm/{name}@{version}/+esm"
"""Name of a module in the copy of Vega that vl-convert carries: nothing is fetched."""


@cache
def vega_library() -> str:
    """Return Vega and Vega-Lite as one script, packed; it sets `vega` and `vegaLite`. It takes two seconds."""
    vega = _LIBRARIES.format(name="vega", version=vl_convert.get_vega_version())
    lite = _LIBRARIES.format(name="vega-lite", version=alt.SCHEMA_VERSION.removeprefix("v"))
    script = vl_convert.javascript_bundle(
        f'import * as all from "{vega}"; import * as lite from "{lite}"; window.vega = all; window.vegaLite = lite;'
    )
    return packed(f"(() => {{{script}}})();".encode())


def script_groups(inputs: ReportInputs) -> list[str]:
    """Return the groups of scripts of the page's languages, in their usual order."""
    found = {script_group(code) for code in inputs.places}
    return [group for group in COLOURS if group in found]


def language_names(inputs: ReportInputs) -> list[str]:
    """Return the names of the page's languages and categories, by number."""
    return [named(code, inputs.names) for code in inputs.places]


def figures(inputs: ReportInputs, drawings: Sequence[Drawing]) -> str:
    """Return everything that the charts are drawn from, packed."""
    datasets = dict[str, Any]()
    charts = []
    for drawing in drawings:
        both = [specification(chart, layout) for chart, layout in ((drawing.page, PAGE), (drawing.phone, PHONE))]
        for one in both:
            datasets |= one.pop("datasets", {})
        charts.append({"hover": drawing.hover, "page": both[0], "phone": both[1]})
    paid = premium_table(inputs).select("place", "tokenizer_place", "premium")
    content = {
        "languages": language_names(inputs), "tokenizers": [printable(name) for name in inputs.tokenizer_places],
        "dark": [*DARK.items()], "charts": charts, "datasets": datasets, "paid": paid.rows(),
    }  # fmt: skip
    return packed(msgspec.json.encode(content))
