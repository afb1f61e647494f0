"""Errors a person can act on. Arguments are fields, so each survives the trip across a process border.

`str(error)` is one line: what was found, where, and what to do. The command prints that line and nothing else;
any other exception is a defect of ours and keeps its traceback.
"""


class BabelmergeError(Exception):
    """Anything a user can do something about."""


class UsageError(BabelmergeError):
    """The flags or the configuration cannot mean anything: exit status 2, nothing was started."""


class DataError(BabelmergeError):
    """The input, the output or the machine is not as the job needs it: exit status 1. Trying again changes nothing."""


class Retriable:
    """Marker: the same call may go through later."""
