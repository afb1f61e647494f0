"""Tokenizer directories and files: what train writes, and everything a `--tokenizer` may name.

A directory loads in three libraries: tokenizer.json in `tokenizers`, with tokenizer_config.json in `transformers`
(`AutoTokenizer.from_pretrained`), ranks.tiktoken in `tiktoken`; merges.parquet is for people and for loading it again.
"""

import hashlib
import re
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from operators.errors import DataError, UsageError
from operators.text.pretokenize import Pretokenizer, format_preprocessing, parse_preprocessing
from operators.text.pretokenizers import NAMES, PRETOKENIZERS
from operators.tokenizer import Merges, Tokenizer
from operators.tokenizer_files.decoding import TokenizerFile
from operators.tokenizer_files.errors import InexpressibleTokenizer, MalformedTokenizer
from operators.tokenizer_files.hugging_face import from_json
from operators.tokenizer_files.hugging_face_output import to_json
from operators.tokenizer_files.sentencepiece import from_model
from operators.tokenizer_files.tekken import from_tekken, is_tekken
from operators.tokenizer_files.tiktoken import from_tiktoken, to_tiktoken
from pipelines.corpus.parquet_pages import LARGEST_PAGE_BYTES, column_chunks, largest_page
from pipelines.outputs import MANIFEST, MARKER, replacing

TOKENIZER_JSON: Final = "tokenizer.json"
TOKENIZER_CONFIG: Final = "tokenizer_config.json"
RANKS: Final = "ranks.tiktoken"
MERGES: Final = "merges.parquet"
TOKENIZER_FILES: Final = (TOKENIZER_JSON, TOKENIZER_CONFIG, RANKS, MERGES)
"""What a tokenizer directory holds, besides its manifest."""

KNOWN_PRETOKENIZERS: Final = {stem: name for name, row in PRETOKENIZERS.items() for stem in row.rank_files}
"""Stem of a .tiktoken file to the pre-tokenizer that its publisher uses with it."""

MAX_FILE_BYTES: Final = 64 << 20
"""Larger files are taken for something else than a tokenizer; the largest published ones have 35 MB."""

MAX_MERGES: Final = 1 << 22
"""Rows of a merges.parquet, which may be compressed by any factor."""

MERGES_SCHEMA: Final = pa.schema(
    [pa.field(name, pa.int32(), nullable=False) for name in ("rank", "left", "right", "token")]
    + [pa.field("count", pa.int64(), nullable=False)]
    + [pa.field(name, pa.binary(), nullable=False) for name in ("left_bytes", "right_bytes", "token_bytes")]
)
"""One row a merge; ids, then the count when it was chosen (-1: not known), then what the ids stand for."""


class MissingTokenizer(DataError):
    """No tokenizer where one was named."""

    path: str
    reason: str
    message = (
        "{path}: {reason}; name a directory that train wrote, a tokenizer.json, a .tiktoken file, a tekken .json or a "
        "SentencePiece .model"
    )


class BadReference(UsageError):
    """A `--tokenizer` that leaves open how text is cut, or says it where the file does."""

    reference: str
    reason: str
    message = "tokenizer {reference}: {reason}"


@dataclass(frozen=True)
class Saved:
    """What was written into a tokenizer directory."""

    files: list[str]
    """Names, sorted."""
    without_ranks: str | None
    """Why there is no ranks.tiktoken; None: there is one."""


def save_tokenizer(tokenizer: Tokenizer, directory: Path) -> Saved:
    """Write a tokenizer directory; each of its files appears whole or not at all.

    ranks.tiktoken is left out, and an old one removed, where tiktoken would encode in another way
    (`operators.tokenizer_files.tiktoken.to_tiktoken`).

    Raises:
        InexpressibleTokenizer: not even tokenizer.json can hold it.
        WriteFailed: the disk is full, or may not be written to.
    """
    without_ranks = None
    contents = {TOKENIZER_JSON: to_json(tokenizer).encode(), TOKENIZER_CONFIG: _CONFIG}
    try:
        contents[RANKS] = to_tiktoken(tokenizer)
    except InexpressibleTokenizer as error:
        without_ranks = error.reason
        (directory / RANKS).unlink(missing_ok=True)
    for name, content in contents.items():
        with replacing(directory / name) as part:
            part.write_bytes(content)
    with replacing(directory / MERGES) as part:
        pq.write_table(merges_table(tokenizer), part, compression="zstd")
    return Saved(sorted([*contents, MERGES]), without_ranks)


_CONFIG: Final = (
    msgspec.json.format(
        msgspec.json.encode({"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False})
    )
    + b"\n"
)


def save_config(directory: Path) -> None:
    """Write tokenizer_config.json, which `transformers` needs beside a tokenizer.json."""
    with replacing(directory / TOKENIZER_CONFIG) as part:
        part.write_bytes(_CONFIG)


def merges_table(tokenizer: Tokenizer) -> pa.Table:
    """The merge list as merges.parquet holds it (MERGES_SCHEMA)."""
    merges, texts = tokenizer.merges, tokenizer.text_tokens
    columns: list[Any] = [np.arange(len(merges), dtype=np.int32), merges.left, merges.right, merges.token, merges.count]
    columns += [[texts[i] for i in ids.tolist()] for ids in (merges.left, merges.right, merges.token)]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, MERGES_SCHEMA, strict=True)]
    return pa.table(arrays, schema=MERGES_SCHEMA)


def load_tokenizer(reference: str) -> Tokenizer:
    """The tokenizer that a reference names: a directory, a tokenizer.json, .tiktoken, tekken .json or .model file.

    A .tiktoken file does not say how text is cut into words: KNOWN_PRETOKENIZERS does for well-known names, else
    `FILE,pretokenizer=NAME` (or a regular expression in the name's place).

    Raises:
        MissingTokenizer, BadReference, UnsupportedTokenizer, MalformedTokenizer, BadPattern: each one line.
    """
    return read_tokenizer(reference)[0]


def read_tokenizer(reference: str) -> tuple[Tokenizer, TokenizerFile]:
    """Load a tokenizer as `load_tokenizer` does; return it with the file it was read from, which says how to decode."""
    name, given, pretokenizer = reference.partition(",pretokenizer=")
    path = Path(name)
    if path.is_dir():
        if given:
            raise BadReference(reference, "only a .tiktoken file takes a pretokenizer; leave it out")
        return _load_directory(path)
    content = _read(path)
    if path.suffix == ".tiktoken" or (path.suffix == ".model" and _RANKS_LINE.match(content)):
        cut_by = _named_pretokenizer(reference, path, pretokenizer if given else None)
        return from_tiktoken(content, name, cut_by), TokenizerFile("tiktoken", content)
    if given:
        raise BadReference(reference, "only a .tiktoken file takes a pretokenizer; leave it out")
    if path.suffix == ".model":
        return from_model(content, name), TokenizerFile("sentencepiece", content)
    if is_tekken(content):
        return from_tekken(content, name), TokenizerFile("tekken", content)
    return from_json(content, name), TokenizerFile("tokenizers", content)


_RANKS_LINE: Final = re.compile(rb"[A-Za-z0-9+/]+={0,2} \d+\r?\n")
"""How a .tiktoken file begins; some are published as tokenizer.model."""


def _named_pretokenizer(reference: str, path: Path, given: str | None) -> str:
    if given is None and path.stem in KNOWN_PRETOKENIZERS:
        return KNOWN_PRETOKENIZERS[path.stem]
    if not given:
        known, names = ", ".join(KNOWN_PRETOKENIZERS), ", ".join(NAMES)
        raise BadReference(
            reference,
            f"a .tiktoken file does not hold its pre-tokenizer, and only the names {known} imply it; "
            f"say {path},pretokenizer=NAME with one of {names} or a regular expression",
        )
    return Pretokenizer(given).pattern


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)  # not its size, which devices and pipes do not have
        if len(content) > MAX_FILE_BYTES:
            raise MalformedTokenizer(str(path), f"it has more than {MAX_FILE_BYTES:,} bytes")
        return content
    except OSError as error:
        raise MissingTokenizer(str(path), error.strerror or str(error)) from error


def _load_directory(directory: Path) -> tuple[Tokenizer, TokenizerFile]:
    """tokenizer.json, with the counts and the full list of merges.parquet where that is there."""
    if (directory / MARKER).is_file() and not (directory / MANIFEST).is_file():
        raise MissingTokenizer(str(directory), "the run that writes here has not finished: run it (again)")
    if not (directory / TOKENIZER_JSON).is_file():
        raise MissingTokenizer(str(directory), f"the directory holds no {TOKENIZER_JSON}")
    file = TokenizerFile("tokenizers", _read(directory / TOKENIZER_JSON))
    read = from_json(file.content, str(directory / TOKENIZER_JSON))
    path = directory / MERGES
    if not path.is_file():
        return read, file
    try:
        _check_merges(path)
        parquet = pq.ParquetFile(path)
        table = parquet.read(["rank", "left", "right", "token", "count"]).sort_by("rank")
        columns = [table.column(name).to_numpy() for name in ("left", "right", "token", "count")]
        left, right, token = (np.ascontiguousarray(column, np.int32) for column in columns[:3])
        merges = Merges(left, right, token, np.ascontiguousarray(columns[3], np.int64))
    except (pa.ArrowException, OSError, KeyError, ValueError, TypeError) as error:
        raise MalformedTokenizer(str(path), f"no merge list ({str(error).splitlines()[0]})") from error
    if _effective(merges) != _effective(read.merges):
        raise MalformedTokenizer(str(path), f"its merges are not those of {TOKENIZER_JSON} beside it")
    plain = not (read.ignore_merges or read.added or read.library)
    if plain and _in_training_order(read, merges):
        return Tokenizer(read.pretokenizer, read.special_tokens, merges), file
    return replace(read, merges=merges), file


def _check_merges(path: Path) -> None:
    """Raises ValueError for a file that unpacks to more than merges can be."""
    with path.open("rb") as file:
        groups = column_chunks(file)
        rows = max((sum(max(chunk.values, 0) for chunk in column) for column in zip(*groups, strict=True)), default=0)
        if rows > MAX_MERGES:
            raise ValueError(f"{rows:,} rows, more than {MAX_MERGES:,}")
        for chunk in (chunk for group in groups for chunk in group):
            if largest_page(file, chunk) > LARGEST_PAGE_BYTES:
                raise ValueError(f"a page of more than {LARGEST_PAGE_BYTES:,} bytes")


def _effective(merges: Merges) -> list[tuple[int, int, int]]:
    """The merges without those that stand again later."""
    last: dict[tuple[int, int, int], None] = {}
    for row in zip(merges.left.tolist(), merges.right.tolist(), merges.token.tolist(), strict=True):
        last.pop(row, None)
        last[row] = None
    return list(last)


def _in_training_order(read: Tokenizer, merges: Merges) -> bool:
    """Whether special tokens, bytes and the tokens of merges have the ids that training gives them."""
    vocabulary, trained = read.vocabulary, Tokenizer(read.pretokenizer, read.special_tokens, Merges.from_rows([]))
    if vocabulary.special_ids != trained.vocabulary.special_ids:
        return False
    if not np.array_equal(vocabulary.byte_ids, trained.byte_ids):
        return False
    made = np.maximum.accumulate(np.concatenate([np.array([len(trained.tokens)]), merges.token + 1]))
    if len(merges) and bool((np.maximum(merges.left, merges.right) >= made[:-1]).any()):
        return False  # a merge of a token that no merge before it makes
    return replace(trained, merges=merges).tokens == vocabulary.tokens


def tokenizer_fingerprint(tokenizer: Tokenizer) -> str:
    """A name for all that decides what a text becomes, 64 hexadecimal digits; equal however it was loaded."""
    vocabulary, merges = tokenizer.vocabulary, tokenizer.merges
    digest = hashlib.sha256()
    heading = [
        format_preprocessing(parse_preprocessing(tokenizer.pretokenizer)),
        [astuple(token) for token in tokenizer.added_tokens],
        tokenizer.ignore_merges,
        vocabulary.unknown,
        vocabulary.fuse_unknown,
        vocabulary.tokens,
    ]
    digest.update(msgspec.json.encode(heading))
    if tokenizer.library is not None:
        digest.update(tokenizer.library.library.encode() + tokenizer.library.content)
    characters = np.empty(0, np.int32) if vocabulary.characters is None else vocabulary.characters
    for ids in (characters, vocabulary.byte_ids, merges.left, merges.right, merges.token):
        digest.update(np.ascontiguousarray(ids, "<i4").tobytes())
    return digest.hexdigest()
