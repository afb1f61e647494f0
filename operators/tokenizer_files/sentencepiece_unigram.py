"""SentencePiece's .model of a Unigram tokenizer, encoded by the kernels with sums of 32 bits.

The sums go through the whole text, so a text is one word: where its parts begin the sums are rounded otherwise, and of
two ways with nearly the same sum another would win.
"""

import base64
from typing import Any, Final

import numpy as np

from operators.text.preprocessing import SPACE_MARK, Preprocessing
from operators.text.pretokenize import format_preprocessing
from operators.tokenizer import AddedToken, LibraryModel, Merges, PieceModel, Tokenizer
from operators.tokenizer_files.hugging_face_sections import pretokenizer_of
from operators.tokenizer_files.piece_models import UNKNOWN_PENALTY, in_words
from operators.tokenizer_files.sentencepiece_model import BYTE, CONTROL, NORMAL, UNKNOWN, USER_DEFINED, Model, ids_of
from operators.tokenizer_files.symbols import character_symbols

_OF_A_BYTE: Final = 0.1
"""Score of a user-defined piece for each of its bytes but one, whatever the file says: sentencepiece's, measured."""


def from_unigram(model: Model, data: bytes, path: str) -> Tokenizer:
    """The tokenizer of a Unigram model; `path` is for error messages. Raises MalformedTokenizer."""
    ids = ids_of(model, path)
    pieces = list(enumerate(model.pieces))
    added = tuple(AddedToken(piece.text, i) for i, piece in pieces if piece.kind == CONTROL)
    unknown = next(i for i, piece in pieces if piece.kind == UNKNOWN)
    by_bytes = {piece.text: i for i, piece in pieces if piece.kind == BYTE}
    found = {piece.text: i for i, piece in pieces if piece.kind in (NORMAL, USER_DEFINED)}
    symbols = character_symbols(
        found | by_bytes, ids, unknown, fuse=True, bytes_too=model.byte_fallback, marks_spaces=True
    )
    lacking = _lacking(model) or (symbols.lacking if model.byte_fallback else None)
    normalizer: dict[str, Any] = {"type": "SentencePiece"}
    normalizer |= {name: getattr(model, name) for name in ("add_dummy_prefix", "remove_extra_whitespaces")}
    kept = [piece.text for _, piece in pieces if piece.kind == USER_DEFINED]
    normalizer |= {"rules": base64.b64encode(model.rules).decode(), "kept": kept}
    preprocessing = Preprocessing(normalizer)
    pretokenizer_of(preprocessing, path)
    return Tokenizer(
        format_preprocessing(preprocessing),
        tuple(token.content for token in added),
        Merges.from_rows([]),
        symbols.vocabulary(tuple(token.id for token in added)),
        added=added if any(token != AddedToken(token.content, token.id) for token in added) else (),
        library=LibraryModel("sentencepiece", data, lacking, False) if lacking is not None else None,
        pieces=_pieces(model, found, by_bytes, unknown),
    )


def _pieces(model: Model, found: dict[str, int], by_bytes: dict[str, int], unknown: int) -> PieceModel:
    reached = [(text, i) for text, i in found.items() if " " not in text]
    normal = np.array([piece.score for piece in model.pieces if piece.kind == NORMAL] or [0.0], np.float32)
    scores = [
        float(np.float32(len(text.encode()) * _OF_A_BYTE - _OF_A_BYTE))
        if model.pieces[i].kind == USER_DEFINED
        else float(np.float32(model.pieces[i].score))
        for text, i in reached
    ]
    tokens = [by_bytes.get(f"<0x{byte:02X}>", -1) for byte in range(256)] if model.byte_fallback else None
    return PieceModel(
        "unigram",
        tuple(in_words(text, True) for text, _ in reached),
        np.array([i for _, i in reached], np.int32),
        unknown,
        np.array(scores, np.float64),
        float(np.float32(normal.min() - np.float32(UNKNOWN_PENALTY))),
        single_precision=True,
        byte_ids=None if tokens is None else np.array(tokens, np.int32),
    )


def _lacking(model: Model) -> str | None:
    """Return the first feature that the kernels cannot do; None: there is none."""
    if model.space_behind or not model.escape_whitespaces:
        return "spaces that are not marked at the beginning of words"
    if not all(np.isfinite(piece.score) for piece in model.pieces):
        return "a piece whose score is not a finite number"
    if not any(piece.kind == NORMAL for piece in model.pieces):
        return "no ordinary piece"
    if not all(in_words(piece.text, True) for piece in model.pieces):
        return "an empty piece"
    if model.byte_fallback and not any(piece.text == SPACE_MARK for piece in model.pieces if piece.kind == NORMAL):
        return "no token for the space"
    return None
