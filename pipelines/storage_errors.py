"""Errors of storage: unreadable inputs, transient failures, and failures that persist."""

from operators.errors import DataError, Retriable


class UnreadableInput(DataError):
    """An input that cannot be read: no permission, an unreachable host, an unknown scheme."""

    path: str
    reason: str
    message = "{path}: {reason}"


class StorageDisturbed(UnreadableInput, Retriable):
    """A failed access to an input for a reason that may be transient."""


class StorageFailed(DataError):
    """A file of ours that cannot be read or written, after retries."""

    what: str
    reason: str
    message = "{what}: {reason}; see to the storage, and run the same command again"
