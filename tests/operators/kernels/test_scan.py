"""Classes of the bytes of a text."""

import numpy as np

from operators.arrays import PADDING, padded
from operators.kernels import scan as kernels
from operators.unicode.classes import BLOCKS, CLASSES, OTHER

CLASSES_OF = {char: CLASSES[int(BLOCKS[ord(char) >> 6]) * 64 + (ord(char) & 63)] for char in "aÉの\u0301 1\n"}


def test_every_byte_of_a_character_has_its_class() -> None:
    text = "aÉの😀\u0301 1\n".encode() + b"\xe3\x81"
    kinds = np.empty(len(text) + PADDING, np.uint8)
    kernels.classify(padded(np.frombuffer(text, np.uint8), 0), BLOCKS, CLASSES, kinds)
    lower, upper, caseless, mark, space, number, newline = (int(CLASSES_OF[char]) for char in "aÉの\u0301 1\n")
    expected = [
        lower,
        *[upper] * 2,
        *[caseless] * 3,
        *[OTHER] * 4,
        *[mark] * 2,
        space,
        number,
        newline,
        OTHER,
        OTHER,
    ]
    assert kinds[: len(text)].tolist() == expected
