"""The table against the installed `tokenizers`, over every code point there is."""

import subprocess
import sys

import numpy as np
import pytest
from tokenizers import PreTokenizedString, Regex, pre_tokenizers

from operators.arrays import I64, U8
from operators.unicode import classes as unicode_classes
from operators.unicode.classes import BLOCKS, CLASSES

DEFINITIONS = {
    "OTHER": r"[^\s\p{L}\p{N}\p{M}]",
    "SPACE": r"[^\S\r\n]",
    "NEWLINE": r"[\r\n]",
    "NUMBER": r"\p{N}",
    "MARK": r"\p{M}",
    "UPPER": r"[\p{Lu}\p{Lt}]",
    "LOWER": r"\p{Ll}",
    "CASELESS": r"[\p{Lm}\p{Lo}]",
}


def class_of(codes: I64) -> U8:
    found: U8 = CLASSES[BLOCKS[codes >> 6].astype(np.int64) * 64 + (codes & 63)]
    return found


@pytest.fixture(scope="module")
def scalars() -> np.ndarray:
    return np.array([*range(0xD800), *range(0xE000, 0x110000)])


@pytest.mark.parametrize("name", DEFINITIONS)
def test_the_installed_tokenizers_puts_the_same_characters_into_each_class(name: str, scalars: np.ndarray) -> None:
    # The text of all characters of the class; what is left when matches are removed does not belong to it. The classes
    # of the table share nothing and leave out nothing, so all eight together say that the table is right everywhere.
    members = scalars[class_of(scalars) == getattr(unicode_classes, name)]
    text = PreTokenizedString("".join(map(chr, members.tolist())))
    pre_tokenizers.Split(Regex(DEFINITIONS[name] + "+"), "removed").pre_tokenize(text)
    left = "".join(piece for piece, _, _ in text.get_splits())
    advice = "run benchmarks/unicode_table.py for the installed version"
    assert not left, f"{[f'U+{ord(char):04X}' for char in left[:20]]} are not {name}; {advice}"


@pytest.mark.slow
def test_the_definitions_share_nothing() -> None:
    every = "".join(chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)
    text = PreTokenizedString(every)
    overlap = r"(?=\p{L})[\s\p{N}\p{M}]|(?=\p{N})[\s\p{M}]|(?=\p{M})\s|(?=[\p{Lu}\p{Lt}])[\p{Ll}\p{Lm}\p{Lo}]"
    pre_tokenizers.Split(Regex(overlap + r"|(?=\p{Ll})[\p{Lm}\p{Lo}]"), "isolated").pre_tokenize(text)
    assert len(text.get_splits()) == 1


def test_classes_are_single_bits_and_ascii_needs_one_look() -> None:
    assert sorted(getattr(unicode_classes, name) for name in DEFINITIONS) == [1 << i for i in range(8)]
    ascii_codes = np.arange(128)
    assert np.array_equal(CLASSES[:128], class_of(ascii_codes))


def test_surrogates_and_impossible_numbers_are_other() -> None:
    codes = np.array([*range(0xD800, 0xE000), 0x110000, 0x1FFFFF])
    assert set(class_of(codes).tolist()) == {unicode_classes.OTHER}


def test_the_tables_are_read_only() -> None:
    assert not BLOCKS.flags.writeable and not CLASSES.flags.writeable


def test_expanding_is_quick_and_needs_no_numba() -> None:
    code = (
        "import sys, time, numpy, operators.arrays; t = time.process_time(); import operators.unicode.classes; "
        "print(time.process_time() - t); assert 'numba' not in sys.modules"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(run.stdout) < 0.25  # 0.01 s on a machine with nothing else to do
