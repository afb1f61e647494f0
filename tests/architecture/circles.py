"""Import circles between files and between folders."""

import ast
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import PurePosixPath

from tests.architecture.source import Module

Graph = Mapping[str, Set[str]]
"""Imports: node to the nodes that it imports."""


def imported_names(module: Module) -> Iterator[str]:
    """Dotted names that the module imports when it runs, inside functions too; `a.b.c` for `from a.b import c`.

    Imports under `if TYPE_CHECKING:` are left out.
    """
    todo: list[ast.AST] = [module.tree]
    while todo:
        node = todo.pop()
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"), orelse=orelse):
                todo += orelse
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=source, names=names, level=level):
                yield from (f"{_absolute(module, source, level)}.{name.name}" for name in names)
            case _:
                todo += ast.iter_child_nodes(node)


def _absolute(module: Module, source: str | None, level: int) -> str:
    if level == 0:
        return source or ""
    parents = module.path.removesuffix(".py").split("/")[:-level]
    return ".".join([*parents, *(source.split(".") if source else [])])


def files_graph(modules: Sequence[Module]) -> dict[str, set[str]]:
    """The files that each file imports, by path. A name that is no file is looked for in the package that holds it."""
    by_name = {module.name: module.path for module in modules}
    graph: dict[str, set[str]] = {module.path: set() for module in modules}
    for module in modules:
        for name in imported_names(module):
            path = by_name.get(name) or by_name.get(name.rpartition(".")[0])
            if path is not None and path != module.path:
                graph[module.path].add(path)
    return graph


def folders_graph(files: Graph) -> dict[str, set[str]]:
    """The same between the folders directly below a package; a file that lies beside them is a node of its own."""
    graph: dict[str, set[str]] = {}
    for path, imported in files.items():
        edges = graph.setdefault(_folder(path), set())
        edges |= {_folder(one) for one in imported} - {_folder(path)}
    return graph


def _folder(path: str) -> str:
    parts = PurePosixPath(path).parts
    return "/".join(parts[:2]) if len(parts) > 2 else path


def circles(graph: Graph) -> list[list[str]]:
    """The strongly connected components of more than one node, sorted (Tarjan 1972)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        order[node] = lowest[node] = len(order)
        stack.append(node)
        for other in sorted(graph.get(node, ())):
            if other not in order:
                visit(other)
            if other in stack:
                lowest[node] = min(lowest[node], lowest[other])
        if lowest[node] == order[node]:
            at = stack.index(node)
            if len(stack) - at > 1:
                found.append(sorted(stack[at:]))
            del stack[at:]

    for node in sorted(graph):
        if node not in order:
            visit(node)
    return sorted(found)
