"""Text that the command prints itself: results on standard output, errors on standard error; plain or JSON lines."""

import errno
import json
import os
import sys
from datetime import UTC, datetime
from typing import Final

import typer

from operators.errors import DataError
from operators.redaction import masked

_UNPRINTED: Final = (errno.ENOSPC, errno.EDQUOT, errno.EPIPE)


class OutputNotPrinted(DataError):
    """A standard output that cannot be written: its disk is full, or its reader has ended."""

    reason: str
    message = "standard output: {reason}; the files in the output directory are complete, only this text is lost"


def json_line(**fields: object) -> str:
    """Return a line of a log: a JSON object that begins with the time of day, UTC, in milliseconds (RFC 3339)."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"time": now, **fields}, ensure_ascii=False)


def print_out(text: str, end: str = "\n") -> None:
    """Print on standard output at once. Raises OutputNotPrinted."""
    try:
        typer.echo(text + end, nl=False)
    except OSError as error:
        drop_output()
        raise OutputNotPrinted(error.strerror or str(error)) from error


def blamed(error: Exception) -> Exception:
    """Return OutputNotPrinted for an error of a library that printed, as typer does with help; else the error.

    Errors of reading and writing files have classes of their own.
    """
    if isinstance(error, OSError) and error.filename is None and error.errno in _UNPRINTED:
        drop_output()
        return OutputNotPrinted(error.strerror or str(error))
    return error


def drop_output() -> None:
    """Send what is still buffered nowhere: Python would try to write it again at its end, and print a traceback."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # a standard output that is no file
        return


class Printer:
    """Printer of a run's results and errors, masked. With `--progress json` each is one JSON line, with its time."""

    def __init__(self) -> None:
        self.as_json = False

    def begin(self, arguments: list[str]) -> None:
        """Begin a command: its arguments say how a wrong usage is printed; `as_json` is set anew by a workflow file."""
        pairs = zip(arguments, [*arguments[1:], ""], strict=False)
        self.as_json = any(one == "--progress=json" or (one, value) == ("--progress", "json") for one, value in pairs)

    def result(self, text: str) -> None:
        """Print the summary of a step. Raises OutputNotPrinted."""
        print_out(json_line(result=masked(text)) if self.as_json else masked(text))

    def error(self, text: str) -> None:
        """Print why the command ended, with its name if the line is for people."""
        line = json_line(error=masked(text)) if self.as_json else masked(f"babelmerge: {text}")
        typer.secho(line, err=True, bold=True)  # bold on a terminal only
