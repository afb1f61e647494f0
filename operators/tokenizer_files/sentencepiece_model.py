"""SentencePiece's .model files: pieces, and the settings that decide ids."""

import struct
from dataclasses import dataclass, field
from typing import Final

from operators.kernels.bpe_windows import LARGEST_ID
from operators.tokenizer_files import protobuf
from operators.tokenizer_files.errors import MalformedTokenizer

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
_PIECE_BYTES: Final = 8_000
"""Bytes of a piece that sentencepiece (0.2) no longer loads."""


@dataclass(frozen=True)
class Piece:
    """One entry of the vocabulary."""

    text: str
    score: float
    kind: int


@dataclass
class Model:
    """Fields of a .model file that decide ids; defaults are the format's."""

    pieces: list[Piece] = field(default_factory=list)
    kind: int = 1
    byte_fallback: bool = False
    space_behind: bool = False
    """treat_whitespace_as_suffix"""
    rules: bytes = b""
    """Normalization rules, precompiled."""
    add_dummy_prefix: bool = True
    remove_extra_whitespaces: bool = True
    escape_whitespaces: bool = True
    unknown_surface: str = " \u2047 "
    """unk_surface: the text that the unknown piece is decoded to."""
    denormalizes: bool = False
    """Rules are applied to text that was decoded."""


def read_model(data: bytes) -> Model:
    """Read a .model file. Raises ValueError or struct.error for anything else."""
    model = Model()
    for number, kind, value in protobuf.fields(memoryview(data)):
        if number in (1, 2, 3, 5):
            content = _message(number, kind, value)
            if number == 1:
                model.pieces.append(_piece(content))
                if len(model.pieces) > LARGEST_ID + 1:
                    raise ValueError(f"it holds more than {LARGEST_ID + 1:,} pieces")
            elif number == 2:
                _read_trainer(model, content)
            elif number == 3:
                _read_normalizer(model, content)
            else:
                model.denormalizes = any(field == 2 and content for field, _, content in protobuf.fields(content))
    if not model.pieces:
        raise ValueError("it holds no pieces")
    return model


def _message(number: int, kind: int, value: int | memoryview) -> memoryview:
    if kind != protobuf.BYTES or isinstance(value, int):
        raise ValueError(f"field {number} is a number")
    return value


def _number(number: int, kind: int, value: int | memoryview) -> int:
    if kind != protobuf.VARINT or not isinstance(value, int):
        raise ValueError(f"field {number} is no number")
    return value


def _piece(content: memoryview) -> Piece:
    text, score, type_of = "", 0.0, NORMAL
    for number, kind, value in protobuf.fields(content):
        if number == 1:
            spelled = bytes(_message(number, kind, value))
            if len(spelled) >= _PIECE_BYTES:
                raise ValueError(
                    f"a piece of {len(spelled):,} bytes, where sentencepiece loads fewer than {_PIECE_BYTES:,}"
                )
            text = spelled.decode()
        elif number == 2:
            (score,) = struct.unpack("<f", value if not isinstance(value, int) else b"")
        elif number == 3:
            type_of = _number(number, kind, value)
    return Piece(text, score, type_of)


def _read_trainer(model: Model, content: memoryview) -> None:
    for number, kind, value in protobuf.fields(content):
        if number == 3:
            model.kind = _number(number, kind, value)
        elif number == 24:
            model.space_behind = bool(_number(number, kind, value))
        elif number == 35:
            model.byte_fallback = bool(_number(number, kind, value))
        elif number == 44:
            model.unknown_surface = bytes(_message(number, kind, value)).decode()


def _read_normalizer(model: Model, content: memoryview) -> None:
    flags = {3: "add_dummy_prefix", 4: "remove_extra_whitespaces", 5: "escape_whitespaces"}
    for number, kind, value in protobuf.fields(content):
        if number == 2:
            model.rules = bytes(_message(number, kind, value))
        elif number in flags:
            setattr(model, flags[number], bool(_number(number, kind, value)))


def ids_of(model: Model, path: str) -> dict[str, int]:
    """Piece to id."""
    ids = {piece.text: i for i, piece in enumerate(model.pieces)}
    if "" in ids or len(ids) < len(model.pieces):
        raise MalformedTokenizer(path, "a piece is empty or stands twice")
    if sum(piece.kind == UNKNOWN for piece in model.pieces) != 1:
        raise MalformedTokenizer(path, "it needs one piece for the unknown")
    return ids
