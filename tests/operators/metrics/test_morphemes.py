"""Borders of morphemes and tokens, and MorphScore, against loops over sets of places on random segmentations."""

import random
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from operators.metrics.morphemes import Cuts, best_analyses, border_scores, cuts, morphscore_1, morphscore_2
from operators.metrics.token_borders import token_borders

Word = tuple[list[str], list[bytes]]
"""Morphemes, and tokens; tokens of another text stand for a word that is not spelled."""


def cut_at_random(data: Any, draw: random.Random) -> list[Any]:
    places = sorted(draw.sample(range(1, len(data)), draw.randint(0, min(3, len(data) - 1))))
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


def random_words(draw: random.Random, number: int) -> list[Word]:
    """Words of 1 to 5 characters of 1 to 4 bytes; tokens cut anywhere, inside characters too."""
    words = []
    for _ in range(number):
        word = "".join(draw.choices("abéन😀", k=draw.randint(1, 5)))
        tokens = cut_at_random(word.encode(), draw) if draw.random() < 0.9 else [b"?"] * draw.randint(1, 3)
        words.append((cut_at_random(word, draw), tokens))
    return words


def measured(words: Sequence[Word], before: bytes) -> Cuts:
    tokens = [[*([before] if before else []), *own] for _, own in words]
    text = pa.array([before.decode() + "".join(parts) for parts, _ in words], pa.large_string())
    vocabulary = sorted({one for own in tokens for one in own})
    ids = np.array([vocabulary.index(one) for own in tokens for one in own], np.int32)
    offsets = np.append(0, np.cumsum([len(own) for own in tokens]))
    found = token_borders(text, ids, offsets, pa.array(vocabulary, pa.large_binary()))
    return cuts(found, np.diff(offsets) - bool(before), len(before), [parts for parts, _ in words])


def borders(parts: Sequence[bytes]) -> set[int]:
    return {*accumulate(map(len, parts[:-1]))}


def mean(pairs: Sequence[tuple[float, float]]) -> float | None:
    below = sum(weight for _, weight in pairs)
    return sum(value * weight for value, weight in pairs) / below if below else None


def over(sums: tuple[Any, Any]) -> float | None:
    return sums[0].sum() / sums[1].sum() if sums[1].sum() else None


def is_text(token: bytes) -> bool:
    return "\ufffd" not in token.decode(errors="replace")


@pytest.mark.parametrize("seed", range(12))
def test_scores_equal_loops_over_sets_of_places(seed: int) -> None:
    draw = random.Random(seed)
    words = random_words(draw, draw.choice([1, 7, 60]))
    weights = [draw.choice([0.0, 1.0, 2.5]) for _ in words]
    before = draw.choice([b"", b"x "])
    found = measured(words, before)
    shared = gold = cut = 0
    first, recall, precision = list[tuple[float, float]](), dict[bool, list[Any]](), dict[bool, list[Any]]()
    for single in (True, False):
        recall[single], precision[single] = [], []
    for (parts, tokens), weight in zip(words, weights, strict=True):
        if b"".join(tokens) != "".join(parts).encode():
            continue
        due, made = borders([part.encode() for part in parts]), borders(tokens)
        gold, cut, shared = gold + len(due), cut + len(made), shared + len(due & made)
        if len(due) == 1 and len(tokens) > 1:
            first.append((float(due <= made and all(map(is_text, tokens))), 1.0))
        for single in (True, False) if due else ():
            if len(tokens) > 1:
                recall[single].append((len(due & made) / len(due), weight))
                precision[single].append((len(due & made) / len(tokens), weight))
            elif single:
                recall[single].append((1.0, weight))
                precision[single].append((1.0, weight))
    expected = [shared / cut if cut else None, shared / gold if gold else None]
    expected.append(2 * shared / (gold + cut) if gold + cut else None)
    assert [over(sums) for sums in border_scores(found)] == pytest.approx(expected)
    assert over(morphscore_1(found)) == pytest.approx(mean(first))
    for single in (True, False):
        got = [over(sums) for sums in morphscore_2(found, np.array(weights), single)]
        assert got == pytest.approx([mean(recall[single]), mean(precision[single])])


def test_the_best_of_several_analyses_is_taken_and_the_first_of_equal_ones() -> None:
    tokens = [b"un", b"done"]
    analyses = [(["undone"], tokens), (["und", "one"], tokens), (["un", "done"], tokens), (["un", "do", "ne"], tokens)]
    found = measured([(["a"], [b"a"]), *analyses, (["b", "c"], [b"b", b"c"])], b"x ")
    assert found.f1.tolist() == pytest.approx([1, 0, 0, 1, 2 / 3, 1])
    best = best_analyses(found, np.array([1, 0, 0, 0, 0, 2]))
    assert best.gold.tolist() == [1, 0, 1] and best.shared.tolist() == [1, 0, 1]
    tied = best_analyses(measured(analyses[:2], b""), np.array([0, 0]))
    assert tied.gold.tolist() == [0]
