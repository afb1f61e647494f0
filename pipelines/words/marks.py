"""Warning about languages whose words a pre-tokenizer cuts at marks, measured from word tables.

Vowel signs of Indic, Tibetan, Khmer and Thai script are marks (`\\p{M}`). An expression whose words are `\\p{L}+` ends
a word before each of them, so that no merge ever joins a consonant to its vowel.
"""

from collections.abc import Mapping
from typing import Final

from operators.text.pretokenizers import DEFAULT, NAMES

LEAST_CUTS: Final = 0.05
"""Pieces more per word under which a language is not named."""
NAMED: Final = 8
"""Languages that are named, the worst first."""


def marks_warning(pretokenizer: str, languages: Mapping[str, Mapping[str, int]]) -> str | None:
    """Return the warning, one line; None where no language's words are cut.

    languages: the figures of each language (`pipelines.words.partitions.FIGURES`).
    """
    cuts = {
        name: figures["begin_with_mark"] / max(figures["with_letters"], 1)
        for name, figures in languages.items()
        if figures.get("begin_with_mark")
    }
    worst = sorted((name for name, more in cuts.items() if more >= LEAST_CUTS), key=lambda name: (-cuts[name], name))
    if not worst:
        return None
    shown = [
        f"{name} ({languages[name]['marks'] / max(languages[name]['characters'], 1):.0%} of its characters are marks, "
        f"{cuts[name]:.2f} pieces more a word)"
        for name in worst[:NAMED]
    ]
    more = f" and {len(worst) - NAMED} more" if len(worst) > NAMED else ""
    name = pretokenizer if pretokenizer in NAMES else "the pre-tokenizer"
    return f"{name} cuts words at marks in {', '.join(shown)}{more}; {DEFAULT} keeps them whole"
