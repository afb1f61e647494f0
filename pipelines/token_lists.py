"""Files of lists: one entry a line; of tokens also a .json list of texts."""

from pathlib import Path

import msgspec

from pipelines.corpus.encodings import HEAD_BYTES, foreign_encoding
from pipelines.settings import BadSettings

_BOM = "\ufeff"


def read_token_list(path: str, setting: str) -> list[str]:
    """Return the texts of a file; empty lines are none. Raises BadSettings, which names the setting."""
    if not path.endswith(".json"):
        return read_lines(path, setting, "name a text file or a .json list")
    try:
        names = msgspec.json.decode(Path(path).expanduser().read_bytes(), type=list[str])
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise BadSettings(setting, f"{path} cannot be read ({error}); name a text file or a .json list") from error
    return [name for name in names if name]


def read_lines(path: str, setting: str, advice: str) -> list[str]:
    """Return the lines of a UTF-8 file that are not empty, without their ends and a byte-order mark.

    A line ends in a newline, with or without a carriage return, and in no other character: U+2028 and the like belong
    to its text. Raises BadSettings, which names the setting and ends with the advice.
    """
    try:
        content = Path(path).expanduser().read_bytes()
        if (encoding := foreign_encoding(content[:HEAD_BYTES])) is not None:
            raise BadSettings(setting, f"{path} is {encoding} text, and only UTF-8 is read; {advice}")
        text = content.decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"is not UTF-8 text (byte {error.start})"
        raise BadSettings(setting, f"{path}: {reason}; {advice}") from error
    lines = text.removeprefix(_BOM).split("\n")
    return [line for line in (line.removesuffix("\r") for line in lines) if line]
