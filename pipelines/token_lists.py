"""Files of tokens: one text a line, or a .json list of texts."""

from pathlib import Path

import msgspec

from pipelines.settings import BadSettings


def read_token_list(path: str, setting: str) -> list[str]:
    """Return the texts of a file; empty lines are none. Raises BadSettings, which names the setting."""
    try:
        content = Path(path).read_text("utf-8")
        names = msgspec.json.decode(content, type=list[str]) if path.endswith(".json") else content.splitlines()
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise BadSettings(setting, f"{path} cannot be read ({error}); name a text file or a .json list") from error
    return [name for name in names if name]
