"""Extension of griffe for the site: doctests in docstrings become code blocks."""

import re
from typing import Any

from griffe import Extension, Object

DOCTEST = re.compile(r"(?:^ *>>> .*\n?(?:^ *\S.*\n?)*)+", re.MULTILINE)


def fenced(docstring: str) -> str:
    """Return the docstring with each doctest in a fence, so that Markdown leaves its prompts and brackets alone."""
    return DOCTEST.sub(lambda match: f"```pycon\n{match[0].rstrip()}\n```\n", docstring)


class Doctests(Extension):
    """Fence the doctests of every object that is read."""

    def on_object(self, *, obj: Object, **kwargs: Any) -> None:
        """Change the docstring in place."""
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)
