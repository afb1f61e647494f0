"""Figures of code: with parsers where they are installed, and the reasons where they are not."""

import json
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from babelmerge import Compare, run
from operators.metrics.syntax import Leaf
from pipelines.compare import syntax_trees
from pipelines.compare.code import CODE
from pipelines.compare.syntax_trees import leaves_of, parser_of
from pipelines.tokenizers import save_tokenizer
from tests.operators.curves.test_tokens_by_size import trained

PYTHON = "def twice(value):\n    if value:\n        return value * 2\n    return 0\n"


@dataclass
class Node:
    """Node of a syntax tree, as a parser gives it."""

    type: str
    start_byte: int
    end_byte: int
    is_named: bool = True
    children: list["Node"] = field(default_factory=list)

    @property
    def root_node(self) -> "Node":
        return self

    @property
    def child_count(self) -> int:
        return len(self.children)


def code_figures(folder: Path, language: str, text: str = PYTHON) -> dict[str, dict[str, Any]]:
    (folder / "tok").mkdir()
    save_tokenizer(trained([PYTHON], 275), folder / "tok")
    (folder / "code.jsonl").write_text("\n".join([json.dumps({"text": text, "language": language})] * 5))
    asked = Compare(
        corpus=[str(folder / "code.jsonl")], tokenizer=[str(folder / "tok")], out=str(folder / "out"), measure=["code"]
    )
    result = run(asked, engine="local", workers=1, progress="off")
    rows = result.compared.collect().iter_rows(named=True)
    return {row["figure"]: row for row in rows if row["figure"] in CODE}


def test_leaves_are_those_of_a_class_outside_of_what_cannot_be_read() -> None:
    error = Node("ERROR", 4, 9, children=[Node("identifier", 4, 9)])
    empty, comment = Node("identifier", 3, 3), Node("comment", 9, 12)
    tree = Node("module", 0, 12, children=[Node("identifier", 0, 1), Node("=", 2, 3, False), empty, error, comment])
    leaves = [*leaves_of(b"x = wrong #c", lambda source: tree)]
    assert leaves == [Leaf("identifier", 0, 1), Leaf("operator", 2, 3)]


def test_a_language_without_parser_has_reasons(tmp_path: Path) -> None:
    found = code_figures(tmp_path, "cobol")
    assert set(found) == set(CODE)
    assert all(row["value"] is None for row in found.values())
    assert found["code_leaf_borders"]["reason"] == (
        "cobol has no parser here; there are c, cpp, go, java, javascript, python, rust"
    )


def test_a_parser_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(syntax_trees, "import_module", missing)
    parser_of.cache_clear()
    assert parser_of("Rust") == "Rust: its parser is not installed; pip install 'babelmerge[code]'"
    parser_of.cache_clear()


def test_figures_of_python_equal_its_own_parsers_tokens(tmp_path: Path) -> None:
    pytest.importorskip("tree_sitter_python", reason="parsers are not installed: the extra `code`")
    import keyword
    import tokenize
    from io import StringIO
    from itertools import accumulate

    found = code_figures(tmp_path, "python")
    peer = import_module("tokenizers").Tokenizer.from_file(str(tmp_path / "tok" / "tokenizer.json"))
    begins = {0, *accumulate(len(peer.id_to_token(i)) for i in peer.encode(PYTHON).ids)}  # a character a byte
    begins |= {first + 1 for first in begins if PYTHON[first : first + 1] == " "}
    lines = [0, *(i + 1 for i, character in enumerate(PYTHON) if character == "\n")]
    counts: dict[str, list[bool]] = {"identifier": [], "keyword": [], "literal": []}
    for one in tokenize.generate_tokens(StringIO(PYTHON).readline):
        begin, end = lines[one.start[0] - 1] + one.start[1], lines[one.end[0] - 1] + one.end[1]
        kind = {tokenize.NAME: "identifier", tokenize.NUMBER: "literal"}.get(one.type)
        kind = "keyword" if keyword.iskeyword(one.string) else kind
        if kind:
            counts[kind].append(begin in begins and end in begins)
    for kind, bordered in counts.items():
        assert found[f"code_{kind}_borders"]["value"] == pytest.approx(sum(bordered) / len(bordered)), kind
    assert found["tokens_per_identifier"]["value"] >= 1 and found["indent_stability"]["value"] > 0
