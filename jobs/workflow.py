"""Steps in a row, and which of them are commands of their own."""

from jobs.report.settings import Catalogs, Report
from pipelines.curves.settings import Curves
from pipelines.mixture.settings import Mixture
from pipelines.plan.settings import Plan
from pipelines.premiums.settings import Premiums
from pipelines.retokenize.settings import Retokenize
from pipelines.settings import Execution, Settings
from pipelines.sweep.settings import Sweep
from pipelines.train.settings import Train


class Step(Settings, frozen=True, kw_only=True):
    """One step: exactly one of these."""

    catalogs: Catalogs | None = None
    """See `babelmerge settings`."""
    train: Train | None = None
    """See `babelmerge train --help`."""
    retokenize: Retokenize | None = None
    """See `babelmerge retokenize --help`."""
    premiums: Premiums | None = None
    """See `babelmerge premiums --help`."""
    mixture: Mixture | None = None
    """See `babelmerge mixture --help`."""
    curves: Curves | None = None
    """See `babelmerge curves --help`."""
    sweep: Sweep | None = None
    """See `babelmerge sweep --help`."""
    report: Report | None = None
    """Draws what the steps before it found."""

    @property
    def kinds(self) -> list[str]:
        """Names of the steps that are given; one, unless the file is wrong."""
        return [name for name in self.__struct_fields__ if getattr(self, name) is not None]


class Workflow(Execution, frozen=True, kw_only=True):
    """What `babelmerge run` does: steps, one after the other, each skipped when nothing it depends on changed."""

    steps: list[Step]
    """The steps, in order."""


COMMANDS: dict[str, type[Settings]] = {
    "train": Train,
    "retokenize": Retokenize,
    "premiums": Premiums,
    "mixture": Mixture,
    "curves": Curves,
    "sweep": Sweep,
    "plan": Plan,
    "report": Report,
}
"""Steps that are commands of their own. The first field of each, if it is a list, is what its positional arguments
are."""
