"""Text to sequences of first-stage tokens: the words of the second stage, as rows that word tables hold.

A sequence is written as its uint32 ids, lowest byte first. `PairSplitter` and `SequenceSplitter` take the place of a
`Pretokenizer` where words are counted. Each thread needs one of its own.
"""

from dataclasses import dataclass
from typing import Protocol
from unicodedata import category

import numpy as np
import pyarrow as pa

from operators.arrays import I32, I64, PADDING, U32, word_buffers
from operators.encoding.parts import PieceEncoder
from operators.encoding.word_encoder import WordEncoder
from operators.kernels.superwords import Sequences, put_pairs, write_pairs, write_sequences
from operators.text.pretokenize import Pretokenizer, PreTokens
from operators.tokenizer import Tokenizer

ID_BYTES = 4


@dataclass(frozen=True)
class SecondStage:
    """Rules of the second stage, small enough to be sent to workers."""

    first: Tokenizer
    """Tokenizer of the first stage, with its pre-tokenizer."""
    regex: str
    """Pre-tokenizer of the second stage."""
    runs: bool = False
    """True: pieces are runs of first-stage pre-tokens that are one token each and hold a letter, as in BoundlessBPE."""

    def reader(self) -> "Reader":
        """Return a reader of text; each thread needs one of its own."""
        return _Runs(self) if self.runs else _Pieces(self)


class Reader(Protocol):
    """Reader of text as pieces of first-stage ids."""

    def read(self, text: pa.LargeStringArray) -> tuple[U32, I64, I64]:
        """Return ids, offsets of pieces (int64[pieces + 1]) and of documents in the pieces (int64[documents + 1])."""


class _Runs:
    """Reader of runs of whole words: neighbouring pre-tokens that are one token each and hold a letter."""

    def __init__(self, stage: SecondStage) -> None:
        self._words = Pretokenizer(stage.first.pretokenizer)
        self._encoder = WordEncoder(stage.first)
        self._joins = np.zeros(len(stage.first.tokens), np.bool_)
        for token, text in stage.first.text_tokens.items():
            self._joins[token] = holds_letter(text)

    def read(self, text: pa.LargeStringArray) -> tuple[U32, I64, I64]:
        """Return ids, offsets and documents of runs; see `Reader`."""
        words = self._words.split(text)
        alone = np.arange(len(words.ends) + 1)
        ids, offsets = self._encoder.encode(PreTokens(words.data, words.ends, alone, words.starts))
        joins = np.diff(offsets) == 1
        first = ids[np.minimum(offsets[:-1], max(len(ids) - 1, 0))]
        joins &= self._joins[first]
        begins = joins.copy()
        begins[1:] &= ~joins[:-1]
        starts = words.documents[:-1][np.diff(words.documents) > 0]
        begins[starts] = joins[starts]
        kept = np.concatenate([np.zeros(1, np.int64), np.cumsum(joins)])
        runs = np.concatenate([np.zeros(1, np.int64), np.cumsum(begins)])
        bounds = np.append(kept[:-1][begins], kept[-1])
        return first[joins].view(np.uint32), bounds, runs[words.documents]


def holds_letter(text: bytes) -> bool:
    """Return True if a token is whole characters, one of them a letter (the published rule of what may join)."""
    try:
        return any(category(character)[0] == "L" for character in text.decode())
    except UnicodeDecodeError:
        return False


class _Pieces:
    """Reader of the pieces that an expression cuts."""

    def __init__(self, stage: SecondStage) -> None:
        self._pieces = Pretokenizer(stage.regex)
        self._encoder = PieceEncoder(stage.first, stage.first.pretokenizer)

    def read(self, text: pa.LargeStringArray) -> tuple[U32, I64, I64]:
        """Return ids, offsets and documents of pieces; see `Reader`."""
        pieces = self._pieces.split(text)
        ids, offsets = self._encoder.encode(pieces)
        return ids.view(np.uint32), offsets, pieces.documents


class PairSplitter:
    """Splitter of text into all pairs of neighbouring tokens, each a row of 8 bytes."""

    def __init__(self, stage: SecondStage) -> None:
        self._reader = stage.reader()

    def split(self, text: pa.LargeStringArray) -> PreTokens:
        """Return the pairs of every document; no nulls."""
        ids, offsets, documents = self._reader.read(text)
        written = _room(2 * len(ids), len(ids), len(documents))
        return _rows(written, write_pairs(ids, offsets, documents, written))


class SequenceSplitter:
    """Splitter of text into sequences of two tokens and more, cut between all pairs but `joined` (int64, sorted)."""

    def __init__(self, stage: SecondStage, joined: I64) -> None:
        self._reader = stage.reader()
        self._joined = np.full(4 << len(joined).bit_length(), -1, np.int64)
        put_pairs(np.array(joined), self._joined)

    def split(self, text: pa.LargeStringArray) -> PreTokens:
        """Return the sequences of every document; no nulls."""
        ids, offsets, documents = self._reader.read(text)
        written = _room(len(ids), len(ids), len(documents))
        return _rows(written, write_sequences(ids, offsets, documents, self._joined, written))


def _room(ids: int, sequences: int, documents: int) -> Sequences:
    room = np.empty(ids + PADDING // ID_BYTES, np.uint32)
    return Sequences(room, np.empty(sequences, np.int64), np.empty(documents, np.int64))


def _rows(written: Sequences, n: int) -> PreTokens:
    """Return the first n sequences as rows of bytes."""
    ends = written.ends[:n] * ID_BYTES
    begins = np.concatenate([np.zeros(1, np.int64), ends])
    data = written.ids.view(np.uint8)[: int(begins[-1])]
    data.flags.writeable = False
    return PreTokens(data, ends, written.documents, begins[written.documents])


def ids_of(rows: pa.LargeBinaryArray) -> tuple[U32, I64]:
    """Return the ids of sequences (uint32) and where each begins and ends in them (int64[n + 1])."""
    offsets, data = word_buffers(rows)
    whole = data[: len(data) - len(data) % ID_BYTES]
    return whole.view("<u4").astype(np.uint32, copy=False), offsets // ID_BYTES


def pairs_of(rows: pa.LargeBinaryArray) -> I64:
    """Return rows of two ids as pairs, `left << 32 | right`."""
    ids, offsets = ids_of(rows)
    first = offsets[:-1]
    pairs: I64 = ids[first].astype(np.int64) << 32 | ids[first + 1]
    return pairs


def token_ids(pairs: I64) -> tuple[I32, I32]:
    """Return the left and the right ids of pairs."""
    return (pairs >> 32).astype(np.int32), (pairs & 0xFFFFFFFF).astype(np.int32)
