"""Write operators/unicode/classes.py from the installed `tokenizers`; with --check, list where others disagree.

    python benchmarks/unicode_table.py            # regenerate the table
    python benchmarks/unicode_table.py --check    # compare; exit status 1 when the table is out of date

Every library is asked about all 1,112,064 scalar values with its own engine, so no statement here rests on a version
number that someone wrote into a file.
"""

import base64
import importlib.metadata
import re
import sys
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import regex
import tiktoken
from numpy.typing import NDArray
from tokenizers import PreTokenizedString, Regex, pre_tokenizers

ROOT: Final = Path(__file__).resolve().parent.parent
TABLE: Final = ROOT / "operators" / "unicode" / "classes.py"

SCALARS: Final = [*range(0xD800), *range(0xE000, 0x110000)]
TEXT: Final = "".join(map(chr, SCALARS))

CLASSES: Final[dict[str, tuple[int, str]]] = {
    "OTHER": (1, r"[^\s\p{L}\p{N}\p{M}]"),
    "SPACE": (2, r"[^\S\r\n]"),
    "NEWLINE": (4, r"[\r\n]"),
    "NUMBER": (8, r"\p{N}"),
    "MARK": (16, r"\p{M}"),
    "UPPER": (32, r"[\p{Lu}\p{Lt}]"),
    "LOWER": (64, r"\p{Ll}"),
    "CASELESS": (128, r"[\p{Lm}\p{Lo}]"),
}
"""Class to its bit in the table and the regular expression that defines it."""

Classes = NDArray[np.uint8]
"""One class bit for each of SCALARS."""


def tokenizers_matches(pattern: str) -> list[int]:
    """Indices into TEXT of the characters that `tokenizers` matches."""
    text = PreTokenizedString(TEXT)
    pre_tokenizers.Split(Regex(pattern + "+"), "removed").pre_tokenize(text)
    kept = np.zeros(len(TEXT), bool)
    for _, (begin, end), _ in text.get_splits(offset_referential="original", offset_type="char"):
        kept[begin:end] = True
    return np.flatnonzero(~kept).tolist()


def tiktoken_matches(pattern: str) -> list[int]:
    """The same for tiktoken's engine: its encoding drops what its pattern does not match."""
    bytes_only = tiktoken.Encoding(
        "bytes", pat_str=pattern, mergeable_ranks={bytes([byte]): byte for byte in range(256)}, special_tokens={}
    )
    matched = bytes_only.decode_bytes(bytes_only.encode_ordinary(TEXT)).decode()
    return [index_of(char) for char in matched]


def regex_matches(pattern: str) -> list[int]:
    """The same for the module `regex`."""
    return [match.start() for match in regex.finditer(pattern, TEXT)]


def index_of(char: str) -> int:
    """Return the index of a character in TEXT."""
    return ord(char) if ord(char) < 0xD800 else ord(char) - 0x800


def probe(matches: Callable[[str], list[int]]) -> Classes:
    """The class of every scalar value; fails when a library's classes overlap or leave one out."""
    found = np.zeros(len(TEXT), np.uint8)
    for bit, pattern in CLASSES.values():
        indices = matches(pattern)
        assert not found[indices].any(), f"{pattern} overlaps another class"
        found[indices] = bit
    assert found.all(), "a code point without a class"
    return found


def python_classes() -> Classes:
    """The classes as Python's standard library has them: unicodedata's categories, and `\\s` of `re`."""
    by_category = {"Lu": "UPPER", "Lt": "UPPER", "Ll": "LOWER", "Lm": "CASELESS", "Lo": "CASELESS"}
    by_category |= {"M" + kind: "MARK" for kind in "nce"} | {"N" + kind: "NUMBER" for kind in "dlo"}
    names = [by_category.get(unicodedata.category(char), "OTHER") for char in TEXT]
    for match in re.finditer(r"\s", TEXT):
        names[match.start()] = "NEWLINE" if match[0] in "\r\n" else "SPACE"
    return np.array([CLASSES[name][0] for name in names], np.uint8)


def runs_of(flat: Classes) -> tuple[NDArray[np.int64], Classes]:
    """Run-length encoding: lengths and values."""
    begins = np.flatnonzero(np.diff(flat, prepend=0))
    return np.diff(begins, append=len(flat)), flat[begins]


def pack(classes: Classes) -> bytes:
    """All code points (surrogates are OTHER) as zlib-compressed runs: lengths (uint32, little-endian), then classes."""
    flat = np.full(0x110000, CLASSES["OTHER"][0], np.uint8)
    flat[SCALARS] = classes
    lengths, values = runs_of(flat)
    return zlib.compress(lengths.astype("<u4").view(np.uint8).reshape(-1, 4).T.tobytes() + values.tobytes(), 9)


def source(packed: bytes, version: str) -> str:
    """The text of operators/unicode/classes.py."""
    digits = base64.b85encode(packed).decode()
    lines = "\n".join(f'    "{digits[i : i + 112]}"' for i in range(0, len(digits), 112))
    bits = "\n".join(f"{name}: Final = {bit}  # {pattern}" for name, (bit, pattern) in CLASSES.items())
    return HEAD.format(bits=bits, version=version, lines=lines)


HEAD: Final = '''"""The class of every code point, as `tokenizers` (Oniguruma) has it.

Made by benchmarks/unicode_table.py; do not edit. A class is one bit, so that a set of classes is a
mask. Kernels compile the bits in: they never change.
"""

import base64
import zlib
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from operators.arrays import U8

U16: TypeAlias = NDArray[np.uint16]

{bits}

TOKENIZERS_VERSION: Final = "{version}"
"""The version whose classes these are."""


def _expand() -> tuple[U16, U8]:
    packed = np.frombuffer(zlib.decompress(base64.b85decode(_PACKED)), np.uint8)
    count = len(packed) // 5
    lengths = np.ascontiguousarray(packed[: 4 * count].reshape(4, count).T).view("<u4")[:, 0]
    flat = np.full(0x200000, OTHER, np.uint8)
    flat[:0x110000] = np.repeat(packed[4 * count :], lengths)
    rows = flat.view("V64")
    _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    pages = np.sort(first)
    blocks = rank[inverse].astype(np.uint16)
    classes = np.ascontiguousarray(flat.reshape(-1, 64)[pages]).reshape(-1)
    for table in (blocks, classes):
        table.flags.writeable = False
    return blocks, classes


_PACKED: Final = (
{lines}
)

BLOCKS, CLASSES = _expand()
"""Two levels: `CLASSES[BLOCKS[c >> 6] * 64 + (c & 63)]` is the class of code point c; `CLASSES[c]` is it for c < 128.

BLOCKS (uint16[32768]) covers every number a lead byte and its followers can spell, so broken UTF-8 stays inside."""
'''


def disagreements(probed: dict[str, Classes]) -> Iterator[str]:
    """One line for each maximal range on which not all libraries give one class."""
    names = {bit: name.lower() for name, (bit, _) in CLASSES.items()}
    table = np.stack(list(probed.values()))
    differs = (table != table[0]).any(axis=0)
    begin = 0
    for i in range(1, len(TEXT) + 1):
        if i < len(TEXT) and SCALARS[i] == SCALARS[i - 1] + 1 and (table[:, i] == table[:, begin]).all():
            continue
        if differs[begin]:
            first, last = f"U+{SCALARS[begin]:04X}", f"U+{SCALARS[i - 1]:04X}"
            said = " | ".join(names[int(bit)] for bit in table[:, begin])
            yield f"| {first if first == last else first + '..' + last} | {i - begin} | {said} |"
        begin = i


def check() -> int:
    """Print the disagreements as a Markdown table; 1 when the committed table is not what `tokenizers` says."""
    versions = {name: importlib.metadata.version(name) for name in ("tokenizers", "tiktoken", "regex")}
    probed = {
        f"tokenizers {versions['tokenizers']}": probe(tokenizers_matches),
        f"tiktoken {versions['tiktoken']}": probe(tiktoken_matches),
        f"Python {sys.version.split()[0]} (Unicode {unicodedata.unidata_version})": python_classes(),
        f"regex {versions['regex']}": probe(regex_matches),
    }
    print("| code points | number | " + " | ".join(probed) + " |")
    print("|---" * (2 + len(probed)) + "|")
    for line in disagreements(probed):
        print(line)
    sys.path.insert(0, str(ROOT))
    from operators.unicode.classes import BLOCKS
    from operators.unicode.classes import CLASSES as PAGES

    codes = np.array(SCALARS)
    same = np.array_equal(PAGES[BLOCKS[codes >> 6].astype(np.int64) * 64 + (codes & 63)], next(iter(probed.values())))
    print(f"\noperators/unicode/classes.py is {'' if same else 'NOT '}the table of the installed tokenizers")
    return 0 if same else 1


def main() -> int:
    """Regenerate, or check with --check."""
    if "--check" in sys.argv[1:]:
        return check()
    classes = probe(tokenizers_matches)
    TABLE.write_text(source(pack(classes), importlib.metadata.version("tokenizers")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
