"""Failures that are no defects: the one line that the command prints about each."""

import os

from operators.errors import BabelmergeError
from pipelines.memory import shortage_of


def line_of(error: BaseException) -> str | None:
    """Return the line for an error that a person can act on, without the program's name; None: a defect."""
    if isinstance(error, BabelmergeError):
        return str(error)
    if (shortage := shortage_of("this command", error)) is not None:
        return str(shortage)
    if not isinstance(error, OSError):
        return None
    if error.filename is not None:  # a name that no file can have; errors of work have classes of their own
        return f"{str(error.filename)[:200]}: {error.strerror}"
    if isinstance(error, FileNotFoundError) and not _has_directory():
        return "the working directory is gone; change to one that exists, and run the same command again"
    return None


def _has_directory() -> bool:
    try:
        os.getcwd()  # noqa: PTH109
    except OSError:
        return False
    return True
