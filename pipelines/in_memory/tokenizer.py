"""A tokenizer for programs and notebooks: load, encode, decode, save."""

import os
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from operators.arrays import I32, I64
from operators.encoding.decode import Decoder, TokenOutOfRange, TokenWithoutText
from operators.errors import UsageError
from operators.tokenizer import Tokenizer as TokenizerData
from operators.tokenizer_files.decoding import TokenizerFile, decoding_of
from operators.tokenizer_files.errors import InexpressibleTokenizer
from pipelines.engines.local_engine import processors
from pipelines.in_memory.encoders import Encoders, SpecialTokensInText
from pipelines.in_memory.ids import Ids, checked_offsets, whole_numbers
from pipelines.in_memory.texts import InvalidText, NotText, Texts, text_batches
from pipelines.outputs import MANIFEST, MARKER, replacing, writing
from pipelines.settings import BadSettings
from pipelines.tokenizers import (
    MERGES,
    RANKS,
    TIKTOKEN,
    TOKENIZER_CONFIG,
    TOKENIZER_JSON,
    Saved,
    merges_table,
    read_tokenizer,
    save_config,
    save_tokenizer,
)

MERGES_SHOWN: Final = 8


class DirectoryInUse(UsageError):
    """A directory that a command writes to, which a tokenizer is to be saved in."""

    path: str
    message = "{path} holds the output of a command, with a manifest of its files; save the tokenizer elsewhere"


class Tokenizer:
    """A byte-pair-encoding tokenizer: load one, or train one with `babelmerge.train`.

    Encoding and decoding give the ids, bytes and texts of the library that a file belongs to (`tokenizers`, tiktoken,
    SentencePiece). Safe to share between threads: encoding releases Python's global lock. It can be pickled. Each
    thread that encodes holds 56 MiB, which remember words.

    >>> import babelmerge as bm
    >>> tokenizer = bm.train(["the cat", "the hat", "the cat sat"], vocab_size=262)
    >>> ids = tokenizer.encode("the cat sat")
    >>> [tokenizer.token_bytes(i) for i in ids]
    [b'the', b' cat', b' ', b's', b'at']
    >>> tokenizer.decode(ids)
    'the cat sat'
    """

    name: str
    """The reference that it was loaded from, or "trained"."""
    data: TokenizerData
    """Merges, vocabulary and pre-tokenizer as plain data."""

    def __init__(self, data: TokenizerData, *, name: str = "trained", file: TokenizerFile | None = None) -> None:
        self.name, self.data, self._file = name, data, file
        self._encoders = Encoders(data, name)

    @classmethod
    def load(cls, reference: str | os.PathLike[str]) -> "Tokenizer":
        """Load what `--tokenizer` takes.

        reference: a directory that `train` wrote or `save` filled, a tokenizer.json, a tekken .json, a SentencePiece
        .model, or a .tiktoken file, as `FILE.tiktoken,pretokenizer=NAME` unless its name says the pre-tokenizer.

        Raises MissingTokenizer, BadReference, UnsupportedTokenizer, MalformedTokenizer, BadPattern.

        >>> import babelmerge as bm
        >>> bm.Tokenizer.load("gpt2.json").vocab_size
        50257
        """
        data, file = read_tokenizer(os.fspath(reference))
        return cls(data, name=os.fspath(reference), file=file)

    @property
    def vocab_size(self) -> int:
        """Number of ids: one more than the largest."""
        return len(self.data.tokens)

    @property
    def special_tokens(self) -> dict[str, int]:
        """Special tokens and their ids, in their order."""
        return {token.content: token.id for token in self.data.added_tokens if token.special}

    @property
    def pretokenizer(self) -> str:
        """Name, regular expression or JSON of what cuts text before merges, as `--pretokenizer` takes it."""
        return self.data.pretokenizer

    @property
    def merges(self) -> pa.Table:
        """The merge list, one row a merge: rank, left, right, token (int32), count (int64, -1: not known), and the
        bytes left_bytes, right_bytes, token_bytes."""
        return merges_table(self.data)

    def token_bytes(self, token: int) -> bytes:
        """Return the bytes of text that one token stands for; for a special token, its name as UTF-8.

        Raises TokenOutOfRange, TokenWithoutText.

        >>> import babelmerge as bm
        >>> bm.train(["ü"], vocab_size=257).token_bytes(256)
        b'\\xc3\\xbc'
        """
        if not 0 <= token < self.vocab_size:
            raise TokenOutOfRange(int(token), 0, self.vocab_size - 1)
        if not (found := self.data.tokens[token]):
            raise TokenWithoutText(int(token), 0)
        return found

    def encode(self, text: str, *, special_tokens_in_text: SpecialTokensInText = "text") -> I32:
        """Return the token ids of one text, int32[tokens]. No token is put before or behind it.

        special_tokens_in_text: "text" encodes the name of a special token like any other text; "ids" gives the token.

        Raises NotText, InvalidText, NoSpecialTokens; LibraryMissing, LibraryFailed, NoSpecialIds where only a file's
        own library encodes exactly; PatternGaveUp.

        >>> import babelmerge as bm
        >>> tokenizer = bm.train(["a b"], vocab_size=258, special_tokens=["<s>"], min_pair_count=2)
        >>> tokenizer.encode("<s>a"), tokenizer.encode("<s>a", special_tokens_in_text="ids")
        (array([28, 83, 30, 65], dtype=int32), array([ 0, 65], dtype=int32))
        """
        if not isinstance(text, str):
            raise NotText(f"one {type(text).__name__}")
        try:
            batch = pa.array([text], pa.large_string())
        except UnicodeEncodeError as error:
            raise InvalidText(str(error)) from None
        with self._encoders.lend(special_tokens_in_text) as encoder:
            return encoder.encode(batch)[0]

    def encode_batch(
        self, texts: Texts, *, special_tokens_in_text: SpecialTokensInText = "text", threads: int | None = None
    ) -> tuple[I32, I64]:
        """Return the token ids of many texts in one array, and the texts' borders in it.

        texts: strings, or a column of text of Arrow, Polars or pandas. threads: how many encode side by side; None: one
        for each processor.

        The ids are int32[tokens], the offsets int64[texts + 1]: text i became `ids[offsets[i]:offsets[i + 1]]`.
        No Python object is made for a text or a token.

        Raises NullText, TextTooLong, and as `encode`.

        >>> import babelmerge as bm
        >>> tokenizer = bm.train(["a b"], vocab_size=257, min_pair_count=2)
        >>> tokenizer.encode_batch(["ab", "", "c"])
        (array([64, 65, 66], dtype=int32), array([0, 2, 2, 3]))
        """
        if threads is not None and threads < 1:
            raise BadSettings("threads", f"{threads} is less than 1")
        ids, lengths = [np.empty(0, np.int32)], [np.zeros(1, np.int64)]
        for own, offsets in self._encoders.encode(text_batches(texts), special_tokens_in_text, threads or processors()):
            ids.append(own)
            lengths.append(np.diff(offsets))
        return (ids[1] if len(ids) == 2 else np.concatenate(ids)), np.cumsum(np.concatenate(lengths))

    def decode(self, ids: Ids) -> str:
        """Return the text of token ids, special tokens written out.

        Bytes that are not UTF-8, as where ids split a character, become U+FFFD as in the file's own library.

        Raises TokenOutOfRange, TokenWithoutText, NotIds; LibraryMissing, LibraryFailed.

        >>> import babelmerge as bm
        >>> tokenizer = bm.train(["a"], vocab_size=257)
        >>> ids = tokenizer.encode("é")
        >>> tokenizer.decode(ids), tokenizer.decode(ids[:1])
        ('é', '\\ufffd')
        """
        numbers = whole_numbers("ids", ids)
        return str(self._decoder.decode_batch(numbers, np.array([0, len(numbers)], np.int64))[0])

    def decode_bytes(self, ids: Ids) -> bytes:
        """Return the bytes that token ids stand for: of a byte-level tokenizer also where they split a character.

        Of a model of characters (SentencePiece and the like), the UTF-8 of what `decode` returns. Errors as `decode`.

        >>> import babelmerge as bm
        >>> tokenizer = bm.train(["a"], vocab_size=257)
        >>> tokenizer.decode_bytes(tokenizer.encode("é")[:1])
        b'\\xc3'
        """
        return self._decoder.decode_bytes(whole_numbers("ids", ids))

    def decode_batch(self, ids: Ids, offsets: Ids) -> pa.LargeStringArray:
        """Return the texts of many documents, large_string[documents]: the inverse of `encode_batch`.

        ids, offsets: as `encode_batch` returns them; document d is `ids[offsets[d]:offsets[d + 1]]`.
        Invalid UTF-8 becomes U+FFFD as in `decode`. Raises BadOffsets, and as `decode`.

        >>> import babelmerge as bm
        >>> tokenizer = bm.train(["a"], vocab_size=257)
        >>> tokenizer.decode_batch(*tokenizer.encode_batch(["ab", "", "c"])).to_pylist()
        ['ab', '', 'c']
        """
        numbers = whole_numbers("ids", ids)
        borders = checked_offsets(offsets, len(numbers))
        return self._decoder.decode_batch(numbers[borders[0] : borders[-1]], borders - borders[0])

    def save(self, directory: str | os.PathLike[str]) -> Saved:
        """Write a tokenizer directory, which `load` and `--tokenizer` take; return the names of its files.

        tokenizer.json is the file that was loaded, where it was one; ranks.tiktoken is left out where tiktoken would
        encode otherwise (`without_ranks` says why); merges.parquet is there where the kernels encode.

        Raises InexpressibleTokenizer (a SentencePiece model), DirectoryInUse, WriteFailed.

        >>> import babelmerge as bm
        >>> bm.train(["a b"], vocab_size=257).save("tok").files
        ['merges.parquet', 'ranks.tiktoken', 'tiktoken.json', 'tokenizer.json', 'tokenizer_config.json']
        >>> bm.Tokenizer.load("tok").vocab_size
        257
        """
        path = Path(directory).expanduser()
        if (path / MANIFEST).exists() or (path / MARKER).exists():
            raise DirectoryInUse(str(path))
        with writing(path):
            path.mkdir(parents=True, exist_ok=True)
        if self._file is None or self._file.format != "tokenizers":
            return save_tokenizer(self.data, path)
        try:
            saved = save_tokenizer(self.data, path)
        except InexpressibleTokenizer as error:
            for name in (RANKS, TIKTOKEN, MERGES):
                (path / name).unlink(missing_ok=True)
            save_config(path)
            saved = Saved([TOKENIZER_JSON, TOKENIZER_CONFIG], error.reason)
        with replacing(path / TOKENIZER_JSON) as part:
            part.write_bytes(self._file.content)
        return saved

    @cached_property
    def _decoder(self) -> Decoder:
        return Decoder(decoding_of(self.data, self._file))

    def __getstate__(self) -> dict[str, Any]:
        return {"data": self.data, "name": self.name, "file": self._file}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Tokenizer.__init__(self, **state)

    def __repr__(self) -> str:
        return f"<Tokenizer {self.name!r}: {self.vocab_size:,} tokens, {len(self.data.merges):,} merges>"

    def _repr_html_(self) -> str:
        shown = [token.decode("utf-8", "backslashreplace") for token in self.data.text_tokens.values()][-MERGES_SHOWN:]
        rows = {
            "tokens": f"{self.vocab_size:,}",
            "merges": f"{len(self.data.merges):,}",
            "pre-tokenizer": self.pretokenizer if len(self.pretokenizer) <= 80 else f"{self.pretokenizer[:80]}...",
            "special tokens": ", ".join(list(self.special_tokens)[:MERGES_SHOWN]) or "none",
            "last tokens": " ".join(repr(token) for token in shown),
        }
        body = "".join(f"<tr><th>{name}</th><td>{escape(value)}</td></tr>" for name, value in rows.items())
        return f"<p><b>Tokenizer</b> {escape(self.name)}</p><table>{body}</table>"
