"""Check of a converted tokenizer: it is read back, and compared with the one that was given."""

import random
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa

from operators.arrays import I32, I64
from operators.encoding.encode import Encoder
from operators.encoding.library_encoder import LibraryEncoder, LibraryMissing
from operators.errors import DataError
from operators.tokenizer import LibraryModel, Tokenizer
from operators.tokenizer_files.decoding import TokenizerFile
from operators.tokenizer_files.final_merges import final_merges
from operators.tokenizer_files.sentencepiece_output import UNKNOWN_NAME

TEXTS: Final = 4_000
"""Random texts that are encoded."""
TOKENS: Final = 4_000
"""Tokens whose texts are encoded, each by itself: evenly taken from all."""
PLAIN: Final = (
    "", " ", "  two  spaces ", "\n\r\n\t x", "It's 12345, isn't it?", "ΑΒΓ жизнь 漢字かな ไทย नमस्ते 👍🏽",
    "e\u0301\u0323 ﬁ ①",
    "\u2581 \u2581a", "<s>a</s><|endoftext|><unk>", "\x00\x7f\u2028\ufeff", "a" * 300, " " * 90 + "x",
)  # fmt: skip
EDGES: Final = (0, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFD, 0xFFFF, 0x10000, 0x10FFFF)


class UnequalConversion(DataError):
    """A conversion that the check found to give other tokens: nothing is written."""

    file_format: str
    what: str
    message = "this tokenizer cannot be written as {file_format}: read back, it has {what}"


def check(given: Tokenizer, written: Tokenizer, file: TokenizerFile, name: str) -> dict[str, Any]:
    """Compare a written tokenizer with the given one; return what was compared, for the manifest.

    name: of the format. Compared are tokens and special tokens by id, the merges that encoding applies, and the ids of
    texts, by our encoder of either and by the library of the file where there is one. Raises UnequalConversion.
    """
    if _vocabulary(given) != _vocabulary(written):
        raise UnequalConversion(name, "other tokens")
    counts = {"tokens": sum(map(bool, written.tokens))}
    if given.library is None and written.library is None:
        ours, theirs = final_merges(given), final_merges(written)
        for column in ("left", "right", "token"):
            if not np.array_equal(getattr(ours, column), getattr(theirs, column)):
                raise UnequalConversion(name, "other merges")
        counts["merges"] = len(ours)
    texts = pa.array(list(_texts(given)), pa.large_string())
    expected = Encoder(given).encode(texts)
    encoders = [Encoder(written)]
    readers = [encoders[0].method]
    for encoder in _library(file):
        _require_equal(expected, encoder.encode(texts), texts, name)
        readers.append(encoder.method.split()[0])
    _require_equal(expected, encoders[0].encode(texts), texts, name)
    return {**counts, "texts": len(texts), "text_tokens": len(expected[0]), "encoders": readers}


def _vocabulary(tokenizer: Tokenizer) -> tuple[list[bytes], dict[str, int]]:
    """Tokens by id, and ids of added tokens. The unknown token is one of those in some formats, in others it is not."""
    tokens = list(tokenizer.tokens)
    while tokens and not tokens[-1]:
        tokens.pop()
    return tokens, {token.content: token.id for token in tokenizer.added_tokens if token.content != UNKNOWN_NAME}


def _library(file: TokenizerFile) -> Iterator[LibraryEncoder]:
    """The library of the file, where it is installed and has a way in."""
    if file.format in ("tokenizers", "sentencepiece"):
        try:
            yield LibraryEncoder(LibraryModel(file.format, file.content, "", replayable=False), special_ids=False)
        except LibraryMissing:
            return


def _require_equal(expected: tuple[I32, I64], found: tuple[I32, I64], texts: pa.LargeStringArray, name: str) -> None:
    (ids, ends), (other, other_ends) = expected, found
    if np.array_equal(ids, other) and np.array_equal(ends, other_ends):
        return
    for i, text in enumerate(texts.to_pylist()):
        if ids[ends[i] : ends[i + 1]].tolist() != other[other_ends[i] : other_ends[i + 1]].tolist():
            raise UnequalConversion(name, f"other ids for {text[:40]!r}")


def _texts(tokenizer: Tokenizer) -> Iterator[str]:
    """Texts to encode, the same at each run: plain ones, tokens' own, and random joins of tokens and characters."""
    yield from PLAIN
    tokens = [token.decode("utf-8", "ignore") for token in tokenizer.tokens]
    yield from tokens[:: max(1, len(tokens) // TOKENS)]
    drawn = random.Random(0)
    for _ in range(TEXTS):
        parts = drawn.choices(tokens, k=drawn.randrange(1, 12))
        if drawn.random() < 0.3:
            parts.append(chr(drawn.choice((*EDGES, drawn.randrange(0x20, 0xD800)))))
        drawn.shuffle(parts)
        yield "".join(parts)
