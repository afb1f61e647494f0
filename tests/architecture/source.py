"""Source files as the rules of the architecture read them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from tests.conftest import ROOT

PACKAGES = ("operators", "pipelines", "jobs", "babelmerge")
CHECKED = (*PACKAGES, "tests", "benchmarks")


@dataclass(frozen=True)
class Module:
    """A Python file: its path relative to the root, with slashes, and its text."""

    path: str
    source: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source, self.path)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node of the tree, which most rules look through."""
        return list(ast.walk(self.tree))

    @property
    def package(self) -> str:
        return PurePosixPath(self.path).parts[0]

    @property
    def name(self) -> str:
        """The dotted name; that of the package for an `__init__.py`."""
        return ".".join(PurePosixPath(self.path.removesuffix("/__init__.py")).with_suffix("").parts)

    def is_in(self, *places: str) -> bool:
        """True if the module is one of these files or lies in one of these folders."""
        return any(PurePosixPath(self.path).is_relative_to(place) for place in places)

    @cached_property
    def imports(self) -> list[tuple[int, str]]:
        """(line, top-level name) of every import, at any depth of nesting.

        A relative import cannot leave its top-level package, so it crosses no line.
        """
        return list(self._imports())

    def _imports(self) -> Iterator[tuple[int, str]]:
        for node in self.nodes:
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


def read_modules(root: Path = ROOT) -> list[Module]:
    """Every Python file of the packages, the tests and the benchmarks."""
    paths = sorted(path for folder in CHECKED for path in (root / folder).rglob("*.py"))
    return [Module(path.relative_to(root).as_posix(), path.read_text("utf-8")) for path in paths]
