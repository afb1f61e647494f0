"""Probe of robustness: tokens of words that a typo, a lost mark, another form or digit script, or a space changes."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import pyarrow as pa

from operators.encoding.encode import Encoder
from operators.metrics.perturbations import CHANGES, changed_tokens, typo
from operators.metrics.token_pairs import UNITS
from pipelines.compare.figures import Figure, counted
from pipelines.compare.probes import Sampled

TYPO: Final = "changed_by_typo"
SPACE: Final = "changed_by_leading_space"
ROBUSTNESS: Final = (TYPO, *(f"changed_by_{name}" for name in CHANGES), SPACE)
MOST_WORDS: Final = 4096
"""Largest number of words of a group that are changed, drawn from the running words of the sample."""
BEFORE: Final = "x"
"""Word before a word that stands in text: some tokenizers put a space before what begins a text."""
_TEXT_BYTES: Final = 4 << 20
"""Text of which words are drawn."""
_WORD: Final = re.compile(r"\S+")


class RobustnessProbe:
    """Words of sampled documents, encoded as they are and changed."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._words, self._units, self._bytes = list[str](), list[int](), 0

    def add(self, sampled: Sampled) -> None:
        """Collect the words of a batch."""
        for text, unit in zip(sampled.text.to_pylist(), sampled.units.tolist(), strict=True):
            if self._bytes > _TEXT_BYTES:
                return
            self._bytes += len(text)
            own = _WORD.findall(text)
            self._words += own
            self._units += [unit] * len(own)

    def figures(self, units: int) -> list[Figure]:
        """Return for each change the share of the tokens of the words that it changes which are gone."""
        draw, number = np.random.default_rng(0), len(self._words)
        chosen = np.sort(draw.choice(number, min(number, MOST_WORDS), replace=False)).tolist() if number else []
        words, of_unit = [self._words[i] for i in chosen], [self._units[i] for i in chosen]
        whole = self._in_text(words)
        changed = {TYPO: ([typo(word, draw) for word in words], "no words")}
        for name, (change, lack) in CHANGES.items():
            changed[f"changed_by_{name}"] = ([change(word) for word in words], lack)
        found = list[Figure]()
        for name, (others, lack) in changed.items():
            gone, every = np.zeros(UNITS), np.zeros(UNITS)
            differ = [i for i, other in enumerate(others) if other != words[i]]
            for i, after in zip(differ, self._in_text([others[i] for i in differ]), strict=True):
                gone[of_unit[i]] += changed_tokens(whole[i], after)
                every[of_unit[i]] += len(whole[i])
            found.append(counted(name, gone[:units], every[:units], lack))
        gone, every = np.zeros(UNITS), np.zeros(UNITS)
        for before, after, unit in zip(whole, self._encoded(words), of_unit, strict=True):
            gone[unit] += changed_tokens(before, after)
            every[unit] += len(before)
        return [*found, counted(SPACE, gone[:units], every[:units], "no words")]

    def _in_text(self, words: Sequence[str]) -> list[list[int]]:
        """Return the tokens of each word behind another word and a space, without those of the other."""
        skip = len(self._encoded([BEFORE])[0])
        return [ids[skip:] for ids in self._encoded([f"{BEFORE} {word}" for word in words])]

    def _encoded(self, words: Sequence[str]) -> list[list[int]]:
        ids, offsets = self._encoder.encode(pa.array(words, pa.large_string()))
        return [ids[first:last].tolist() for first, last in pairwise(offsets.tolist())]
