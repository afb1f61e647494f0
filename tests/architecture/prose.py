"""Rules for docstrings: a docstring says what a thing is, and a comment is no string."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.source import Module

RIDDLES = (
    "What", "Whether", "How", "Where", "Of", "Those", "As", "Why", "Which", "Who", "Its", "Their", "From", "For", "If",
)  # fmt: skip
"""First words of a docstring that names no thing. Write "True if ...", "Return ...", or a noun phrase."""

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def strings_as_statements(tree: ast.Module) -> Iterator[tuple[ast.Expr, bool, str]]:
    """(statement, True inside a function's own code, text) of every statement that is a string.

    A function's docstring is not its code; docstrings below the fields of a class inside a function are not either.
    """
    todo: list[tuple[ast.AST, bool]] = [(tree, False)]
    while todo:
        node, in_function = todo.pop()
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield node, in_function, text
            case ast.FunctionDef(body=[first, *body]) | ast.AsyncFunctionDef(body=[first, *body]):
                todo.append((first, not _is_string(first)))
                todo += [(one, True) for one in body]
            case ast.ClassDef(body=body):
                todo += [(one, False) for one in body]
            case _:
                inside = ast.iter_child_nodes(node)
                todo += [(one, in_function) for one in inside if not isinstance(one, ast.expr)]


def _is_string(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def strings_as_comments(module: Module) -> Iterator[str]:
    for node, in_function, _ in strings_as_statements(module.tree):
        if in_function:
            yield f"{module.path}:{node.lineno}: a string inside a function is no comment: write # instead"


def riddles(module: Module) -> Iterator[str]:
    for node, in_function, text in strings_as_statements(module.tree):
        first = re.match(r"\s*(\w+)", text)
        if not in_function and first is not None and first[1] in RIDDLES:
            yield f"{module.path}:{node.lineno}: a docstring begins with {first[1]!r}: say first what the thing is"
