"""Detection of a tokenizer file's format, by its content before its name."""

import re
from pathlib import PurePath
from typing import Final, Literal

FileFormat = Literal["json", "tiktoken", "sentencepiece"]

_RANKS_LINE: Final = re.compile(rb"\s*(?:[A-Za-z0-9+/]+={0,2}|=) \d+\s*(?:\n|\Z)")
_JSON: Final = re.compile(rb"\s*\{")
_BY_ENDING: Final[dict[str, FileFormat]] = {
    ".json": "json",
    ".tiktoken": "tiktoken",
    ".model": "sentencepiece",
    ".spm": "sentencepiece",
}


def format_of(content: bytes, name: str) -> FileFormat | None:
    """Return the format of a file ("json": tokenizer.json or tekken); None for something else.

    Some SentencePiece models are called tokenizer.model.v3, some .tiktoken files tokenizer.model, and tiktoken's cache
    names files by a digest. The ending decides only where the content is of no format, so that the error fits.
    """
    if _RANKS_LINE.match(content):
        return "tiktoken"
    if _JSON.match(content):
        return "json"
    if _begins_with_a_piece(content):
        return "sentencepiece"
    return _BY_ENDING.get(PurePath(name).suffix.lower())


def _begins_with_a_piece(content: bytes) -> bool:
    """Return True if Protocol Buffers' field 1 stands first, and in it field 1, a text that fits."""
    return len(content) > 4 and content[0] == content[2] == 0x0A and 0 < content[3] <= content[1] - 2 < 0x7E
