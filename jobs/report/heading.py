"""Heading of a report that was given no title: it names the results that the page shows."""

from jobs.report.inputs import ReportInputs
from jobs.report.tables import compression_table, premium_table
from jobs.report.wording import printable


def heading(inputs: ReportInputs) -> str:
    """Return the heading: of premiums where there are any, else of the first other result."""
    premiums = premium_table(inputs)
    languages = premiums.filter(premiums["language"] != (inputs.baseline or ""))["language"].n_unique()
    if languages:
        tokenizers = premiums["tokenizer"].unique().to_list()
        which = f" of {len(tokenizers)} tokenizers"
        if len(tokenizers) == 1:
            name = printable(tokenizers[0])
            which = "" if name == "tokenizer" else f" of {name}"
        return f"Token premiums{which} in {languages:,} language{'' if languages == 1 else 's'}"
    if inputs.curves is not None:
        return "Tokens of each language by vocabulary size"
    if inputs.sweep is not None:
        return "A tokenizer for each language"
    if inputs.design is not None:
        return "A tokenizer that is fair to every language"
    if inputs.mixture is not None:
        return "The training mixture that a merge list shows"
    if not compression_table(inputs).is_empty():
        return "Compression of each language"
    return "A tokenizer" if inputs.training else "A report without results"
