"""Workflows: lists of steps, read from a YAML file."""

from collections.abc import Mapping
from typing import Any

import msgspec

from jobs.commands import COMMANDS
from jobs.configuration import BadConfiguration, convert, read_yaml
from pipelines.settings import Execution, Settings

Step: Any = msgspec.defstruct(
    "Step",
    [(command.name, command.settings | None, None) for command in COMMANDS],
    bases=(Settings,),
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    namespace={"__doc__": "One step of a workflow: exactly one command, by its name, with its settings."},
)


class Workflow(Execution, frozen=True, kw_only=True):
    """Steps to run one after the other; a step whose settings and inputs are unchanged is skipped."""

    steps: list[Step]
    """The steps, in order."""

    def settings(self) -> list[Settings[Any]]:
        """Return the settings of each step, in order."""
        return [getattr(step, name) for step in self.steps for name in _given(step)]


def read_workflow(file: str, flags: Mapping[str, Any]) -> Workflow:
    """Read a workflow file; flags that are not None replace its execution settings. Raises BadConfiguration."""
    data = read_yaml(file)
    if not isinstance(data, dict):
        raise BadConfiguration(file, "holds no workflow; write `steps:` with a list of steps")
    data = data | {name: value for name, value in flags.items() if value is not None}
    workflow = convert(data, Workflow, file, nested=True)
    for i, step in enumerate(workflow.steps):
        if len(names := _given(step)) != 1:
            named = " and ".join(names) or "none"
            raise BadConfiguration(file, f"a step names one command, this one {named} - at `$.steps[{i}]`")
    if not workflow.steps:
        raise BadConfiguration(file, "has no steps; list at least one - at `$.steps`")
    return workflow


def _given(step: Any) -> list[str]:
    """Return the names of the commands that a step holds; exactly one if the file is valid."""
    return [name for name in step.__struct_fields__ if getattr(step, name) is not None]
