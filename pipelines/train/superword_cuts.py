"""Warning about languages whose words the second stage of superwords cuts, measured from word tables."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from operators.superwords.cuts import count_cut_words
from operators.text.pretokenize import Pretokenizer
from pipelines.engines.engine import Engine
from pipelines.words.word_tables import words_by_language

LEAST_SHARE: Final = 0.03
"""Share of a language's words under which it is not named."""
NAMED: Final = 8
"""Languages that are named, the worst first."""


@dataclass(frozen=True)
class CutTask:
    """Partition of the word tables, and the second stage."""

    path: Path
    regex: str


def read_cuts(task: CutTask) -> tuple[Counter[str], Counter[str]]:
    """Worker task: return by language how many words there are, and how many of them the second stage cuts."""
    second, words_in, cut = Pretokenizer(task.regex), Counter[str](), Counter[str]()
    for language, words, counts in words_by_language(task.path):
        words_in[language] += int(counts.sum())
        cut[language] += count_cut_words(words, counts, second)
    return words_in, cut


def shares_cut(paths: Sequence[Path], regex: str, engine: Engine) -> dict[str, float]:
    """Return the share of each language's words that the second stage cuts; without those of which it cuts none."""
    total, cut = Counter[str](), Counter[str]()
    for _, (words, own) in engine.run(read_cuts, [CutTask(path, regex) for path in paths]):
        total.update(words)
        cut.update(own)
    return {language: cut[language] / total[language] for language in sorted(total) if cut[language]}


def cuts_warning(shares: Mapping[str, float]) -> str | None:
    """Return the warning, one line; None where the second stage cuts few words of every language.

    >>> cuts_warning({"en": 0.001, "th": 0.3})
    'the second stage cuts words of th (30%) that the first keeps whole, so these languages may take more tokens than \
without superwords; --superword-pretokenizer punctuation cuts none'
    """
    worst = sorted((name for name, share in shares.items() if share >= LEAST_SHARE), key=lambda one: -shares[one])
    if not worst:
        return None
    shown = ", ".join(f"{name} ({shares[name]:.0%})" for name in worst[:NAMED])
    shown += f" and {len(worst) - NAMED} more" if len(worst) > NAMED else ""
    return (
        f"the second stage cuts words of {shown} that the first keeps whole, so these languages may take more tokens "
        "than without superwords; --superword-pretokenizer punctuation cuts none"
    )
