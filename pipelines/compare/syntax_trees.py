"""Parsers of programming languages: tree-sitter, where it is installed."""

from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import Any, Final

from operators.metrics.syntax import Leaf, kind_of

LANGUAGES: Final = {
    "c": "c", "h": "c", "cpp": "cpp", "c++": "cpp", "cc": "cpp", "hpp": "cpp", "go": "go", "golang": "go",
    "java": "java", "javascript": "javascript", "js": "javascript", "python": "python", "py": "python", "rust": "rust",
    "rs": "rust",
}  # fmt: skip
"""Name of a language, in lower case, to the ending of its parser's module."""
NOT_INSTALLED: Final = "its parser is not installed; pip install 'babelmerge[code]'"
Parse = Callable[[bytes], Any]


@cache
def parser_of(language: str) -> Parse | str:
    """Return a function from bytes to a tree; the reason where there is none."""
    name = LANGUAGES.get(language.lower())
    if name is None:
        return f"{language} has no parser here; there are {', '.join(sorted(set(LANGUAGES.values())))}"
    try:
        tree_sitter, grammar = import_module("tree_sitter"), import_module(f"tree_sitter_{name}")
    except ImportError:
        return f"{language}: {NOT_INSTALLED}"
    parse: Parse = tree_sitter.Parser(tree_sitter.Language(grammar.language())).parse
    return parse


def leaves_of(source: bytes, parse: Parse) -> Iterator[Leaf]:
    """Yield the leaves of a document that have a class, in order; nothing of what the parser cannot read."""
    waiting = [parse(source).root_node]
    while waiting:
        node = waiting.pop()
        if node.type == "ERROR":
            continue
        if node.child_count:
            waiting += reversed(node.children)
        elif node.start_byte < node.end_byte:
            text = source[node.start_byte : node.end_byte].decode(errors="replace")
            if (kind := kind_of(node.type, text, node.is_named)) is not None:
                yield Leaf(kind, node.start_byte, node.end_byte)
