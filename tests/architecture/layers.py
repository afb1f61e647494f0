"""Rules for imports and sizes: each is a function from a module to its offences."""

import ast
from collections.abc import Iterator

from tests.architecture.source import PACKAGES, Module

ABOVE = {"operators": {"pipelines", "jobs", "babelmerge"}, "pipelines": {"jobs", "babelmerge"}, "jobs": {"babelmerge"}}
"""Packages that a package must not import: those above it."""

HOMES = {
    "ray": {"pipelines/engines/ray_connection.py", "pipelines/engines/ray_engine.py", "jobs/cluster/submission.py"},
    "numba": {"operators/kernels/compiler.py", "operators/kernels/llvm.py"},
    "highspy": {"operators/mixture/linear_program.py"},
    "yaml": {"jobs/plain_yaml.py"},
}
"""The only files or folders of the packages that import a library, be it inside a function."""

IMPURE = {"time", "datetime", "logging", "sched", "random"}
"""Operators are functions of their arguments: no clock, no log, no chance but a generator that is handed in."""

MODULE_LINES, FUNCTION_LINES = 350, 60


def imports_from_above(module: Module) -> Iterator[str]:
    for line, name in module.imports:
        if name in ABOVE.get(module.package, ()):
            yield f"{module.path}:{line}: {module.package} must not import {name}: imports go down only"


def imports_away_from_home(module: Module) -> Iterator[str]:
    for line, name in module.imports:
        if module.package in PACKAGES and name in HOMES and not module.is_in(*HOMES[name]):
            yield f"{module.path}:{line}: {name} is imported in {', '.join(sorted(HOMES[name]))} only"


def impure_imports(module: Module) -> Iterator[str]:
    for line, name in module.imports:
        if module.package == "operators" and name in IMPURE:
            yield f"{module.path}:{line}: operators must not import {name}: hand in what it would say"


def prints(module: Module) -> Iterator[str]:
    for node in module.nodes:
        match node:
            case ast.Call(func=ast.Name(id="print")) if module.is_in("operators", "pipelines"):
                yield f"{module.path}:{node.lineno}: library code never prints"


def overgrown(module: Module) -> Iterator[str]:
    if module.is_in("operators/kernels"):
        return
    lines = len(module.source.splitlines())
    if lines > MODULE_LINES:
        yield f"{module.path}: {lines} lines, more than {MODULE_LINES}: is it two things?"
    for node in module.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{module.path}:{node.lineno}: {node.name}: {lines} lines, more than {FUNCTION_LINES}"
