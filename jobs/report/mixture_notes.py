"""What a reader must know about an inferred mixture before its figures."""

from jobs.report.inputs import ReportInputs
from jobs.report.tables import share_outside
from jobs.report.wording import named, percent

HOW = {
    "rank": "Told from the ranks of {merges} merges: with the right shares, a merged pair is the rarer in the mixture "
    "the later it was merged. The 95 % interval covers the luck of the samples and of the training text, not a "
    "category that is missing.",
    "lp": "Told from {merges} merges by that paper's linear program: with the right shares, no other pair is more "
    "frequent than the merged one. The program gives no intervals.",
}


def mixture_notes(inputs: ReportInputs) -> list[str]:
    """Sentences, what to beware of first: each is a paragraph."""
    about = inputs.mixture_about
    if about is None:
        return []
    facts, notes = about.facts, []
    if facts.get("warning"):
        said = str(facts["warning"]).removeprefix("mixture: ")
        notes.append(f"Beware: {said}. The shares are then those of a text that was not the training text.")
    if facts.get("converged") is False:
        notes.append("Beware: the fit had not settled when it was ended; the shares are rough.")
    notes.append(HOW[about.method].format(merges=f"{facts['merges_used']:,}"))
    if facts.get("intervals") is False:
        notes.append("There are no intervals: a category has too little text to show how its documents vary.")
    for members in facts.get("groups") or ():
        told = ", ".join(named(one, inputs.names) for one in members)
        notes.append(f"{told} are nearly the same text: trust their joint share, not each one's own.")
    rest = share_outside(inputs)
    if rest is not None:
        notes.append("The true share is the one that training recorded.")
        if rest >= 5e-4:
            notes.append(f"{percent(rest)} of the training text is in none of these categories.")
    return notes
