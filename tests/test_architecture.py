"""The lines of the house, held by reading the source: what imports what, and how large things may grow.

Each rule is a function from a module to its offences; each is shown below to find an offence in a bad snippet.
"""

import ast
import importlib.util
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("operators", "pipelines", "jobs")
CHECKED = (*PACKAGES, "tests", "benchmarks")

ABOVE = {"operators": {"pipelines", "jobs"}, "pipelines": {"jobs"}}
"""What a package must not import: whatever stands above it."""

HOMES = {
    "ray": {"pipelines/engines/ray_engine.py", "jobs/cluster/submission.py"},
    "numba": {"operators/kernels"},
    "highspy": {"operators/mixture/linear_program.py"},
    "yaml": {"jobs/plain_yaml.py"},
}
"""The only files or folders of the three packages that import a library, be it inside a function."""

IMPURE = {"time", "datetime", "logging", "sched", "random"}
"""Operators are functions of their arguments: no clock, no log, no chance but a generator that is handed in."""

MODULE_LINES, FUNCTION_LINES = 350, 60


@dataclass(frozen=True)
class Module:
    path: str
    """Relative to the root, with slashes."""
    source: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.source, self.path)

    @property
    def package(self) -> str:
        return PurePosixPath(self.path).parts[0]

    def is_in(self, *places: str) -> bool:
        """Whether the module is one of these files or lies in one of these folders."""
        return any(PurePosixPath(self.path).is_relative_to(place) for place in places)

    def imports(self) -> Iterator[tuple[int, str]]:
        """(line, top-level name) of every import, at any depth of nesting.

        A relative import cannot leave its top-level package, so it crosses no line.
        """
        for node in ast.walk(self.tree):
            match node:
                case ast.Import(names=names):
                    yield from ((node.lineno, name.name.split(".")[0]) for name in names)
                case ast.ImportFrom(module=str(name), level=0):
                    yield node.lineno, name.split(".")[0]
                case ast.Call(
                    func=ast.Name(id=called) | ast.Attribute(attr=called), args=[ast.Constant(value=str(name)), *_]
                ):
                    if called in ("import_module", "__import__"):
                        yield node.lineno, name.split(".")[0]


def imports_from_above(module: Module) -> Iterator[str]:
    for line, name in module.imports():
        if name in ABOVE.get(module.package, ()):
            yield f"{module.path}:{line}: {module.package} must not import {name}: imports go down only"


def imports_away_from_home(module: Module) -> Iterator[str]:
    for line, name in module.imports():
        if module.package in PACKAGES and name in HOMES and not module.is_in(*HOMES[name]):
            yield f"{module.path}:{line}: {name} is imported in {', '.join(sorted(HOMES[name]))} only"


def impure_imports(module: Module) -> Iterator[str]:
    for line, name in module.imports():
        if module.package == "operators" and name in IMPURE:
            yield f"{module.path}:{line}: operators must not import {name}: hand in what it would say"


def prints(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        match node:
            case ast.Call(func=ast.Name(id="print")) if module.is_in("operators", "pipelines"):
                yield f"{module.path}:{node.lineno}: library code never prints"


def overgrown(module: Module) -> Iterator[str]:
    if module.is_in("operators/kernels"):
        return
    lines = len(module.source.splitlines())
    if lines > MODULE_LINES:
        yield f"{module.path}: {lines} lines, more than {MODULE_LINES}: is it two things?"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{module.path}:{node.lineno}: {node.name}: {lines} lines, more than {FUNCTION_LINES}"


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


RULES: dict[str, Callable[[Module], Iterator[str]]] = {
    rule.__name__: rule for rule in (imports_from_above, imports_away_from_home, impure_imports, prints, overgrown)
}


@pytest.fixture(scope="module")
def modules() -> list[Module]:
    paths = sorted(path for folder in CHECKED for path in (ROOT / folder).rglob("*.py"))
    return [Module(path.relative_to(ROOT).as_posix(), path.read_text("utf-8")) for path in paths]


@pytest.mark.parametrize("rule", RULES)
def test_the_source_keeps_the_rule(rule: str, modules: list[Module]) -> None:
    offences = [offence for module in modules for offence in RULES[rule](module)]
    assert not offences, "\n" + "\n".join(offences)


BAD = [
    ("imports_from_above", "operators/shard.py", "from pipelines.engines.engine import Engine"),
    ("imports_from_above", "operators/kernels/apply_merges.py", "def f():\n    import jobs.command"),
    ("imports_from_above", "pipelines/engines/fleet.py", "import os, jobs"),
    ("imports_from_above", "pipelines/engines/fleet.py", "if TYPE_CHECKING:\n    from jobs.configuration import Train"),
    ("imports_away_from_home", "pipelines/engines/fleet.py", "import ray"),
    ("imports_away_from_home", "pipelines/engines/fleet.py", "def f():\n    from ray.util import placement_group"),
    ("imports_away_from_home", "pipelines/engines/fleet.py", "import importlib\nimportlib.import_module('ray.data')"),
    ("imports_away_from_home", "jobs/command.py", "__import__('ray')"),
    ("imports_away_from_home", "operators/shard.py", "from numba import njit"),
    ("imports_away_from_home", "operators/kernels_too.py", "import numba"),
    ("imports_away_from_home", "operators/mixture/program.py", "import highspy as hs"),
    ("imports_away_from_home", "jobs/command.py", "from yaml import safe_load"),
    ("impure_imports", "operators/shard.py", "from time import monotonic"),
    ("impure_imports", "operators/shard.py", "import logging.config"),
    ("prints", "operators/shard.py", "def f():\n    print('here')"),
    ("prints", "pipelines/engines/fleet.py", "print(1, file=sys.stderr)"),
    ("overgrown", "jobs/command.py", "x = 1\n" * 351),
    ("overgrown", "jobs/command.py", "class A:\n    async def f(self):\n" + "        x = 1\n" * 60),
]

GOOD = [
    ("imports_from_above", "jobs/command.py", "import pipelines.train, operators.shard"),
    ("imports_from_above", "operators/shard.py", "from operators.jobs_of_a_shard import x\nimport jobslib"),
    ("imports_away_from_home", "pipelines/engines/ray_engine.py", "import ray"),
    ("imports_away_from_home", "operators/kernels/apply_merges.py", "from numba import njit"),
    ("imports_away_from_home", "tests/pipelines/engines/test_ray_engine.py", "import ray, yaml"),
    ("imports_away_from_home", "pipelines/engines/fleet.py", "from pipelines import ray_engine\n'import ray'"),
    ("impure_imports", "pipelines/engines/fleet.py", "import time, logging"),
    ("prints", "jobs/command.py", "print('done')"),
    ("prints", "operators/shard.py", "console.print('a')"),
    ("overgrown", "operators/kernels/apply_merges.py", "def f():\n" + "    x = 1\n" * 400),
    ("overgrown", "jobs/command.py", "def f():\n" + "    x = 1\n" * 59),
    ("overgrown", "jobs/command.py", "x = 1\n" * 350),
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
