"""The module `babelmerge`: fast to import, complete, typed, and its examples do what they say."""

import ast
import doctest
import inspect
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer as HuggingFace
from tokenizers import decoders, models, pre_tokenizers

import babelmerge as bm
from jobs import command
from jobs.commands import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
WITHOUT_EXAMPLE = {"BabelmergeError", "DataError", "UsageError", "Source", "__version__"} | {
    name for name, home in bm._HOMES.items() if home == "pipelines.results" or name == "PremiumTables"
}
"""Names that need none: errors are raised, sources are for settings, results are returned."""
SETTINGS = {name for name, home in bm._HOMES.items() if home.endswith(".settings")}
"""Names of settings, whose examples are those of `run`."""


def in_new_process(code: str, *, folder: Path) -> str:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_importing_it_imports_no_library(tmp_path: Path) -> None:
    slow = ["numpy", "pyarrow", "polars", "numba", "ray", "msgspec", "typer", "tokenizers"]
    code = f"import sys, babelmerge; print([name for name in {slow} if name in sys.modules])"
    assert in_new_process(code, folder=tmp_path) == "[]\n"


def test_every_name_is_there_and_no_other(tmp_path: Path) -> None:
    assert dir(bm) == sorted(bm.__all__) == bm.__all__
    for name in bm.__all__:
        assert getattr(bm, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = bm.nonsense
    assert in_new_process("from babelmerge import *; print(Tokenizer.__name__)", folder=tmp_path) == "Tokenizer\n"


def test_the_settings_of_every_command_are_there() -> None:
    assert {one.settings.__name__ for one in COMMANDS} - SETTINGS == {"Catalogs"}, "that one is the demo's"


def test_type_checkers_see_what_is_imported_at_run_time() -> None:
    """The block for type checkers names the same modules as the table."""
    tree = ast.parse(Path(str(bm.__file__)).read_text("utf-8"))
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == bm._HOMES


def test_the_version_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"]["path"] == "jobs/version.py"
    with pytest.raises(SystemExit) as end:
        command.main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"babelmerge {bm.__version__}\n"


def test_every_package_says_that_it_is_typed() -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert [one for one in packages["packages"] if not (ROOT / one / "py.typed").exists()] == []
    for source in packages["force-include"]:
        assert (ROOT / source).exists()


@pytest.fixture
def with_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the files that examples name: a tokenizer.json of as many tokens as GPT-2's."""
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    vocab = {char: i for i, char in enumerate(sorted(alphabet))} | {f"<|{i}|>": i for i in range(256, 50257)}
    theirs = HuggingFace(models.BPE(vocab, []))
    theirs.pre_tokenizer, theirs.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    (tmp_path / "gpt2.json").write_text(theirs.to_str())
    (tmp_path / "corpus.txt").write_text("abab abab ab\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def documented() -> list[tuple[str, Any]]:
    """Names and objects whose docstrings must hold an example: functions, classes, and methods with arguments."""
    found = [(name, getattr(bm, name)) for name in bm.__all__ if name not in WITHOUT_EXAMPLE | SETTINGS]
    methods = [
        (f"{name}.{method}", vars(kind)[method])
        for name, kind in found
        if inspect.isclass(kind)
        for method in vars(kind)
        if not method.startswith("_") and (inspect.isfunction(vars(kind)[method]) or method == "load")
    ]
    return found + methods


@pytest.mark.parametrize(("name", "what"), documented(), ids=[name for name, _ in documented()])
def test_the_example_does_what_it_says(name: str, what: Any, with_files: Path) -> None:
    text = inspect.getdoc(getattr(what, "__func__", what)) or ""
    example = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    assert example.examples, f"{name} has no example"
    runner, said = doctest.DocTestRunner(verbose=False), list[str]()
    runner.run(example, out=said.append)
    assert runner.failures == 0, "".join(said)


def test_a_wrong_example_would_be_found() -> None:
    example = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, None)
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(example, out=lambda _: None)
    assert runner.failures == 1


def test_a_script_and_its_subprocess_do_without_the_checkout(tmp_path: Path) -> None:
    code = """
import json, pickle, babelmerge as bm
tokenizer = bm.train(["low lower lowest"], vocab_size=260)
again = pickle.loads(pickle.dumps(tokenizer))
print(json.dumps([again.encode("lowest").tolist(), again.decode(again.encode("lowest"))]))
"""
    ids, text = json.loads(in_new_process(code, folder=tmp_path))
    assert text == "lowest"
    assert max(ids) >= 256
