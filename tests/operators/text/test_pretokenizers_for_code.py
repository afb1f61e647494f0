"""CodeBPE's levels: cuts equal both libraries' and a loop over characters, which says in Python what a level keeps."""

import itertools
import random
import unicodedata

import pytest

from operators.text.pretokenize import Pretokenizer
from operators.text.pretokenizers import PATTERNS
from tests.operators.text.test_pretokenize import BLANKS, EDGES, our_pieces, reference, split, tiktoken_pieces

LEVELS = range(1, 5)
CODE = "def f(self.x, *_a1):\r\n\treturn self._b.c2 >>= 3.14...  # e\u0301.no\n\n    if a.b..c:  \n\n"


def is_name(character: str) -> bool:
    return character == "_" or unicodedata.category(character)[0] in "LMN"


def run_end(text: str, at: int, inside: str) -> int:
    """Return where a run of names (n), signs (s) or blanks (b) that begins at `at` ends."""
    while at < len(text) and kind(text[at]) == inside:
        at += 1
    return at


def kind(character: str) -> str:
    return "b" if character in BLANKS else "n" if is_name(character) else "s"


def piece_end(text: str, at: int, level: int) -> int:
    word = at + 1 if text[at] == " " else at
    if word < len(text) and kind(text[word]) == "n":
        end = run_end(text, word, "n")
        while level == 3 and text[end : end + 1] == "." and run_end(text, end + 1, "n") > end + 1:
            end = run_end(text, end + 1, "n")
        return end
    if level == 1 and kind(text[at]) == "s":
        return at + 1
    if level > 1 and word < len(text) and kind(text[word]) == "s":
        return run_end(text, word, "s")
    end = run_end(text, at, "b")
    lines = max(text.rfind("\n", at, end), text.rfind("\r", at, end))
    if lines >= 0:
        return lines + 1
    return end if end == len(text) or end == at + 1 else end - 1


def pieces(text: str, level: int) -> list[bytes]:
    if level == 4:
        return ["".join(run).encode() for _, run in itertools.groupby(text, lambda one: one in "\r\n")]
    found, at = [], 0
    while at < len(text):
        end = piece_end(text, at, level)
        found.append(text[at:end].encode())
        at = end
    return found


def hostile(seed: int, count: int) -> list[str]:
    draw, made = random.Random(seed), [CODE, "", " ", "a. .b", "a..b", ".a", "a."]
    for _ in range(count):
        alphabet = [*draw.sample(EDGES, 4), *"._ \n"]
        made.append("".join(draw.choices(alphabet, k=draw.choice([2, 5, 14]))))
    return made


@pytest.mark.parametrize("level", LEVELS)
def test_cuts_equal_both_libraries_and_a_loop(level: int) -> None:
    name = f"codebpe{level}"
    documents = hostile(level, 800)
    assert Pretokenizer(name).cut_by == "tables"
    assert split(Pretokenizer(name), documents) == reference(PATTERNS[name], documents)
    assert our_pieces(name, documents) == [pieces(text, level) for text in documents]
    few = documents[1:150]
    assert tiktoken_pieces(PATTERNS[name], few) == our_pieces(name, few)


def test_each_level_keeps_what_the_one_below_cuts() -> None:
    text = "y = np.pi>>= 3.5\n"
    expected = [
        "y| |=| np|.|pi|>|>|=| 3|.|5|\n",
        "y| =| np|.|pi|>>=| 3|.|5|\n",
        "y| =| np.pi|>>=| 3.5|\n",
        "y = np.pi>>= 3.5|\n",
    ]
    for level, cut in zip(LEVELS, expected, strict=True):
        assert our_pieces(f"codebpe{level}", [text]) == [cut.encode().split(b"|")]
