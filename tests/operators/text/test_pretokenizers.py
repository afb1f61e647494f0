"""The table of named pre-tokenizers: everything that lists them lists exactly its rows."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.pretokenizers import FAMILIES, pretokenizer
from operators.kernels import scan
from operators.text.errors import BadPattern
from operators.text.pretokenize import Pretokenizer
from operators.text.pretokenizers import NAMES, NO_SPLIT, PATTERNS, PRETOKENIZERS
from pipelines.plan.settings import Plan
from pipelines.settings import Settings, documentation
from pipelines.sweep.settings import Sweep
from pipelines.tokenizers import KNOWN_PRETOKENIZERS
from pipelines.train.settings import Train

ROOT = Path(__file__).resolve().parents[3]


def test_every_name_is_a_pre_tokenizer_and_none_cuts_nothing() -> None:
    assert (*PRETOKENIZERS, NO_SPLIT) == NAMES
    for name in NAMES:
        Pretokenizer(name)
    assert Pretokenizer(NO_SPLIT).count_pretokens("a b c") == 1


def test_equal_expressions_have_equal_scanners_and_each_scanner_is_a_constant_of_the_kernels() -> None:
    for row in PRETOKENIZERS.values():
        assert row.scanner is None or isinstance(getattr(scan, row.scanner), int)
        same = [other for other in PRETOKENIZERS.values() if other.regex == row.regex]
        assert len({other.scanner for other in same}) == 1


@pytest.mark.parametrize("settings", [Train, Plan, Sweep])
def test_help_lists_every_name(settings: type[Settings[Any]]) -> None:
    line = documentation(settings)["pretokenizer"]
    listed = re.search(r"\((.*?)[;)]", line)
    assert listed is not None
    assert tuple(listed[1].split(", ")) == NAMES


def test_an_error_lists_every_name() -> None:
    with pytest.raises(BadPattern) as caught:
        Pretokenizer("gpt5")
    assert f"({', '.join(NAMES)})" in str(caught.value)


def test_the_documentation_has_each_row_of_the_table_in_order() -> None:
    lines = (ROOT / "docs/reference/pretokenizers.md").read_text("utf-8").splitlines()
    written = [line for line in lines if re.match(r"\| `\w+` \|", line)]
    rows = [f"| `{name}` | {row.summary} | {row.used_by} |" for name, row in PRETOKENIZERS.items()]
    assert written[: len(rows)] == rows
    assert written[len(rows)].startswith(f"| `{NO_SPLIT}` |")
    assert len(written) == len(rows) + 1


def test_no_ranks_file_belongs_to_two_names() -> None:
    stems = [stem for row in PRETOKENIZERS.values() for stem in row.rank_files]
    assert len(stems) == len(set(stems)) == len(KNOWN_PRETOKENIZERS)
    assert all(PATTERNS[name] for name in KNOWN_PRETOKENIZERS.values())


def test_reading_the_names_imports_neither_numba_nor_tokenizers() -> None:
    code = (
        "import sys, operators.text.pretokenizers\n"
        "print([name for name in ('numba', 'tokenizers', 'numpy', 'pyarrow') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_the_documentation_has_each_published_family_and_who_cuts() -> None:
    lines = (ROOT / "docs/reference/pretokenizers.md").read_text("utf-8").splitlines()
    rows = [f"| {family} | {used_by} | {pretokenizer(family).cut_by} |" for family, (used_by, _) in FAMILIES.items()]
    assert [line[: len(row)] for row, line in zip(rows, lines[lines.index(FAMILY_HEAD) + 2 :], strict=False)] == rows


FAMILY_HEAD = "| family | tokenizers | cut by | MB/s | `tokenizers` MB/s |"
