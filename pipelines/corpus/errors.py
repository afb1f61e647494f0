"""What can be wrong with a corpus. Each message is one line, shows where, and hides what is secret in a URI."""

import re

from operators.errors import DataError, Retriable, UsageError

_PASSWORD = re.compile(r"(?<=\w)(:/{1,2})[^\s/@:]*:(?!\d+/)\S*?@(?![^\s/]*@)")
"""One slash: what becomes of a URI that is taken for a path."""
_TOKEN = re.compile(r"(?<!abfs)(?<!abfss)(?<=\w)(:/{1,2})[^\s/@]+@")
_QUERY = re.compile(r"(?<=\w)(:/{1,2}[^\s?]*)\?[^\s'\"]*=[^\s'\"]*|(https?:/{1,2}[^\s?'\"]*)\?[^\s'\"]+", re.IGNORECASE)
_PARAMETER = re.compile(
    r"([?&;#][\w.%-]*(?:sig|signature|token|secret|password|passwd|credential|key|auth)[\w.%-]*=)[^\s&;'\"]+",
    re.IGNORECASE,
)
"""In what network packages say of a request whose host they name elsewhere."""


def masked(text: str) -> str:
    """Without the user, password and query string of the URIs in it: `masked("s3://k:s@b/x")` is "s3://***@b/x"."""
    hidden = _TOKEN.sub(r"\1***@", _PASSWORD.sub(r"\1***@", text))
    return _PARAMETER.sub(r"\1***", _QUERY.sub(lambda found: f"{found[1] or found[2]}?***", hidden))


def shown(text: str) -> str:
    r"""On one line, printable and masked: a newline in a file's name becomes "\n", a stray byte "\udcff"."""
    plain = masked(text)
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in plain)


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


class UnreadableInput(DataError):
    """Something is there, or ought to be, and cannot be read: permissions, an unreachable host, an unknown scheme."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{shown(self.path)}: {shown(self.reason)}"


class StorageDisturbed(UnreadableInput, Retriable):
    """Storage did not answer as it should, for no reason that is known to stay."""


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
