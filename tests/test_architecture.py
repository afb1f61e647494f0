"""The lines of the house, held by reading the source: imports, sizes, circles, docstrings, and where tests stand.

Each rule is shown below to find an offence in a bad snippet. The rules themselves are in tests/architecture/.
"""

import importlib.util
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.architecture.circles import circles, files_graph, folders_graph
from tests.architecture.layers import (
    HOMES,
    imports_away_from_home,
    imports_from_above,
    impure_imports,
    overgrown,
    prints,
)
from tests.architecture.mirror import MIRRORED, misplaced
from tests.architecture.prose import riddles, strings_as_comments
from tests.architecture.source import PACKAGES, Module, read_modules
from tests.conftest import ROOT

RULES: dict[str, Callable[[Module], Iterator[str]]] = {
    rule.__name__: rule
    for rule in (
        imports_from_above,
        imports_away_from_home,
        impure_imports,
        prints,
        overgrown,
        strings_as_comments,
        riddles,
    )
}

NO_SINGLE_MODULE = {
    "tests/test_architecture.py": "tests the source of every package",
    "tests/test_babelmerge.py": "tests the package babelmerge, which is one file",
    "tests/test_babelmerge_notebook.py": "tests the package babelmerge in a notebook",
    "tests/test_repository.py": "tests the files of the repository",
    "tests/docs": "holds the documentation against the code",
    "tests/fuzz": "replays inputs through the readers of several packages",
    "tests/pipelines/matrix": "every stage meets every fault",
    "tests/pipelines/test_fatal_inputs.py": "counting, retokenize and premiums meet a file that kills their workers",
    "tests/pipelines/test_messages.py": "prints the errors of all shared rooms",
    "tests/jobs/report/test_browser.py": "opens the whole page in a browser",
    "tests/jobs/report/test_hostile_browser.py": "opens the whole page of hostile inputs in a browser",
    "tests/jobs/report/test_mixture.py": "tests what several modules write of a mixture",
}
"""Test files and folders of tests that mirror no module, each with the reason."""


@pytest.fixture(scope="module")
def modules() -> list[Module]:
    return read_modules()


@pytest.fixture(scope="module")
def product(modules: list[Module]) -> list[Module]:
    return [module for module in modules if module.package in PACKAGES]


@pytest.mark.parametrize("rule", RULES)
def test_the_source_keeps_the_rule(rule: str, modules: list[Module]) -> None:
    offences = [offence for module in modules for offence in RULES[rule](module)]
    assert not offences, "\n" + "\n".join(offences)


def folders_without_init(top: Path) -> list[str]:
    """Folders from `top` down that pytest would not import as packages: equal file names would then collide."""
    folders = [top, *(path for path in top.rglob("*") if path.is_dir())]
    return sorted(
        folder.relative_to(top.parent).as_posix()
        for folder in folders
        if "__pycache__" not in folder.parts
        and not any(part.startswith(".") for part in folder.relative_to(top).parts)
        and not (folder / "__init__.py").exists()
    )


BAD = [
    ("imports_from_above", "operators/shard.py", "from pipelines.engines.engine import Engine"),
    ("imports_from_above", "operators/kernels/apply_merges.py", "def f():\n    import jobs.command"),
    ("imports_from_above", "pipelines/engines/fleet.py", "import os, jobs"),
    ("imports_from_above", "jobs/command.py", "import babelmerge as bm"),
    ("imports_from_above", "pipelines/engines/fleet.py", "if TYPE_CHECKING:\n    from jobs.configuration import Train"),
    ("imports_away_from_home", "pipelines/engines/fleet.py", "import ray"),
    ("imports_away_from_home", "pipelines/engines/fleet.py", "def f():\n    from ray.util import placement_group"),
    ("imports_away_from_home", "pipelines/engines/fleet.py", "import importlib\nimportlib.import_module('ray.data')"),
    ("imports_away_from_home", "jobs/command.py", "__import__('ray')"),
    ("imports_away_from_home", "operators/kernels/apply_merges.py", "from numba import njit"),
    ("imports_away_from_home", "operators/kernels_too.py", "import numba"),
    ("imports_away_from_home", "operators/mixture/program.py", "import highspy as hs"),
    ("imports_away_from_home", "jobs/command.py", "from yaml import safe_load"),
    ("impure_imports", "operators/shard.py", "from time import monotonic"),
    ("impure_imports", "operators/shard.py", "import logging.config"),
    ("prints", "operators/shard.py", "def f():\n    print('here')"),
    ("prints", "pipelines/engines/fleet.py", "print(1, file=sys.stderr)"),
    ("overgrown", "jobs/command.py", "x = 1\n" * 351),
    ("overgrown", "jobs/command.py", "class A:\n    async def f(self):\n" + "        x = 1\n" * 60),
    ("strings_as_comments", "jobs/command.py", "def f():\n    x = 1\n    'The answer.'"),
    ("strings_as_comments", "jobs/command.py", "def f():\n    'Doc.'\n    'More.'\n    return 1"),
    ("strings_as_comments", "jobs/command.py", "class A:\n    async def f(self):\n        if x:\n            'Why.'"),
    ("riddles", "jobs/command.py", "'What a worker does.'"),
    ("riddles", "jobs/command.py", "def f():\n    'Whether x is y.'"),
    ("riddles", "jobs/command.py", "class A:\n    x: int\n    'How many.'\n    y: int\n    'Bytes.'"),
    ("riddles", "jobs/command.py", "LIMIT = 3\n'Of which no more are taken.'"),
    ("riddles", "jobs/command.py", 'class A:\n    def f(self):\n        """\n        Those that remain.\n        """'),
    ("riddles", "jobs/command.py", "def f():\n    class A:\n        'As it is.'"),
    ("riddles", "jobs/command.py", "if True:\n    def f():\n        'Where it lies.'"),
    ("riddles", "jobs/command.py", "class A:\n    'Why: because.'"),
    ("riddles", "jobs/command.py", "'Which id stands for what.'"),
    ("riddles", "jobs/command.py", "LIMIT = 3\n'Its standard error.'"),
]

GOOD = [
    ("imports_from_above", "jobs/command.py", "import pipelines.train, operators.shard"),
    ("imports_from_above", "operators/shard.py", "from operators.jobs_of_a_shard import x\nimport jobslib"),
    ("imports_away_from_home", "pipelines/engines/ray_engine.py", "import ray"),
    ("imports_away_from_home", "operators/kernels/compiler.py", "import numba"),
    ("imports_away_from_home", "tests/pipelines/engines/test_ray_engine.py", "import ray, yaml"),
    ("imports_away_from_home", "pipelines/engines/fleet.py", "from pipelines import ray_engine\n'import ray'"),
    ("impure_imports", "pipelines/engines/fleet.py", "import time, logging"),
    ("prints", "jobs/command.py", "print('done')"),
    ("prints", "operators/shard.py", "console.print('a')"),
    ("overgrown", "operators/kernels/apply_merges.py", "def f():\n" + "    x = 1\n" * 400),
    ("overgrown", "jobs/command.py", "def f():\n" + "    x = 1\n" * 59),
    ("overgrown", "jobs/command.py", "x = 1\n" * 350),
    ("strings_as_comments", "jobs/command.py", "def f():\n    'Doc.'\n    # a comment\n    return 'a', f('b')"),
    ("strings_as_comments", "jobs/command.py", "def f():\n    'Doc.'\n    class A:\n        x: int\n        'Bytes.'"),
    ("strings_as_comments", "jobs/command.py", "X = 1\n'A constant.'\nif X:\n    Y = 1\n    'Another.'"),
    ("riddles", "jobs/command.py", "'Whatever.'\ndef f():\n    'Ask.'\n    x = 'What'\n    return 'How'"),
    ("riddles", "jobs/command.py", "def f():\n    'Return True if x is what y is.'\n    # Why not\n"),
]


@pytest.mark.parametrize(("rule", "path", "source"), BAD)
def test_the_rule_finds_an_offence(rule: str, path: str, source: str) -> None:
    offences = list(RULES[rule](Module(path, source)))
    assert len(offences) == 1
    assert offences[0].startswith(path)


@pytest.mark.parametrize(("rule", "path", "source"), GOOD)
def test_the_rule_lets_pass_what_it_should(rule: str, path: str, source: str) -> None:
    assert list(RULES[rule](Module(path, source))) == []


def test_every_rule_is_shown_to_fail() -> None:
    assert {rule for rule, _, _ in BAD} == set(RULES)


def test_the_rules_read_every_package(modules: list[Module]) -> None:
    assert {module.package for module in modules} >= set(PACKAGES)


def test_every_file_named_in_a_rule_exists() -> None:
    assert [home for homes in HOMES.values() for home in homes if not (ROOT / home).exists()] == []


@pytest.mark.parametrize("name", PACKAGES)
def test_plain_package_names_resolve_into_the_repository(name: str) -> None:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None, f"{name} is a namespace package: another folder may have joined it"
    assert Path(spec.origin).resolve() == ROOT / name / "__init__.py"


def test_the_project_cannot_be_uploaded() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert "Private :: Do Not Upload" in project["classifiers"]


def test_every_folder_of_tests_is_a_package() -> None:
    assert folders_without_init(ROOT / "tests") == []


def test_a_folder_without_init_is_found(tmp_path: Path) -> None:
    for folder in ("tests/a/b", "tests/a/__pycache__", "tests/c"):
        (tmp_path / folder).mkdir(parents=True)
    for package in ("tests", "tests/a", "tests/c"):
        (tmp_path / package / "__init__.py").touch()
    assert folders_without_init(tmp_path / "tests") == ["tests/a/b"]


def test_no_file_imports_itself_through_others(product: list[Module]) -> None:
    assert circles(files_graph(product)) == []


def test_no_folder_imports_itself_through_others(product: list[Module]) -> None:
    assert circles(folders_graph(files_graph(product))) == []


CIRCLES = [
    (
        {"a/x.py": "import a.y", "a/y.py": "def f():\n    from a import x"},
        [["a/x.py", "a/y.py"]],
        [["a/x.py", "a/y.py"]],
    ),
    ({"a/x.py": "from .y import f", "a/y.py": "from a.x import g"}, [["a/x.py", "a/y.py"]], None),
    (
        {"a/__init__.py": "", "a/x.py": "import a.y", "a/y.py": "from a.z import f", "a/z.py": "from a.x import h"},
        [["a/x.py", "a/y.py", "a/z.py"]],
        None,
    ),
    (
        {"a/b/x.py": "from a.c.x import f", "a/c/x.py": "", "a/c/y.py": "def f():\n    import a.b.y", "a/b/y.py": ""},
        [],
        [["a/b", "a/c"]],
    ),
    (
        {"a/b/__init__.py": "from a.b.x import f", "a/b/x.py": "from a.b import g"},
        [["a/b/__init__.py", "a/b/x.py"]],
        [],
    ),
]
"""(sources, circles of files, circles of folders)."""

NO_CIRCLES = [
    {"a/x.py": "if TYPE_CHECKING:\n    import a.y", "a/y.py": "from a import x"},
    {"a/x.py": "if typing.TYPE_CHECKING:\n    from a.y import f", "a/y.py": "from a import x"},
    {"a/x.py": "import a.y, b.x", "a/y.py": "from b.x import f", "b/x.py": "import sys"},
    {"a/b/x.py": "import a.b.y", "a/b/y.py": "import a.b.c.z", "a/b/c/z.py": "import a.x", "a/x.py": ""},
    {"a/b/c/z.py": "import a.b.x", "a/b/x.py": "", "a/b/y.py": "import a.b.c.z"},
]


def graph_of(sources: dict[str, str]) -> dict[str, set[str]]:
    return files_graph([Module(path, source) for path, source in sources.items()])


@pytest.mark.parametrize(("sources", "files", "folders"), CIRCLES)
def test_a_circle_is_found(sources: dict[str, str], files: list[list[str]], folders: list[list[str]] | None) -> None:
    graph = graph_of(sources)
    assert circles(graph) == files
    assert circles(folders_graph(graph)) == (files if folders is None else folders)


@pytest.mark.parametrize("sources", NO_CIRCLES)
def test_imports_in_one_direction_are_no_circle(sources: dict[str, str]) -> None:
    graph = graph_of(sources)
    assert circles(graph) == circles(folders_graph(graph)) == []


def test_the_tree_of_tests_mirrors_the_packages() -> None:
    files = [
        path.relative_to(ROOT).as_posix() for folder in ("tests", *MIRRORED) for path in (ROOT / folder).rglob("*.*")
    ]
    tests = [file for file in files if file.startswith("tests/") and file.rpartition("/")[2].startswith("test_")]
    assert len(tests) > 100
    offences = list(misplaced([file for file in tests if file.endswith(".py")], files, NO_SINGLE_MODULE))
    assert not offences, "\n" + "\n".join(offences)


def test_a_test_that_mirrors_no_module_is_found() -> None:
    files = ["jobs/command.py", "operators/text/lines.py", "conf/cluster/local.yaml"]
    good = [
        "jobs/test_command.py",
        "jobs/test_command_says_why.py",
        "operators/test_text.py",
        "conf/cluster/test_local.py",
    ]
    bad = ["jobs/test_commands.py", "operators/test_lines.py", "test_command.py", "text/test_lines.py"]
    tests = [f"tests/{path}" for path in good + bad]
    assert [offence.partition(":")[0] for offence in misplaced(tests, files, {})] == sorted(tests[len(good) :])
    reasons = dict.fromkeys(tests[len(good) :], "is a bad one")
    assert list(misplaced(tests, files, reasons)) == []
    assert list(misplaced(tests, files, reasons | {"tests/jobs/test_command.py": "none"})) == [
        "tests/jobs/test_command.py: needs no reason any more"
    ]
