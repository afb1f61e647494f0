"""Errors of storage: what cannot be read, what did not answer, and what stays broken."""

from operators.errors import DataError, Retriable
from operators.redaction import shown


class UnreadableInput(DataError):
    """Something is there, or ought to be, and cannot be read: permissions, an unreachable host, an unknown scheme."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{shown(self.path)}: {shown(self.reason)}"


class StorageDisturbed(UnreadableInput, Retriable):
    """Storage did not answer as it should, for no reason that is known to stay."""


class StorageFailed(DataError):
    """Files of ours that are there, and cannot be read or written."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(what, reason)
        self.what, self.reason = what, reason

    def __str__(self) -> str:
        return f"{shown(self.what)}: {shown(self.reason)}; see to the storage, and run the same command again"
