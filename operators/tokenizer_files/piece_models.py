"""Hugging Face's tokenizer.json of a Unigram or WordPiece model.

`tokenizers` reads the file, and what it writes again is taken: its scores are those it encodes with, to the last bit.
What the kernels would not encode exactly the library encodes.
"""

from dataclasses import replace
from typing import Final

import msgspec
import numpy as np

from operators.byte_level import to_bytes
from operators.kernels.bpe_windows import LARGEST_ID
from operators.text.preprocessing import SPACE_MARK
from operators.text.pretokenize import Pretokenizer
from operators.tokenizer import AddedToken, LibraryModel, Merges, PieceModel, Tokenizer
from operators.tokenizer_files.errors import MalformedTokenizer, UnsupportedTokenizer, quoted
from operators.tokenizer_files.hugging_face_sections import (
    Sections,
    check_steps,
    lacking_around,
    pretokenizer_of,
    read_added,
    read_by_library,
    read_preprocessing,
    require_findable,
    require_library,
)
from operators.tokenizer_files.symbols import Symbols, byte_symbols, character_symbols

MODELS: Final = ("Unigram", "WordPiece")
UNKNOWN_PENALTY: Final = 10.0
"""The score of an unknown character is the lowest of all pieces less this, in both libraries."""


class _Unigram(msgspec.Struct):
    vocab: list[tuple[str, float]]
    unk_id: int | None = None
    byte_fallback: bool = False


class _WordPiece(msgspec.Struct):
    vocab: dict[str, int]
    unk_token: str
    continuing_subword_prefix: str
    max_input_chars_per_word: int


class _Written(msgspec.Struct):
    model: msgspec.Raw


def from_pieces(text: str | bytes, kind: str, path: str) -> Tokenizer:
    """The tokenizer in a tokenizer.json with a model of this kind; `path` is for error messages.

    Raises:
        UnsupportedTokenizer: its ids cannot be had exactly.
        MalformedTokenizer: it is no tokenizer.json, or contradicts itself.
    """
    content = text.encode() if isinstance(text, str) else text
    try:
        file = msgspec.json.decode(content, type=Sections)
        check_steps(file, path)
        written = msgspec.json.decode(read_by_library(content, path).to_str(), type=_Written).model
        unigram = msgspec.json.decode(written, type=_Unigram) if kind == "Unigram" else None
        words = msgspec.json.decode(written, type=_WordPiece) if kind == "WordPiece" else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedTokenizer(path, f"no tokenizer.json of a {kind} model ({error})") from error
    vocab = _ids(unigram.vocab, path) if unigram is not None else words.vocab if words is not None else {}
    if "" in vocab:
        raise UnsupportedTokenizer(path, "an empty piece")
    added = read_added(file, vocab, path)
    preprocessing = read_preprocessing(file, path)
    pretokenizer = pretokenizer_of(preprocessing, path)
    require_findable(added, pretokenizer, path)
    ids = vocab | {token.content: token.id for token in added}
    marked = pretokenizer.marks_spaces
    of_bytes = unigram is not None and preprocessing.byte_level and not (marked or unigram.byte_fallback)
    if unigram is not None and of_bytes:
        symbols, pieces = _unigram_of_bytes(unigram, vocab, ids)
    elif unigram is not None:
        symbols, pieces = _unigram(unigram, vocab, ids, marked)
    else:
        assert words is not None
        symbols, pieces = _wordpiece(words, ids, marked)
    lacking = "bytes spelled as characters" if preprocessing.byte_level and not of_bytes else None
    lacking = lacking or symbols.lacking or lacking_around(added, pretokenizer)
    library = None
    if lacking is not None:
        library = LibraryModel("tokenizers", content, lacking, False)
        require_library(lacking, added, content, path)
    return _tokenizer(pretokenizer, added, symbols, pieces, library)


def _tokenizer(
    pretokenizer: Pretokenizer,
    added: tuple[AddedToken, ...],
    symbols: Symbols,
    pieces: PieceModel,
    library: LibraryModel | None,
) -> Tokenizer:
    return Tokenizer(
        pretokenizer.pattern,
        tuple(token.content for token in added),
        Merges.from_rows([]),
        symbols.vocabulary(tuple(token.id for token in added)),
        added=added if any(token != AddedToken(token.content, token.id) for token in added) else (),
        library=library,
        pieces=pieces,
    )


def _ids(vocab: list[tuple[str, float]], path: str) -> dict[str, int]:
    """Piece to id."""
    if not 0 < len(vocab) <= LARGEST_ID + 1:
        raise MalformedTokenizer(path, f"its model has {len(vocab):,} pieces, from 1 to {LARGEST_ID + 1:,} are read")
    ids = {text: i for i, (text, _) in enumerate(vocab)}
    if len(ids) < len(vocab):
        twice = next(text for i, (text, _) in enumerate(vocab) if ids[text] != i)
        raise UnsupportedTokenizer(path, f"the piece {quoted(twice)}, which stands twice,")
    return ids


def _unigram(model: _Unigram, vocab: dict[str, int], ids: dict[str, int], marked: bool) -> tuple[Symbols, PieceModel]:
    symbols = character_symbols(vocab, ids, model.unk_id, fuse=True, bytes_too=model.byte_fallback, marks_spaces=marked)
    unknown = model.vocab[model.unk_id][0] if model.unk_id is not None else ""
    if model.unk_id is None:
        symbols = symbols.without("no token for unknown characters")
    elif model.byte_fallback and marked and SPACE_MARK in unknown:
        symbols = symbols.without("bytes for unknown characters, and spaces in the unknown token,")
    reached = [(text, i) for text, i in vocab.items() if not (marked and " " in text)]
    scores = np.array([score for _, score in model.vocab])
    bytes_of = [vocab.get(f"<0x{byte:02X}>", -1) for byte in range(256)] if model.byte_fallback else None
    pieces = PieceModel(
        "unigram",
        tuple(in_words(text, marked) for text, _ in reached),
        np.array([i for _, i in reached], np.int32),
        -1 if model.unk_id is None else model.unk_id,
        scores[[i for _, i in reached]],
        float(scores.min()) - UNKNOWN_PENALTY,
        byte_ids=None if bytes_of is None else np.array(bytes_of, np.int32),
    )
    return symbols, pieces


def _unigram_of_bytes(model: _Unigram, vocab: dict[str, int], ids: dict[str, int]) -> tuple[Symbols, PieceModel]:
    symbols = byte_symbols(vocab, ids)
    if (symbols.byte_ids < 0).any():
        symbols = symbols.without("no token for each of the bytes")
    reached = {i: text for spelling, i in vocab.items() if (text := to_bytes(spelling))}
    scores, known = np.array([score for _, score in model.vocab]), np.fromiter(reached, np.int32, len(reached))
    unknown = -1 if model.unk_id is None else model.unk_id
    lowest = float(scores.min()) - UNKNOWN_PENALTY
    return symbols, PieceModel("unigram", tuple(reached.values()), known, unknown, scores[known], lowest, of_bytes=True)


def _wordpiece(model: _WordPiece, ids: dict[str, int], marked: bool) -> tuple[Symbols, PieceModel]:
    unknown, prefix = model.vocab.get(model.unk_token), model.continuing_subword_prefix
    symbols = character_symbols(model.vocab, ids, unknown, fuse=True, bytes_too=False, marks_spaces=marked)
    texts = {
        i: symbols.texts[i] if not prefix else in_words(text.removeprefix(prefix), marked) for text, i in ids.items()
    }
    symbols = replace(symbols, texts=texts)
    if unknown is None:
        symbols = symbols.without("no token for unknown words")
    reached = [(text, i) for text, i in model.vocab.items() if not (marked and " " in text)]
    pieces = PieceModel(
        "wordpiece",
        tuple(in_words(text, marked) for text, _ in reached),
        np.array([i for _, i in reached], np.int32),
        -1 if unknown is None else unknown,
        prefix=in_words(prefix, marked),
        longest=model.max_input_chars_per_word,
    )
    return symbols, pieces


def in_words(text: str, marked: bool) -> bytes:
    """Spell a piece as words have it: spaces stand for space marks."""
    return (text.replace(SPACE_MARK, " ") if marked else text).encode("utf-8", "surrogatepass")
