"""Failures that are no defects: the one line that the command prints about each."""

import os
import sys

import typer

from operators.errors import BabelmergeError, DataError
from pipelines.memory import shortage_of


class OutputNotPrinted(DataError):
    """A standard output that cannot be written: its disk is full, or its reader has ended."""

    reason: str
    message = "standard output: {reason}; the files in the output directory are complete, only this text is lost"


def print_out(text: str, end: str = "\n") -> None:
    """Print on standard output at once. Raises OutputNotPrinted."""
    try:
        typer.echo(text + end, nl=False)
    except OSError as error:
        _drop_output()
        raise OutputNotPrinted(error.strerror or str(error)) from error


def _drop_output() -> None:
    """Send what is still buffered nowhere: Python would try to write it again at its end, and print a traceback."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # a standard output that is no file
        return


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
