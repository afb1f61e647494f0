"""Encoding with the library that a tokenizer file was made for, where the kernels would not be exact."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa

from operators.arrays import I32, I64
from operators.errors import DataError, UsageError
from operators.tokenizer import LibraryModel


class LibraryFailed(DataError):
    """A library that gave up on a text, or on a tokenizer file before that."""

    library: str
    reason: str
    message = "{library} cannot encode this text, or with this tokenizer: {reason}"


class LibraryMissing(UsageError):
    """A tokenizer that only a library encodes which is not installed."""

    library: str
    reason: str
    message = "this tokenizer has {reason}, which takes the package {library}: pip install {library}"


class NoSpecialIds(UsageError):
    """SentencePiece never takes text for a control token."""

    reason: str
    message = "special ids of text: this tokenizer has {reason}, so sentencepiece encodes, which has none"


class LibraryEncoder:
    """Encodes a list of texts at a time: a Python object for each, some 3 MB/s."""

    method: str
    """The library and its version."""

    def __init__(self, model: LibraryModel, *, special_ids: bool) -> None:
        make = _tokenizers if model.library == "tokenizers" else _sentencepiece
        with failing(model.library):
            self.method, self._ids = make(model, special_ids)

    def encode(self, text: pa.LargeStringArray) -> tuple[I32, I64]:
        """Token ids of all documents, int32, and where each document's begin and end, int64[n documents + 1]."""
        with failing(self.method):
            ids = self._ids(text.to_pylist())
        offsets = np.zeros(len(ids) + 1, np.int64)
        np.cumsum([len(one) for one in ids], out=offsets[1:])
        return np.fromiter((i for one in ids for i in one), np.int32, int(offsets[-1])), offsets


@contextmanager
def failing(library: str) -> Iterator[None]:
    """Turn the errors and panics of a library into LibraryFailed."""
    try:
        yield
    except UsageError:
        raise
    except BaseException as error:  # a panic in Rust is no Exception
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise LibraryFailed(library, (str(error).splitlines() or [type(error).__name__])[0]) from None


def _tokenizers(model: LibraryModel, special_ids: bool) -> tuple[str, Callable[[list[str]], list[list[int]]]]:
    import tokenizers

    encoder: Any = tokenizers.Tokenizer.from_buffer(model.content)
    encoder.no_truncation()
    encoder.no_padding()
    encoder.encode_special_tokens = not special_ids

    def ids(texts: list[str]) -> list[list[int]]:
        return [one.ids for one in encoder.encode_batch_fast(texts, add_special_tokens=False)]

    return f"tokenizers {tokenizers.__version__}", ids


def _sentencepiece(model: LibraryModel, special_ids: bool) -> tuple[str, Callable[[list[str]], list[list[int]]]]:
    if special_ids:
        raise NoSpecialIds(model.reason)
    try:
        import sentencepiece
    except ImportError:
        raise LibraryMissing("sentencepiece", model.reason) from None
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.content)
    return f"sentencepiece {sentencepiece.__version__}", processor.encode
