"""Figures of marks in word tables, against plain loops; and the warning made of them."""

import json
import random
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from operators.text.pretokenize import Pretokenizer
from operators.word_table import mark_figures
from pipelines.words.marks import marks_warning
from pipelines.words.partitions import FIGURES
from tests.conftest import Command
from tests.operators.kernels.test_boundaries import broken
from tests.operators.text.test_pretokenize import hostile

HINDI = "यह एक छोटी सी कहानी है जिसमें कुछ भी नहीं होता है"


def plain(words: Counter[str]) -> tuple[int, int, int]:
    """The same figures by Python's own classes, for characters that are older than Unicode 14."""
    marks = cut = lettered = 0
    for word, count in words.items():
        kinds = [unicodedata.category(char)[0] for char in word]
        marks += kinds.count("M") * count
        if kinds[0] == "M":
            cut += count
        elif "L" in kinds:
            lettered += count
    return marks, cut, lettered


def figures(words: Counter[str]) -> tuple[int, int, int]:
    return mark_figures(pa.array([w.encode() for w in words], pa.large_binary()), np.array([*words.values()], np.int64))


@pytest.mark.parametrize("seed", range(3))
def test_figures_equal_a_plain_count(seed: int) -> None:
    draw = random.Random(seed)
    words = Counter({text: draw.randint(1, 1000) for text in hostile(seed, 300, longest=12) if text})
    assert figures(words) == plain(words)


def test_characters_that_are_cut_off_are_no_marks() -> None:
    words = [b"\xcc", b"a\xe0\xa4", b"\xff", b"\x81\x81", *broken(3, 300)]
    marks, cut, lettered = mark_figures(pa.array(words[:4], pa.large_binary()), np.ones(4, np.int64))
    assert (marks, cut, lettered) == (0, 0, 1)
    assert mark_figures(pa.array(words, pa.large_binary()), np.ones(len(words), np.int64))[2] > 1  # stays inside


@pytest.mark.parametrize(("name", "warned"), [("gpt4", True), ("gpt2", True), ("o200k", False), ("tekken", False)])
def test_a_language_whose_words_are_cut_is_named_with_what_it_costs(name: str, warned: bool) -> None:
    tables = {}
    for language, text in (("hi", HINDI), ("en", "a small tale in which nothing happens, naïve é")):
        pieces = Pretokenizer(name).split(pa.array([text], pa.large_string()))
        ends = pieces.ends.tolist()
        words = Counter(text.encode()[a:b].decode() for a, b in zip([0, *ends], ends, strict=False))
        marks, cut, lettered = figures(words)
        tables[language] = dict.fromkeys(FIGURES, 0) | {"characters": len(text), "marks": marks}
        tables[language] |= {"begin_with_mark": cut, "with_letters": lettered}
    said = marks_warning(name, tables)
    if not warned:
        assert said is None
        return
    marks = sum(unicodedata.category(char)[0] == "M" for char in HINDI)
    more = tables["hi"]["begin_with_mark"] / tables["hi"]["with_letters"]
    assert said == (
        f"{name} cuts words at marks in hi ({marks / len(HINDI):.0%} of its characters are marks, "
        f"{more:.2f} pieces more a word); o200k keeps them whole"
    )
    assert more > 0.5


def test_the_worst_come_first_and_many_are_counted() -> None:
    def one(cut: int) -> dict[str, int]:
        return {"characters": 100, "marks": 10, "begin_with_mark": cut, "with_letters": 100}

    said = marks_warning(r"\p{L}+", {f"l{i:02}": one(i) for i in range(20)}) or ""
    assert said.startswith("the pre-tokenizer cuts words at marks in l19 (10% ") and said.count("(") == 8
    assert said.endswith(" and 7 more; o200k keeps them whole")  # 5 of 100 and more are named: l05 to l19


def test_train_and_plan_say_it(babelmerge: Command, tmp_path: Path) -> None:
    rows = [{"language": "hi", "text": HINDI}] * 40 + [{"language": "en", "text": "one of many lines"}] * 40
    (tmp_path / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name, warned in (("gpt4", True), ("o200k", False)):
        how = ("corpus.jsonl", "--pretokenizer", name, "--engine", "local", "--progress", "json")
        status, _, err = babelmerge("train", *how, "--vocab-size", "300", "--out", name)
        assert status == 0 and (f"train: {name} cuts words at marks in hi (" in err) is warned
