"""Rules of a tokenizer file for decoding: how the file's own library makes text of token ids."""

from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np

from operators.byte_level import to_bytes
from operators.encoding.decode import BYTE, SYMBOL, TEXT, Decoding, LibraryDecoding, Pieces, TokenBytes
from operators.text.preprocessing import SPACE_MARK, steps
from operators.text.pretokenize import parse_preprocessing
from operators.tokenizer import Tokenizer
from operators.tokenizer_files import sentencepiece_model as sentencepiece
from operators.tokenizer_files.sentencepiece_model import Model

FileFormat = Literal["tokenizers", "tiktoken", "tekken", "sentencepiece", "events"]


@dataclass(frozen=True)
class TokenizerFile:
    """Content of the file that a tokenizer was read from."""

    format: FileFormat
    """tokenizer.json of `tokenizers`, .tiktoken, tekken's .json, SentencePiece's .model, or our events.parquet."""
    content: bytes


class _Sections(msgspec.Struct):
    decoder: dict[str, Any] | None = None


def decoding_of(tokenizer: Tokenizer, file: TokenizerFile | None) -> Decoding:
    """Return the way to decode that the file's library has.

    file: the file that the tokenizer was read from; None for one that was trained here, which decodes as `tokenizers`
    decodes the tokenizer.json that is saved of it.

    Special tokens are written out. `tokenizers` takes the characters of a byte-level vocabulary's special tokens for
    bytes as well ("<é>" becomes three bytes that are no UTF-8), and so does this; tiktoken does not.
    """
    if file is None or file.format == "events":
        return _byte_level(tokenizer)
    if file.format in ("tiktoken", "tekken"):
        return TokenBytes(tokenizer.tokens)
    if file.format == "sentencepiece":
        model = sentencepiece.read_model(file.content)
        if tokenizer.library is not None or model.denormalizes:
            return LibraryDecoding("sentencepiece", file.content, len(model.pieces))
        return _pieces(model)
    decoder = steps(msgspec.json.decode(file.content, type=_Sections).decoder, "decoders")
    plain = [step["type"] for step in decoder] == ["ByteLevel"] and parse_preprocessing(
        tokenizer.pretokenizer
    ).byte_level
    if not plain or tokenizer.library is not None or not all(tokenizer.tokens):
        return LibraryDecoding("tokenizers", file.content, len(tokenizer.tokens))
    return _byte_level(tokenizer)


def _byte_level(tokenizer: Tokenizer) -> TokenBytes:
    """Decoding as the ByteLevel decoder of `tokenizers` does it."""
    texts = list(tokenizer.tokens)
    for i, content in zip(tokenizer.vocabulary.special_ids, tokenizer.special_tokens, strict=True):
        spelled = to_bytes(content)
        texts[i] = content.encode() if spelled is None else spelled
    return TokenBytes(texts)


def _pieces(model: Model) -> Pieces:
    """Decoding of a SentencePiece model."""
    texts, kinds = list[bytes](), np.full(len(model.pieces), TEXT, np.uint8)
    for i, piece in enumerate(model.pieces):
        if piece.kind == sentencepiece.BYTE:
            kinds[i] = BYTE
            texts.append(bytes([int(piece.text[3:-1], 16)]))
        elif piece.kind in (sentencepiece.CONTROL, sentencepiece.UNKNOWN):
            kinds[i] = SYMBOL
            texts.append(b"" if piece.kind == sentencepiece.CONTROL else model.unknown_surface.encode())
        else:
            texts.append(piece.text.replace(SPACE_MARK, " ").encode())
    strips = model.add_dummy_prefix or model.remove_extra_whitespaces
    return Pieces(texts, kinds, "all" if model.remove_extra_whitespaces else "once" if strips else "never")
