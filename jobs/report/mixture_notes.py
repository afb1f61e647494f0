"""Notes on an inferred mixture, for the page: reservations first, then how it was inferred."""

from jobs.report.inputs import ReportInputs
from jobs.report.tables import share_outside
from jobs.report.trust import judge
from jobs.report.wording import named, percent

HOW = {
    "rank": "Inferred from the ranks of {merges} merges: with the right shares, a merged pair is the rarer in the "
    "mixture the later it was merged. The 95 % interval covers the chance in the samples and in the training text, not "
    "a category that is missing.",
    "lp": "Inferred from {merges} merges by that paper's linear program: with the right shares, no other pair is more "
    "frequent than the merged one. The program gives no intervals.",
}


def mixture_notes(inputs: ReportInputs) -> list[str]:
    """Return paragraphs; those that begin with "Beware" are reservations, and come first."""
    about = inputs.mixture_about
    if about is None:
        return []
    facts, notes, trust = about.facts, [], judge(inputs)
    if trust.level == "none":
        notes.append("Beware: these shares cannot be relied on.")
    if facts.get("warning"):
        warning = str(facts["warning"]).removeprefix("mixture: ")
        notes.append(f"Beware: {warning}. The shares are then those of a text that was not the training text.")
    for reason in trust.reasons[1:] if facts.get("warning") else trust.reasons:  # the first is the warning, in short
        notes.append(f"Beware: {reason}.")
    notes.append(HOW[about.method].format(merges=f"{facts['merges_used']:,}"))
    if facts.get("intervals") is False:
        notes.append("There are no intervals: a category has too little text to show how its documents vary.")
    for members in facts.get("groups") or ():
        names = ", ".join(named(one, inputs.names) for one in members)
        notes.append(f"{names} are nearly the same text: trust their joint share, not each one's own.")
    rest = share_outside(inputs)
    if rest is not None:
        notes.append("The true share is the one that training recorded.")
        if rest >= 5e-4:
            notes.append(f"{percent(rest)} of the training text is in none of these categories.")
    return notes
