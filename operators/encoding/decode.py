"""Token ids to bytes and to text, as the library that a tokenizer file belongs to decodes them.

Three ways to decode exist among published tokenizers:

* `TokenBytes`: the bytes of the tokens, one after the other (byte-level `tokenizers`, tiktoken).
* `Pieces`: SentencePiece's rules: a space mark at the beginning is dropped, control tokens are silent.
* `LibraryDecoding`: anything else; the library itself decodes.

Bytes that are not UTF-8, as where ids split a character, become U+FFFD in text. `TokenBytes` writes one for each
maximal invalid part (Unicode 16, section 3.9, "U+FFFD Substitution of Maximal Subparts"), as `tokenizers` and tiktoken
do. `Pieces` writes one for each byte, as SentencePiece does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import pyarrow as pa

from operators.arrays import I32, I64, U8
from operators.encoding.library_encoder import LibraryMissing, failing
from operators.errors import DataError

REPLACEMENT: Final = "\ufffd"


class TokenOutOfRange(DataError):
    """A token id that the tokenizer does not have."""

    id: int
    position: int
    largest: int
    message = "token id {id} at position {position} is none of this tokenizer's, which go from 0 to {largest}"


class TokenWithoutText(DataError):
    """An id in the tokenizer's range that its file gives no token."""

    id: int
    position: int
    message = "token id {id} at position {position}: the tokenizer's file has no token with this id"


@dataclass(frozen=True)
class TokenBytes:
    """Decoding by concatenation: `texts[i]` are the bytes of token i, b"" where the file has no such token."""

    texts: Sequence[bytes]


@dataclass(frozen=True)
class Pieces:
    """Decoding by SentencePiece's rules (`SentencePieceProcessor::Decode`)."""

    texts: Sequence[bytes]
    """The surface of each piece, with spaces for U+2581; b"" for control tokens."""
    kinds: U8
    """uint8, one a piece: TEXT, BYTE or SYMBOL."""
    strip: Literal["never", "once", "all"]
    """Space marks that are dropped from the beginning: none, one, or one from each piece until there is text."""


TEXT: Final = 0
"""A piece of text, which may begin with a space mark."""
BYTE: Final = 1
"""One byte of a character that has no piece."""
SYMBOL: Final = 2
"""A control token or the unknown token: its surface is taken as it is."""


@dataclass(frozen=True)
class LibraryDecoding:
    """Decoding by the library that `content`, a tokenizer file, belongs to. It makes a Python object a document."""

    library: Literal["tokenizers", "sentencepiece"]
    content: bytes
    tokens: int
    """One more than the largest id."""


Decoding: TypeAlias = TokenBytes | Pieces | LibraryDecoding
AnyIds: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.integer[Any]]]"


class Decoder:
    """Decoder of one tokenizer. Safe to share between threads.

    >>> import numpy as np
    >>> decoder = Decoder(TokenBytes([b"Gr", b"\\xc3", b"\\xbc", b"n"]))
    >>> decoder.decode_bytes(np.array([0, 1, 2, 3], np.int32)).decode()
    'Grün'
    >>> decoder.decode_batch(np.array([0, 1, 2, 3], np.int32), np.array([0, 2, 4])).to_pylist()
    ['Gr\\ufffd', '\\ufffdn']
    """

    def __init__(self, decoding: Decoding) -> None:
        self._decoding = decoding
        self._tokens = decoding.tokens if isinstance(decoding, LibraryDecoding) else len(decoding.texts)

    def decode_bytes(self, ids: AnyIds) -> bytes:
        """Return the bytes that ids (integers[n]) stand for, also where they split a character.

        Only with `TokenBytes` can they be invalid UTF-8; the other ways give the UTF-8 of the text.

        Raises TokenOutOfRange, TokenWithoutText; LibraryMissing, LibraryFailed with `LibraryDecoding`.
        """
        if not isinstance(self._decoding, TokenBytes):
            return str(self.decode_batch(ids, np.array([0, len(ids)], np.int64))[0]).encode()
        return _values(self._table.take(pa.array(self._checked(ids))))

    def decode_batch(self, ids: AnyIds, offsets: I64) -> pa.LargeStringArray:
        """Return the text of each document, large_string[documents].

        ids: integers[n] of any width; offsets: int64[documents + 1], ascending from 0 to n: the ids of document d are
        `ids[offsets[d]:offsets[d + 1]]`. Invalid UTF-8 becomes U+FFFD (see the module). Errors as for `decode_bytes`.
        """
        ids = self._checked(ids)
        match self._decoding:
            case TokenBytes():
                raw = _concatenated(self._table.take(pa.array(ids)), offsets)
                return _valid(raw, lambda d: _text(raw[d].as_py()))
            case Pieces():
                return self._pieces(ids, offsets)
            case LibraryDecoding(library):
                with failing(library):
                    return pa.array(self._library([part.tolist() for part in _parts(ids, offsets)]), pa.large_string())

    def _checked(self, ids: AnyIds) -> I32:
        """The ids as int32; raises an error for the first that has no token."""
        wrong = (ids < 0) | (ids >= self._tokens)
        if wrong.any():
            at = int(np.argmax(wrong))
            raise TokenOutOfRange(int(ids[at]), at, self._tokens - 1)
        if self._holes is not None and (missing := self._holes[ids]).any():
            at = int(np.argmax(missing))
            raise TokenWithoutText(int(ids[at]), at)
        return np.ascontiguousarray(ids, np.int32)

    @cached_property
    def _holes(self) -> "np.ndarray[tuple[int], np.dtype[np.bool_]] | None":
        """bool[tokens]: which ids have no token; None: all have one."""
        if not isinstance(self._decoding, TokenBytes):
            return None
        empty = np.array([not text for text in self._decoding.texts], np.bool_)
        return empty if empty.any() else None

    @cached_property
    def _table(self) -> pa.LargeBinaryArray:
        """Bytes by id; with `Pieces`, behind them the same again as they are at the beginning of a text."""
        assert not isinstance(self._decoding, LibraryDecoding)
        texts = list(self._decoding.texts)
        if isinstance(self._decoding, Pieces):
            is_text = (self._decoding.kinds == TEXT).tolist()
            texts += [text.removeprefix(b" ") if plain else text for text, plain in zip(texts, is_text, strict=True)]
        return pa.array(texts, pa.large_binary())

    def _pieces(self, ids: I32, offsets: I64) -> pa.LargeStringArray:
        """Decode most documents at once; those that begin with no text, or hold broken characters, one by one."""
        pieces = self._decoding
        assert isinstance(pieces, Pieces)
        kinds, filled = pieces.kinds[ids], np.flatnonzero(np.diff(offsets) > 0)
        first = offsets[:-1][filled]
        chosen = ids.astype(np.int64)
        if pieces.strip != "never":
            chosen[first] += len(pieces.texts)
        raw = _concatenated(self._table.take(pa.array(chosen)), offsets)
        alone = np.zeros(len(offsets) - 1, np.bool_)
        alone[filled] = kinds[first] != TEXT
        if pieces.strip == "all":
            import pyarrow.compute as pc  # takes long to import

            lengths = np.array(pc.binary_length(self._table))
            alone[filled] |= lengths[chosen[first]] == 0
        mixed = np.zeros(len(ids) + 1, np.int64)  # a control token inside a character's bytes takes them apart
        np.cumsum(kinds == SYMBOL, out=mixed[1:])
        alone |= (mixed[offsets[1:]] > mixed[offsets[:-1]]) & (np.diff(offsets) > 0)
        documents = _parts(ids, offsets)
        return _valid(raw, lambda d: _sentence(pieces, documents[d].tolist()), alone)

    @cached_property
    def _library(self) -> Callable[[list[list[int]]], list[str]]:
        assert isinstance(self._decoding, LibraryDecoding)
        make = _tokenizers if self._decoding.library == "tokenizers" else _sentencepiece
        return make(self._decoding.content)


def _sentence(pieces: Pieces, ids: list[int]) -> str:
    """Decode one document by SentencePiece's rules, piece by piece."""
    text, run, at_start, stripped = "", b"", pieces.strip != "never", False
    for i in ids:
        surface, kind = pieces.texts[i], pieces.kinds[i]
        if kind == BYTE:
            run += surface
            continue
        text, run = text + _characters(run), b""
        at_start = at_start and not (stripped or text)
        stripped = False
        if kind == TEXT and at_start and surface.startswith(b" "):
            surface, stripped = surface[1:], pieces.strip == "once"
        text += surface.decode()
    return text + _characters(run)


def _characters(run: bytes) -> str:
    """Characters of a run of byte pieces; each byte that begins none becomes U+FFFD."""
    text = ""
    while run:
        try:
            return text + run.decode()
        except UnicodeDecodeError as error:
            text += run[: error.start].decode() + REPLACEMENT
            run = run[error.start + 1 :]
    return text


def _parts(ids: I32, offsets: I64) -> list[I32]:
    return [ids[begin:end] for begin, end in pairwise(offsets.tolist())]


def _values(array: pa.LargeBinaryArray) -> bytes:
    """All bytes of an array that begins at its buffer's start."""
    offsets = np.frombuffer(array.buffers()[1], np.int64, len(array) + 1)
    values = array.buffers()[2]
    return b"" if values is None else bytes(memoryview(values)[offsets[0] : offsets[-1]])


def _concatenated(tokens: pa.LargeBinaryArray, offsets: I64) -> pa.LargeBinaryArray:
    """The documents' bytes, without a copy: their tokens lie one behind the other already."""
    borders = np.frombuffer(tokens.buffers()[1], np.int64, len(tokens) + 1)
    values = tokens.buffers()[2] or pa.py_buffer(b"")
    return pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(offsets) - 1, [None, pa.py_buffer(borders[offsets]), values]
    )


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _valid(
    raw: pa.LargeBinaryArray,
    decode: Callable[[int], str],
    alone: "np.ndarray[tuple[int], np.dtype[np.bool_]] | None" = None,
) -> pa.LargeStringArray:
    """The documents as text; those that are not UTF-8, and those that are to be decoded alone, by `decode`."""
    try:
        text = raw.cast(pa.large_string())
        odd = [] if alone is None else np.flatnonzero(alone).tolist()
    except pa.ArrowInvalid:
        broken = np.array([not _is_utf8(document.as_py()) for document in raw])
        odd = np.flatnonzero(broken if alone is None else broken | alone).tolist()
        empty = pa.scalar(b"", pa.large_binary())
        import pyarrow.compute as pc  # takes long to import

        text = pc.if_else(pa.array(broken), empty, raw).cast(pa.large_string())
    if not odd:
        return text
    order = np.arange(len(text))
    order[odd] = len(text) + np.arange(len(odd))
    return pa.concat_arrays([text, pa.array([decode(d) for d in odd], pa.large_string())]).take(pa.array(order))


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _tokenizers(content: bytes) -> Callable[[list[list[int]]], list[str]]:
    import tokenizers

    library: Any = tokenizers.Tokenizer.from_buffer(content)
    return lambda documents: list(library.decode_batch(documents, skip_special_tokens=False))


def _sentencepiece(content: bytes) -> Callable[[list[list[int]]], list[str]]:
    try:
        import sentencepiece
    except ImportError:
        raise LibraryMissing("sentencepiece", "a decoder of its own") from None
    processor = sentencepiece.SentencePieceProcessor(model_proto=content)
    return lambda documents: list(processor.decode(documents)) if documents else []
