"""Text to token ids: added tokens, normalization, pre-tokenization, then the merges, word by word.

Text is ordinary text unless the encoder is told otherwise: what looks like a special token in it is encoded as the
characters it is made of. Added tokens that are not special are part of the vocabulary, and text always becomes them.
"""

import hashlib
from typing import Final

import numpy as np
import pyarrow as pa

from operators.arrays import I32, I64, U64
from operators.encoding.added_tokens import Segments, TokenFinder
from operators.encoding.library_encoder import LibraryEncoder
from operators.encoding.parts import SuperwordEncoder, joins_words
from operators.encoding.segmentation import MERGES, Segmentation
from operators.encoding.word_encoder import WordEncoder
from operators.errors import UsageError
from operators.text.pretokenize import Pretokenizer
from operators.tokenizer import AddedToken, Tokenizer


class MergesOnly(UsageError):
    """Another inference for a tokenizer that a library encodes."""

    inference: str
    reason: str
    message = "inference {inference}: this tokenizer has {reason}, so its library encodes, by merges alone"


class WithoutMerges(UsageError):
    """Another inference, for a tokenizer that has no merge list."""

    inference: str
    model: str
    message = "inference {inference}: a {model} model has one way to encode; leave it out"


class Encoder:
    """Encodes with one tokenizer. It remembers words (56 MiB), so each thread needs an encoder of its own.

    special_ids: whether text that spells a special token becomes that token's id. inference: how a word becomes tokens;
    seed (0 to 2^64 - 1): what a random one draws from. Raises MergesOnly, WithoutMerges, LibraryMissing, NoSpecialIds.
    """

    method: str
    """Encoder of the text: "kernels", or a library and its version; and the library that cuts words, if one does."""

    def __init__(
        self, tokenizer: Tokenizer, *, special_ids: bool = False, inference: Segmentation = MERGES, seed: int = 0
    ) -> None:
        self._library: LibraryEncoder | None = None
        self._is_random = inference.is_random
        if (model := tokenizer.without_merges) is not None and inference.name != MERGES.name:
            raise WithoutMerges(str(inference), model)
        if tokenizer.library is not None:
            if inference.name != MERGES.name:
                raise MergesOnly(str(inference), tokenizer.library.reason)
            self._library = LibraryEncoder(tokenizer.library, special_ids=special_ids)
            self.method = self._library.method
            return
        self._pretokenizer = Pretokenizer(tokenizer.pretokenizer)
        cuts = self._pretokenizer.library
        self.method = "kernels" if cuts is None else f"kernels; words cut by {cuts}"
        self._words: WordEncoder | SuperwordEncoder = (
            SuperwordEncoder(tokenizer)
            if inference.name == MERGES.name and joins_words(tokenizer)
            else WordEncoder(tokenizer, inference, seed)
        )
        normalizer = self._pretokenizer.normalizer
        raw = [token for token in tokenizer.added_tokens if not token.normalized]
        late = [token for token in tokenizer.added_tokens if token.normalized]
        self._raw = _finder(raw, [token.content for token in raw], special_ids)
        self._late = _finder(late, normalizer.patterns([token.content for token in late]), special_ids)

    def encode(self, text: pa.LargeStringArray, ids: pa.StringArray | None = None) -> tuple[I32, I64]:
        """Token ids of all documents, int32, and where each document's begin and end, int64[n documents + 1].

        ids: the documents' ids, which a random inference needs: tokens are a function of the seed, id and text alone.

        Raises ValueError for a batch with nulls, or of 2 GiB of text and more: positions in a word are 32 bits wide.
        """
        if text.nbytes >= 1 << 31:
            raise ValueError(f"a batch of {text.nbytes} bytes; encode less than 2 GiB at once")
        if text.null_count:
            raise ValueError(f"{text.null_count} of {len(text)} documents are null")
        if self._library is not None:
            return self._library.encode(text)
        parts, normalizer = Segments.whole(text), self._pretokenizer.normalizer
        if self._raw is not None:
            parts = self._raw.isolate(parts)
        if not normalizer.changes_nothing:
            parts = Segments(normalizer.normalize(parts.text, parts.opening), parts.ids, parts.documents)
        if self._late is not None:
            parts = self._late.isolate(parts)
        keys = part_keys(ids, parts.documents) if self._is_random and ids is not None else None
        if not parts.have_tokens:
            return self._words.encode(self._pretokenizer.split_normalized(parts.text), keys)
        return _put_in(parts, *self._words.encode(self._pretokenizer.split_normalized(parts.text, parts.opening), keys))

    def count(self, text: pa.LargeStringArray) -> I64:
        """Tokens per document, int64[n documents]."""
        return np.diff(self.encode(text)[1])


def part_keys(ids: pa.StringArray, documents: I64) -> U64:
    """uint64, a key for each part of each document: hashes of the document's id and the part's number."""
    digests = b"".join(hashlib.blake2b(i.encode(), digest_size=8).digest() for i in ids.to_pylist())
    lengths = np.diff(documents)
    numbers = np.arange(documents[-1]) - np.repeat(documents[:-1], lengths)
    keys = np.repeat(np.frombuffer(digests, "<u8").astype(np.uint64), lengths)
    return keys + numbers.astype(np.uint64) * _ODD  # wraps around: only equal keys must stay equal


_ODD: Final = np.uint64(0x9E3779B97F4A7C15)
"""2^64 divided by the golden ratio: multiples of it lie far apart."""


def _finder(tokens: list[AddedToken], patterns: list[str], special_ids: bool) -> TokenFinder | None:
    """Return a finder of these tokens; None where text becomes none of them."""
    finder = TokenFinder(tokens, patterns, special_ids=special_ids)
    return finder if finder.finds_any else None


def _put_in(parts: Segments, ids: I32, offsets: I64) -> tuple[I32, I64]:
    """The documents' ids, added tokens among them; ids, offsets: those of the parts' text."""
    are_tokens = parts.ids >= 0
    before = np.zeros(len(are_tokens) + 1, np.int64)
    np.cumsum(are_tokens, out=before[1:])
    whole = np.empty(len(ids) + int(before[-1]), np.int32)
    are_text = np.ones(len(whole), np.bool_)
    places = (offsets + before)[:-1][are_tokens]
    are_text[places] = False
    whole[places] = parts.ids[are_tokens]
    whole[are_text] = ids
    return whole, (offsets + before)[parts.documents]
