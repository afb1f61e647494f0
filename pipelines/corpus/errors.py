"""What can be wrong with a corpus. Each message is one line, shows where, and hides what is secret in a URI."""

from operators.errors import DataError, UsageError
from operators.redaction import shown


class MissingInput(DataError):
    """Nothing is there."""

    def __init__(self, path: str, reason: str = "no such file or directory") -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{shown(self.path)}: {shown(self.reason)}; correct the path"


class UnknownFormat(DataError):
    """Files whose ending says nothing that can be read. `paths`: all of them, `source`: the path that led there."""

    def __init__(self, source: str, paths: tuple[str, ...], endings: tuple[str, ...]) -> None:
        super().__init__(source, paths, endings)
        self.source, self.paths, self.endings = source, paths, endings

    def __str__(self) -> str:
        first = ", ".join(shown(path) for path in self.paths[:3])
        more = f" and {len(self.paths) - 3} more" if len(self.paths) > 3 else ""
        what = "name files" if self.paths == (self.source,) else f"instead of {shown(self.source)} name files or a glob"
        return f"{first}{more}: not read, by the ending; {what} with one of these: {', '.join(self.endings)}"


class DamagedFile(DataError):
    """The bytes are not what the format says: cut short, or overwritten."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return (
            f"{shown(self.path)}: {shown(self.reason)}; replace the file, "
            "or read what comes before the damage with --on-bad-record skip"
        )


class ChangedWhileRead(DataError):
    """The file is no longer the one that was found."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{shown(self.path)}: changed while it was read: {shown(self.reason)}; run again when nothing writes it"


class UnusableColumn(DataError):
    """A Parquet or Arrow file has no such column, or has it with a type that cannot be used."""

    def __init__(self, path: str, column: str, reason: str) -> None:
        super().__init__(path, column, reason)
        self.path, self.column, self.reason = path, column, reason

    def __str__(self) -> str:
        return (
            f'{shown(self.path)}: column "{shown(self.column)}" {shown(self.reason)}; name another field in the source'
        )


class ConflictingSources(UsageError):
    """Two sources name one file and say different things about it."""

    def __init__(self, path: str, first: str, second: str) -> None:
        super().__init__(path, first, second)
        self.path, self.first, self.second = path, first, second

    def __str__(self) -> str:
        return f"{shown(self.path)}: named by two sources, as {shown(self.first)} and as {shown(self.second)}; keep one"


class InvalidSource(UsageError, ValueError):
    """A source that cannot mean anything. A ValueError too, so that msgspec adds its path in a configuration file."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return shown(self.reason)


class EmptyCorpus(DataError):
    """There is no text to work on."""

    def __init__(self, files: int) -> None:
        super().__init__(files)
        self.files = files

    def __str__(self) -> str:
        return f"no text in the corpus ({self.files} files were read); name files that hold text"
