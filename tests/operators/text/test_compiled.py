"""Compiled pre-tokenizers against `tokenizers`: published families, random expressions, and time."""

import io
import itertools
import json
import random
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import zstandard

from benchmarks.pretokenizers import FAMILIES, ends, pretokenizer, reference
from operators.kernels import automaton
from operators.text.arrow_text import bytes_and_starts
from operators.text.character_classes import NotCompiled
from operators.text.compiled import Compiled, compiled
from operators.text.preprocessing import Section, split_step
from operators.text.pretokenize import Pretokenizer
from tests.conftest import sample_and_whole
from tests.operators.text.random_patterns import pattern, texts
from tests.operators.text.test_pretokenize import assigned, hostile


def cut(steps: list[Section], documents: list[str]) -> list[list[int]]:
    """The ends of all pieces by compiled tables, also where there is a scanner."""
    data, starts = bytes_and_starts(pa.array(documents, pa.large_string()))
    places, borders = (array.tolist() for array in compiled(steps)(data, starts))
    pairs = zip(starts.tolist(), itertools.pairwise(borders), strict=False)
    return [[place - begin for place in places[first:last]] for begin, (first, last) in pairs]


def assert_same(steps: list[Section], documents: list[str]) -> None:
    ours, theirs = cut(steps, documents), reference(steps, documents)
    if ours != theirs:  # a list of a million entries makes a poor message
        wrong = next(i for i, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b)
        pytest.fail(f"{steps} on {documents[wrong]!r}: {ours[wrong]} instead of {theirs[wrong]}")


@cache
def flores(shared: Path, every: bool) -> list[str]:
    """Two sentences of each language, or all of them."""
    with (shared / "corpora" / "flores200_dev.jsonl.zst").open("rb") as file:
        lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), "utf-8")
        return [json.loads(line)["text"] for number, line in enumerate(lines) if every or number % 498 == 0]


@sample_and_whole
@pytest.mark.parametrize("family", FAMILIES)
def test_languages_of_flores_are_cut_as_tokenizers_cuts_them(family: str, every: bool, shared: Path) -> None:
    assert_same(FAMILIES[family][1], flores(shared, every))


@sample_and_whole
@pytest.mark.parametrize("family", FAMILIES)
def test_strings_of_edge_characters(family: str, every: bool) -> None:
    assert_same(FAMILIES[family][1], hostile(29, 80_000 if every else 800))


@sample_and_whole
@pytest.mark.parametrize("family", FAMILIES)
def test_every_assigned_character_alone_and_between_others(family: str, every: bool) -> None:
    """Every character, or every 400th and those that begin and end a class."""
    steps = FAMILIES[family][1]
    characters = list(assigned())
    if not every:
        letters = compiled(steps).letters
        codes = np.array([ord(one) for one in characters])
        classes = letters.classes[letters.blocks[codes >> 6].astype(np.int64) * 64 + (codes & 63)]
        firsts = np.unique(classes, return_index=True)[1]
        lasts = len(classes) - 1 - np.unique(classes[::-1], return_index=True)[1]
        characters = characters[::400] + [characters[i] for i in (*firsts, *lasts)]
    assert_same(steps, characters)
    between = [f"a{c}a{c}{c}A{c}1{c}1 {c} {c}\n{c}\n{c}'s" for c in characters]
    assert_same(steps, ["".join(between[i : i + 64]) for i in range(0, len(between), 64)])


@sample_and_whole
def test_random_expressions_cut_as_tokenizers_cuts(every: bool) -> None:
    draw, done = random.Random(31), 0
    while done < (1_000 if every else 40):
        steps = [split_step(pattern(draw)) for _ in range(draw.choice([1, 1, 1, 2]))]
        try:
            compiled(steps)
        except NotCompiled:
            continue
        try:
            # Oniguruma backtracks without end on long texts where repeats of repeats fail.
            assert_same(steps, texts(draw, 20, long="}+" not in str(steps)))
        except BaseException as error:  # Oniguruma gave up: a panic in Rust is no Exception
            if type(error).__name__ != "PanicException":
                raise
            continue
        done += 1


@pytest.mark.parametrize(
    "step",
    [
        {"type": "Digits", "individual_digits": False},
        {"type": "Punctuation", "behavior": "Isolated"},
        {"type": "Punctuation", "behavior": "MergedWithPrevious"},
        {"type": "Punctuation", "behavior": "MergedWithNext"},
        {"type": "Split", "pattern": {"String": "."}, "behavior": "Contiguous", "invert": False},
        {"type": "FixedLength", "length": 3},
    ],
)
def test_steps_that_are_no_expression(step: Section) -> None:
    documents = [*hostile(37, 600), "a!!b. .c", "!a!", "...", "1a11"]
    assert_same([step], documents)
    assert_same([step, split_step(r"\s+|\p{L}+")], documents)


def test_steps_that_lose_text_or_merge_long_matches_are_refused() -> None:
    split = {"type": "Split", "pattern": {"Regex": "ab"}, "invert": False}
    for step in (
        split | {"behavior": "Removed"},
        split | {"behavior": "Contiguous"},
        {"type": "Punctuation", "behavior": "Removed"},
        {"type": "UnicodeScripts"},
    ):
        with pytest.raises(NotCompiled):
            compiled([step])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_published_family_needs_no_library(family: str) -> None:
    cutter = pretokenizer(family)
    assert cutter.cut_by in ("bits", "tables") and cutter.library is None
    documents = hostile(41, 50)
    assert ends(cutter, documents) == reference(FAMILIES[family][1], documents)


def test_the_reason_for_the_library_is_named() -> None:
    cutter = Pretokenizer(r"(?<=a)b|c")
    assert cutter.library is not None and "(?<=" in cutter.library and cutter.library.startswith("tokenizers ")
    assert Pretokenizer(r"b|c\p{L}").library is None


def steps_of(tables: Compiled, text: str) -> int:
    """Number of bytes that matcher and border machine read: kernels run as Python, on an array that counts."""
    data, starts = bytes_and_starts(pa.array([text], pa.large_string()))
    kinds = np.zeros(len(data) + 65, np.uint8)
    automaton.write_classes(data, automaton.Letters(*tables.letters), kinds)
    kinds[0] |= tables.restart
    kinds[len(data) // 2] |= tables.restart
    kinds[len(data)] = tables.restart | 1
    read = CountedReads(kinds)
    places = len(data) // automaton.STRIDE + 3
    room = automaton.Room(
        kinds, np.empty(0, np.uint64), np.empty(0, np.int64), np.zeros(places, np.int64), np.zeros(places, np.uint64)
    )
    with pytest.MonkeyPatch.context() as patch:
        for name in ("settle", "match_end", "cut_on"):
            kernel = getattr(automaton, name)
            patch.setattr(automaton, name, getattr(kernel, "py_func", kernel))
        plain = getattr(automaton.cut, "py_func", automaton.cut)
        plain(read, len(data) // 2, len(data), tables.restart, automaton.Machine(*tables.machines[:4]), room)
    assert int(starts[-1]) == len(data)
    return read.count


class CountedReads:
    """An array that counts how often an entry is read."""

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.count = array, 0

    def __getitem__(self, at: int) -> np.uint8:
        self.count += 1
        value: np.uint8 = self.array[at]
        return value

    def __setitem__(self, at: int, value: int) -> None:
        self.array[at] = value


@pytest.mark.parametrize(
    ("regex", "unit"),
    [
        (r"a*b|a", "a"),
        (r"(?:aaa)*b|a", "a"),
        (r"(?:a{3}){2,}b|(?:aa)+c|a", "a"),
        (r"\s+x|\s", " "),
        (r"\s*[\r\n]+|\s+(?!\S)|\s+", "\n "),
        (r"\p{N}+\.|\p{N}", "1"),
        (r"(a+)+$", "a"),
        (r"a+b", "a"),
        (r"[^b]+b|\p{M}", "\u0301"),
    ],
)
def test_a_text_is_read_a_bounded_number_of_times(regex: str, unit: str) -> None:
    # A matcher that read on to the end from each piece would read each byte 300 times, half of each half.
    text = unit * 1200 + "x"
    assert steps_of(compiled([split_step(regex)]), text) < 60 * len(text.encode())
