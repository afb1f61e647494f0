"""Format, compression and language of a file, by its name."""

from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

Kind = Literal["text", "json", "csv", "tsv", "parquet", "arrow"]
Compression = Literal["", "gzip", "zstd", "bzip2", "xz"]

_LINES: Final[dict[str, Kind]] = {
    ".txt": "text",
    ".dev": "text",  # of FLORES: eng_Latn.dev, eng_Latn.devtest
    ".devtest": "text",
    ".jsonl": "json",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
}
_COLUMNS: Final[dict[str, Kind]] = {".parquet": "parquet", ".arrow": "arrow", ".feather": "arrow"}
_COMPRESSIONS: Final[dict[str, Compression]] = {
    "": "",
    ".gz": "gzip",
    ".zst": "zstd",
    ".bz2": "bzip2",
    ".xz": "xz",
}


@dataclass(frozen=True)
class Format:
    """Format and compression of a file."""

    kind: Kind
    compression: Compression
    may_be_array: bool = False
    """True for a file that may hold one JSON array instead of JSON lines."""


FORMATS: Final[dict[str, Format]] = {
    lines + squeezed: Format(kind, compression, lines == ".json")
    for lines, kind in _LINES.items()
    for squeezed, compression in _COMPRESSIONS.items()
} | {ending: Format(kind, "") for ending, kind in _COLUMNS.items()}
"""Format by the ending of the file name, in lower case."""


def file_name(path: str) -> str:
    """Return the last part of a path or URI, without query: `file_name("https://host/a/sv.txt?key=1")` is "sv.txt"."""
    if path.startswith(("http://", "https://")):
        path = urlsplit(path).path
    elif "://" in path:
        path = path.split("::")[0]
    return path.rstrip("/").rpartition("/")[2]


def format_of(path: str) -> Format | None:
    """Return the format by the ending of the name, in any case; None: not one of FORMATS."""
    name = file_name(path).lower()
    return next((format_ for ending, format_ in FORMATS.items() if name.endswith(ending)), None)


def language_of(path: str) -> str:
    """Return the file name up to its first dot: `language_of("/data/swe_Latn.part-1.jsonl.zst")` is "swe_Latn"."""
    return file_name(path).partition(".")[0]
