"""Errors of corpora: one line each, with the place, and without secrets of URIs."""

from operators.errors import DataError, UsageError
from operators.redaction import shown


class MissingInput(DataError):
    """An input path with nothing there."""

    path: str
    reason: str = "no such file or directory"
    message = "{path}: {reason}; correct the path"


class UnknownFormat(DataError):
    """Files whose name ends in no supported format. `paths`: all of them; `source`: the path that led to them."""

    source: str
    paths: tuple[str, ...]
    endings: tuple[str, ...]

    def __str__(self) -> str:
        first = ", ".join(shown(path) for path in self.paths[:3])
        more = f" and {len(self.paths) - 3} more" if len(self.paths) > 3 else ""
        what = "name files" if self.paths == (self.source,) else f"instead of {shown(self.source)} name files or a glob"
        endings = ", ".join(map(shown, self.endings))
        return f"{first}{more}: not read, by the ending; {what} with one of these: {endings}"


class DamagedFile(DataError):
    """A file whose bytes are not what its format requires: cut short, or overwritten."""

    path: str
    reason: str
    message = "{path}: {reason}; replace the file, or read what comes before the damage with --on-bad-record skip"


class WrongEncoding(DataError):
    """A text file in another encoding than UTF-8. Its records cannot be told apart, so none is left out."""

    path: str
    encoding: str
    message = "{path}: is {encoding} text, and only UTF-8 is read; convert it: iconv -f {encoding} -t UTF-8 FILE > NEW"


class EncryptedFile(DamagedFile):
    """A Parquet file whose needed columns are encrypted."""

    message = "{path}: {reason}; decrypt it, or leave it out with --on-bad-record skip"


class ChangedWhileRead(DataError):
    """A file that changed between the listing of the corpus and the end of reading."""

    path: str
    reason: str
    message = "{path}: changed while it was read: {reason}; run again when nothing writes it"


class UnusableColumn(DataError):
    """A column of a Parquet or Arrow file that is missing, or has a type that cannot be used."""

    path: str
    column: str
    reason: str
    message = '{path}: column "{column}" {reason}; name another field (--text-field, --id-field, --language-field)'


class ConflictingSources(UsageError):
    """Two sources with different settings for the same file."""

    path: str
    first: str
    second: str
    message = "{path}: named by two sources, as {first} and as {second}; keep one"


class InvalidSource(UsageError, ValueError):
    """A source with contradictory settings. A ValueError too, so that msgspec adds its path in a configuration file."""

    reason: str
    message = "{reason}"


class EmptyCorpus(DataError):
    """A corpus without any text."""

    files: int
    message = "no text in the corpus ({files} files were read); name files that hold text"
