"""The command `inspect`: the step, with a page of its tables."""

from pipelines.context import Context
from pipelines.inspect import step
from pipelines.inspect.settings import Inspect
from pipelines.results import Inspected


def inspect(settings: Inspect, context: Context) -> Inspected:
    """Inspect a tokenizer and draw the page. Raises what `pipelines.inspect.step.inspect` raises."""
    from jobs.inspect.page import draw

    return step.inspect(settings, context, draw)
