"""Judgement of a report's mixture (`pipelines.mixture.trust`): it decides the sentence, the notes and the colours."""

from jobs.report.inputs import ReportInputs
from pipelines.mixture import trust
from pipelines.mixture.trust import Trust


def judge(inputs: ReportInputs) -> Trust:
    """Judge the mixture among the inputs; without one there is nothing to reserve."""
    about = inputs.mixture_about
    if about is None or inputs.mixture is None:
        return Trust("firm", (), None)
    return trust.judge(about.method, about.facts, inputs.mixture, about.sensitivity)
