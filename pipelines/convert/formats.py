"""File formats that `convert` writes: their files, their writers, and the way to read them back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from operators.tokenizer import Tokenizer
from operators.tokenizer_files.decoding import FileFormat
from operators.tokenizer_files.hugging_face import from_json
from operators.tokenizer_files.hugging_face_output import to_character_json, to_json
from operators.tokenizer_files.sentencepiece import from_model
from operators.tokenizer_files.sentencepiece_output import to_model
from operators.tokenizer_files.tekken import from_tekken, to_tekken
from operators.tokenizer_files.tiktoken import from_tiktoken, read_arguments, tiktoken_arguments, to_tiktoken
from operators.tokenizer_files.transformers_files import NO_ROLES, tokenizer_config
from pipelines.convert.settings import FileFormatName
from pipelines.tokenizers import RANKS, TEKKEN, TIKTOKEN, TOKENIZER_CONFIG, TOKENIZER_JSON, TOKENIZER_MODEL

Files = dict[str, bytes]
"""Content of files, by name."""


@dataclass(frozen=True)
class TargetFormat:
    """A file format: its main file, what stands beside it, and both directions."""

    file_format: FileFormat
    name: str
    """Name of the main file."""
    write: Callable[[Tokenizer], bytes]
    """Writer of the main file. It raises InexpressibleTokenizer."""
    read: Callable[[Mapping[str, bytes]], Tokenizer]
    """Reader of all files."""
    beside: Callable[[Tokenizer], Files] = lambda _: {}
    """Content of the other files."""


def _to_json(tokenizer: Tokenizer) -> bytes:
    of_characters = tokenizer.vocabulary.characters is not None
    return (to_character_json(tokenizer) if of_characters else to_json(tokenizer, gaps=True)).encode()


def _read_ranks(files: Mapping[str, bytes]) -> Tokenizer:
    pretokenizer, special = read_arguments(files[TIKTOKEN], TIKTOKEN)
    return from_tiktoken(files[RANKS], RANKS, pretokenizer, special)


FORMATS: Final[Mapping[FileFormatName, TargetFormat]] = {
    "hugging-face": TargetFormat(
        "tokenizers", TOKENIZER_JSON, _to_json, lambda files: from_json(files[TOKENIZER_JSON], TOKENIZER_JSON),
        lambda _: {TOKENIZER_CONFIG: tokenizer_config(NO_ROLES)},
    ),
    "tiktoken": TargetFormat(
        "tiktoken", RANKS, to_tiktoken, _read_ranks, lambda tokenizer: {TIKTOKEN: tiktoken_arguments(tokenizer)}
    ),
    "sentencepiece": TargetFormat(
        "sentencepiece", TOKENIZER_MODEL, to_model, lambda files: from_model(files[TOKENIZER_MODEL], TOKENIZER_MODEL)
    ),
    "tekken": TargetFormat("tekken", TEKKEN, to_tekken, lambda files: from_tekken(files[TEKKEN], TEKKEN)),
}  # fmt: skip
