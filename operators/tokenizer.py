"""A tokenizer as plain data: what training makes, files hold and encoding uses."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Final, Literal, Self

import numpy as np

from operators.arrays import F64, I32, I64
from operators.byte_level import byte_ids, to_bytes
from operators.errors import DataError
from operators.event_model import EventModel

UNDONE: Final = -2
"""Count of a row that undoes a merge, less the token's occurrences at that time; a merge's count is -1 or more."""


class UnusableIds(DataError):
    """Token ids that kernels cannot index by."""

    problem: str
    message = "the tokenizer cannot be used: {problem}"


@dataclass(frozen=True)
class Merges:
    """A merge list, in order: at rank i, `left[i]` followed by `right[i]` becomes `token[i]`.

    All arrays have one entry a merge; ids are int32, `count` (int64) is the pair's count when it was chosen, -1 where
    a file did not say. `token` is not always a new id: a concatenation that was a token already keeps its id.
    """

    left: I32
    right: I32
    token: I32
    count: I64

    def __len__(self) -> int:
        return len(self.left)

    def __getitem__(self, ranks: slice) -> Self:
        return type(self)(*(column[ranks] for column in self.columns))

    @property
    def columns(self) -> list[Any]:
        """The arrays, in their order."""
        return [getattr(self, one.name) for one in fields(self)]

    @property
    def id_range(self) -> tuple[int, int]:
        """The smallest and the largest id; (0, 0) without merges."""
        columns = [ids for ids in (self.left, self.right, self.token) if len(ids)]
        return min((int(ids.min()) for ids in columns), default=0), max((int(ids.max()) for ids in columns), default=0)

    @property
    def last_places(self) -> I64:
        """The ranks that count, ascending, int64: of a pair that stands more than once, the last."""
        pairs = self.left[::-1].astype(np.int64) << 32 | self.right[::-1]
        _, first = np.unique(pairs, return_index=True)
        ranks: I64 = np.sort(len(self) - 1 - first)
        return ranks

    @classmethod
    def from_rows(cls, rows: Sequence[tuple[int, int, int, int]]) -> Self:
        """Make a merge list of rows (left, right, token, count)."""
        table = np.array(rows, np.int64).reshape(-1, 4)
        left, right, token = (np.ascontiguousarray(table[:, i].astype(np.int32)) for i in range(3))
        return cls(left, right, token, np.ascontiguousarray(table[:, 3]))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """One list of several of one class, in their order."""
        if not parts:
            return cls.from_rows([])
        return type(parts[0])(*map(np.concatenate, zip(*(part.columns for part in parts), strict=True)))


def words_in(text: bytes) -> int:
    """Count the words of a token's text: its parts between spaces that are not empty, or 1.

    >>> words_in(b" of the"), words_in(b"  ")
    (2, 1)
    """
    inner = text.strip(b" ")
    return 1 + inner.count(b" ") if b"  " not in inner else sum(1 for part in inner.split(b" ") if part)


def same_merges(one: Merges, other: Merges) -> bool:
    """True if two lists are equal, counts included."""
    return type(one) is type(other) and all(map(np.array_equal, one.columns, other.columns))


@dataclass(frozen=True)
class Vocabulary:
    """Ids and the bytes that they stand for."""

    tokens: list[bytes]
    """The bytes of every token, by id (a special token's are its UTF-8; b"" where a file left an id out)."""
    byte_ids: I32
    """Ids of the 256 byte tokens, by byte value; -1, in a vocabulary of characters, where there is none."""
    special_ids: tuple[int, ...]
    """Ids of the special tokens, in their order."""
    characters: I32 | None = None
    """Ids by code point, int32[0x110000]; -1: the character is spelled with its bytes' tokens. None: all are."""
    unknown: int | None = None
    """The id of a character that has neither an id nor its bytes' tokens. None: every character has."""
    fuse_unknown: bool = True
    """True if unknown characters side by side in a word become one id, as in SentencePiece, or one each."""

    def spelled(self, token: str) -> bytes | None:
        """The bytes that a token's spelling in a file stands for; None where no text comes to it."""
        if self.characters is None:
            return to_bytes(token)
        marked = self.characters[0x20] == self.characters[0x2581] >= 0  # U+2581 marks spaces
        return (token.replace("\u2581", " ") if marked else token).encode("utf-8", "surrogatepass")


@dataclass(frozen=True)
class AddedToken:
    """A token that is looked for in a text before anything else, with Hugging Face's flags."""

    content: str
    id: int
    special: bool = True
    """True if it is markup: then text becomes it only where the encoder is told so."""
    normalized: bool = False
    """True if it is looked for in normalized text, itself normalized, instead of in the text as given."""
    lstrip: bool = False
    """True if whitespace before it goes with it."""
    rstrip: bool = False
    """True if whitespace behind it goes with it."""
    single_word: bool = False
    """True if it only counts where no letter, number, mark or underscore stands beside it."""


@dataclass(frozen=True)
class LibraryModel:
    """A tokenizer that the kernels would not encode exactly: the library that does, and the file it reads."""

    library: Literal["tokenizers", "sentencepiece"]
    content: bytes
    """The tokenizer file."""
    reason: str
    """The feature that the kernels lack for it."""
    replayable: bool
    """True if the merge list, applied to the words that the pretokenizer cuts, gives its tokens all the same."""


@dataclass(frozen=True)
class PieceModel:
    """A model that finds a word's tokens in its vocabulary, without merges: Unigram or WordPiece."""

    kind: Literal["unigram", "wordpiece"]
    texts: tuple[bytes, ...]
    """The pieces, distinct, as they stand in a word; with the prefix where WordPiece has them inside a word."""
    ids: I32
    """int32[pieces]: their ids."""
    unknown: int
    """The id of what no piece fits; -1: there is none, as there need not be with `of_bytes`."""
    scores: F64 | None = None
    """Unigram: float64[pieces], finite."""
    unknown_score: float = 0.0
    """Unigram: the score of a character that no piece is."""
    single_precision: bool = False
    """Unigram: True if sums of scores are rounded to 32 bits, as SentencePiece has them."""
    byte_ids: I32 | None = None
    """Unigram: int32[256], the tokens of an unknown character's bytes; None: it becomes the unknown token."""
    of_bytes: bool = False
    """Unigram: True if words are spelled in bytes, each of which is a piece; then nothing is unknown."""
    prefix: bytes = b""
    """WordPiece: what the spelling of pieces inside a word begins with."""
    longest: int = 100
    """WordPiece: characters of the longest word that is not unknown as a whole."""

    @property
    def name(self) -> str:
        """Name of the model, for messages."""
        return "Unigram" if self.kind == "unigram" else "WordPiece"


@dataclass(frozen=True)
class Tokenizer:
    """Special tokens take the ids 0, 1, ... in their order, then bytes (`operators.byte_level`), then merges' tokens.

    A published tokenizer may order its ids in another way: then `published` says how.
    """

    pretokenizer: str
    """All between a text and its words, as `operators.text.pretokenize.Pretokenizer` takes it: a name, a regular
    expression whose matches and gaps are the words, or a JSON object with a normalizer and a pre-tokenizer."""
    special_tokens: tuple[str, ...]
    """Special tokens, and others that are looked for in a text before anything else: `added` tells them apart."""
    merges: Merges
    published: Vocabulary | None = None
    """The ids as a file gives them; None: in training's order."""
    ignore_merges: bool = False
    """A word that is a token becomes that token, whatever the merges say (Hugging Face's option of this name)."""
    added: tuple[AddedToken, ...] = ()
    """One entry for each of `special_tokens`, in their order; (): all are special and taken as they are written."""
    library: LibraryModel | None = None
    """Library that encodes instead of the kernels; None: the kernels are exact."""
    pieces: PieceModel | None = None
    """Pieces that words are looked up in instead of being merged; then there are no merges."""
    events: EventModel | None = None
    """Merges and removals that words go through in their order; then there are no merges."""

    @property
    def added_tokens(self) -> tuple[AddedToken, ...]:
        """The special and other added tokens, in their order."""
        if self.added:
            return self.added
        named = zip(self.special_tokens, self.vocabulary.special_ids, strict=True)
        return tuple(AddedToken(content, i) for content, i in named)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Ids and the bytes that they stand for: the file's, or those that the merges give."""
        if self.published is not None:
            return self.published
        tokens = token_bytes(self.special_tokens, self.merges)
        return Vocabulary(tokens, byte_ids(self.special_tokens), tuple(range(len(self.special_tokens))))

    @property
    def byte_ids(self) -> I32:
        """Ids of the 256 byte tokens, by byte value."""
        return self.vocabulary.byte_ids

    @property
    def tokens(self) -> list[bytes]:
        """The bytes of every token, by id (a special token's are its UTF-8)."""
        return self.vocabulary.tokens

    @cached_property
    def text_tokens(self) -> dict[int, bytes]:
        """Id to the bytes of text that it stands for, by id; without special tokens that no text can become."""
        known = self.vocabulary
        used = set(self.byte_ids.tolist()) | set(self.merges.token.tolist())
        if known.characters is not None:
            used |= set(np.unique(known.characters).tolist())
        if self.pieces is not None:
            used |= set(self.pieces.ids.tolist())
        if self.events is not None:
            used |= set(self.events.made.tolist())
        special = dict(zip(known.special_ids, self.special_tokens, strict=True))
        texts: dict[int, bytes] = {}
        for i, token in enumerate(self.tokens):
            text = token if i not in special else (known.spelled(special[i]) or b"") if i in used else b""
            if text:
                texts[i] = text
        return texts

    @property
    def without_merges(self) -> str | None:
        """Name of the model, if it is one that has no merge list; for messages."""
        model = self.pieces or self.events
        return None if model is None else model.name

    def truncated(self, size: int) -> "Tokenizer":
        """Return what training to `size` tokens gives: the merges up to the one that made the last of them.

        A merge whose concatenation is a token already makes none, so training that is full ends before it. `size` must
        be above all ids that training did not make; a tokenizer with fewer tokens is given back whole.
        """
        last = np.flatnonzero(self.merges.token == size - 1)
        merges = self.merges[: int(last[0]) + 1] if len(last) else self.merges
        old = self.published
        if old is None:
            return replace(self, merges=merges)
        return replace(self, merges=merges, published=replace(old, tokens=old.tokens[:size]))


class NotReplayable(DataError):
    """A tokenizer whose merges say too little of what it does."""

    name: str
    reason: str
    message = "tokenizer {name} can encode, but its merge list cannot be replayed on words: {reason}"


def require_replayable(tokenizer: Tokenizer, name: str) -> None:
    """Raise NotReplayable unless merges applied to words give the tokenizer's tokens; `name` is for the message.

    What replays merges needs it: mixture inference, vocabulary sizes, extending. Encoding does not.
    """
    if (model := tokenizer.without_merges) is not None:
        raise NotReplayable(name, f"it is a {model} model, which has no merge list")
    if tokenizer.library is not None and not tokenizer.library.replayable:
        raise NotReplayable(name, tokenizer.library.reason)


def initial_tokens(special_tokens: Sequence[str]) -> list[bytes]:
    """The bytes of the tokens before any merge, by id: special tokens (their UTF-8), then byte tokens."""
    ids = byte_ids(special_tokens)
    tokens = [special.encode() for special in special_tokens] + [b""] * (int(ids.max()) + 1 - len(special_tokens))
    for byte in range(256):
        if ids[byte] >= len(special_tokens):
            tokens[ids[byte]] = bytes([byte])
    return tokens


def known_tokens(special_tokens: Sequence[str]) -> dict[bytes, int]:
    """Bytes to id before any merge, as text can spell them: a special token counts when the alphabet can write it."""
    known = {bytes([byte]): int(token) for byte, token in enumerate(byte_ids(special_tokens))}
    for i, special in enumerate(special_tokens):
        spelled = to_bytes(special)
        if spelled is not None:
            known.setdefault(spelled, i)
    return known


def token_bytes(special_tokens: Sequence[str], merges: Merges) -> list[bytes]:
    """The bytes of every token, by id."""
    tokens = initial_tokens(special_tokens)
    spelled = {token: i for token, i in known_tokens(special_tokens).items() if i < len(special_tokens)}
    texts = list(tokens)  # a special token may spell text
    for text, i in spelled.items():
        texts[i] = text
    for left, right, token in zip(merges.left.tolist(), merges.right.tolist(), merges.token.tolist(), strict=True):
        if token == len(texts):
            texts.append(texts[left] + texts[right])
    return tokens + texts[len(tokens) :]
