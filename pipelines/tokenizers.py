"""Tokenizer directories and files: writing those of `train`, loading everything that `--tokenizer` takes.

A directory loads in three libraries: tokenizer.json in `tokenizers`, with tokenizer_config.json in `transformers`
(`AutoTokenizer.from_pretrained`), ranks.tiktoken in `tiktoken`; merges.parquet is for analysis and for loading it here.
"""

import hashlib
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from operators.arrays import I32
from operators.errors import DataError, UsageError
from operators.text.pretokenize import Pretokenizer, format_preprocessing, parse_preprocessing
from operators.text.pretokenizers import NAMES, PRETOKENIZERS
from operators.tokenizer import Merges, Tokenizer, words_in
from operators.tokenizer_files.decoding import TokenizerFile
from operators.tokenizer_files.detection import format_of
from operators.tokenizer_files.errors import InexpressibleTokenizer, MalformedTokenizer
from operators.tokenizer_files.hugging_face import from_json
from operators.tokenizer_files.hugging_face_output import to_json
from operators.tokenizer_files.sentencepiece import from_model
from operators.tokenizer_files.tekken import from_tekken, is_tekken
from operators.tokenizer_files.tiktoken import from_tiktoken, read_arguments, tiktoken_arguments, to_tiktoken
from operators.tokenizer_files.transformers_files import NO_ROLES, Roles, special_tokens_map, tokenizer_config
from operators.tokenizer_files.vocab_and_merges import to_tokenizer_json
from pipelines.corpus.parquet_pages import check_table_size
from pipelines.event_files import EVENTS, read_events, write_events
from pipelines.outputs import MANIFEST, MARKER, replacing

TOKENIZER_JSON: Final = "tokenizer.json"
TOKENIZER_CONFIG: Final = "tokenizer_config.json"
RANKS: Final = "ranks.tiktoken"
SPECIAL_MAP: Final = "special_tokens_map.json"
TIKTOKEN: Final = "tiktoken.json"
TEKKEN: Final = "tekken.json"
TOKENIZER_MODEL: Final = "tokenizer.model"
MERGES: Final = "merges.parquet"
NEAREST: Final = "nearest_plain.json"
"""Name of the tokenizer.json of the nearest merge list, where no merge list encodes as a tokenizer of events does."""
TOKENIZER_FILES: Final = (TOKENIZER_JSON, TOKENIZER_CONFIG, SPECIAL_MAP, RANKS, TIKTOKEN, MERGES, EVENTS)
"""Names of the files in a tokenizer directory, besides its manifest."""

KNOWN_PRETOKENIZERS: Final = {stem: name for name, row in PRETOKENIZERS.items() for stem in row.rank_files}
"""Pre-tokenizer that the publisher of a .tiktoken file uses with it, by the stem of the file."""

KNOWN_DIGESTS: Final = {
    "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930": "r50k_base",
    "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069": "p50k_base",
    "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7": "cl100k_base",
    "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d": "o200k_base",
}
"""Stem of a .tiktoken file, by its SHA-256 as tiktoken checks it: files in tiktoken's cache have other names."""

VOCAB_AND_MERGES: Final = ("vocab.json", "merges.txt")
"""Names of a byte-level BPE tokenizer in two files, as GPT-2 was published."""

FOLDER_FILES: Final = (TOKENIZER_JSON, TEKKEN, TOKENIZER_MODEL, *VOCAB_AND_MERGES, RANKS, EVENTS)
"""Names of the files that a directory's tokenizer is read from, in order of preference."""

MAX_FILE_BYTES: Final = 64 << 20
"""Largest file to read as a tokenizer; the largest published ones have 35 MB."""

MAX_MERGES: Final = 1 << 22
"""Largest number of rows of a merges.parquet, which may be compressed by any factor."""

MERGES_SCHEMA: Final = pa.schema(
    [pa.field(name, pa.int32(), nullable=False) for name in ("rank", "left", "right", "token")]
    + [pa.field("count", pa.int64(), nullable=False)]
    + [pa.field(name, pa.binary(), nullable=False) for name in ("left_bytes", "right_bytes", "token_bytes")]
    + [pa.field("words", pa.int32(), nullable=False)]
)
"""Schema of merges.parquet, one row for each merge: ids, count when it was chosen (-1: unknown), bytes of the ids, and
the number of words in the token (`operators.tokenizer.words_in`)."""


class MissingTokenizer(DataError):
    """A reference to a tokenizer that does not exist or cannot be read."""

    path: str
    reason: str
    message = (
        "{path}: {reason}; name a directory that train wrote, a tokenizer.json, a .tiktoken file, a tekken .json or a "
        "SentencePiece .model"
    )


class BadReference(UsageError):
    """A `--tokenizer` that lacks its pre-tokenizer, or names one although the file holds it."""

    reference: str
    reason: str
    message = "tokenizer {reference}: {reason}"


@dataclass(frozen=True)
class Saved:
    """Result of writing a tokenizer directory."""

    files: list[str]
    """Names of the files, sorted."""
    without_ranks: str | None
    """Reason for which there is no ranks.tiktoken; None: there is one."""


def save_tokenizer(
    tokenizer: Tokenizer, directory: Path, roles: Roles = NO_ROLES, *, gaps: bool = False, sources: I32 | None = None
) -> Saved:
    """Write a tokenizer directory; each of its files is written atomically. gaps: ids may be without a token.
    sources: the number of sources of each merge, a column more of merges.parquet.

    ranks.tiktoken and tiktoken.json are left out, and old ones removed, if tiktoken would encode differently
    (`operators.tokenizer_files.tiktoken.to_tiktoken`); so is special_tokens_map.json where no token has a role.

    Raises:
        InexpressibleTokenizer: tokenizer.json cannot express the tokenizer.
        WriteFailed: the disk is full, or permission is missing.
    """
    if tokenizer.events is not None:
        return _save_events(tokenizer, directory)
    without_ranks = None
    contents = {TOKENIZER_JSON: to_json(tokenizer, gaps=gaps).encode(), TOKENIZER_CONFIG: tokenizer_config(roles)}
    if (named := special_tokens_map(roles)) is not None:
        contents[SPECIAL_MAP] = named
    try:
        contents[RANKS] = to_tiktoken(tokenizer)
        contents[TIKTOKEN] = tiktoken_arguments(tokenizer)
    except InexpressibleTokenizer as error:
        without_ranks = error.reason
    for name in {SPECIAL_MAP, RANKS, TIKTOKEN, MERGES, EVENTS} - set(contents):
        (directory / name).unlink(missing_ok=True)
    for name, content in contents.items():
        with replacing(directory / name) as temporary:
            temporary.write_bytes(content)
    if tokenizer.pieces is not None:
        return Saved(sorted(contents), without_ranks)
    with replacing(directory / MERGES) as temporary:
        table = merges_table(tokenizer)
        table = table if sources is None else table.append_column("sources", pa.array(sources))
        pq.write_table(table, temporary, compression="zstd")
    return Saved(sorted([*contents, MERGES]), without_ranks)


def _save_events(tokenizer: Tokenizer, directory: Path) -> Saved:
    assert tokenizer.events is not None
    for name in set(TOKENIZER_FILES) - {EVENTS}:
        (directory / name).unlink(missing_ok=True)
    write_events(tokenizer, directory / EVENTS)
    return Saved([EVENTS], tokenizer.events.reason)


def save_config(directory: Path) -> None:
    """Write tokenizer_config.json, which `transformers` needs beside a tokenizer.json."""
    with replacing(directory / TOKENIZER_CONFIG) as temporary:
        temporary.write_bytes(tokenizer_config(NO_ROLES))


def merges_table(tokenizer: Tokenizer) -> pa.Table:
    """Return the merge list as a table (MERGES_SCHEMA)."""
    merges, texts = tokenizer.merges, tokenizer.text_tokens
    columns: list[Any] = [np.arange(len(merges), dtype=np.int32), merges.left, merges.right, merges.token, merges.count]
    columns += [[texts[i] for i in ids.tolist()] for ids in (merges.left, merges.right, merges.token)]
    columns.append([words_in(text) for text in columns[-1]])
    arrays = [pa.array(column, field.type) for column, field in zip(columns, MERGES_SCHEMA, strict=True)]
    return pa.table(arrays, schema=MERGES_SCHEMA)


def load_tokenizer(reference: str) -> Tokenizer:
    """Load the tokenizer of a reference: a tokenizer.json, tekken, .tiktoken or SentencePiece file, or a folder.

    The content determines the format. In a folder, the first of FOLDER_FILES is read. A .tiktoken file does not hold
    its pre-tokenizer: KNOWN_PRETOKENIZERS has those of well-known files, for others the reference is
    `FILE,pretokenizer=NAME`, or a regular expression instead of the name, which is read as tiktoken reads it.

    Raises:
        MissingTokenizer, BadReference, UnsupportedTokenizer, MalformedTokenizer, BadPattern.
    """
    return read_tokenizer(reference)[0]


def read_tokenizer(reference: str) -> tuple[Tokenizer, TokenizerFile]:
    """Load a tokenizer as `load_tokenizer` does; return it with its file, which determines how to decode."""
    name, comma, given = reference.partition(",pretokenizer=")
    path, pretokenizer = Path(name), given if comma else None
    if path.is_dir():
        path = _file_of(path)
        if path.name == TOKENIZER_JSON and pretokenizer is None:
            return _load_directory(path.parent)
    if path.name in VOCAB_AND_MERGES and all((path.parent / pair).is_file() for pair in VOCAB_AND_MERGES):
        return _load_vocab_and_merges(path.parent, pretokenizer)
    if path.suffix == ".parquet" and path.is_file():
        return read_events(path), TokenizerFile("events", b"")
    content = _read(path)
    kind = format_of(content, path.name)
    if kind == "tiktoken":
        if pretokenizer is None and path.name == RANKS and (beside := path.with_name(TIKTOKEN)).is_file():
            named, special = read_arguments(_read(beside), str(beside))
            return from_tiktoken(content, str(path), named, special), TokenizerFile("tiktoken", content)
        cut_by = _named_pretokenizer(reference, path, content, pretokenizer)
        return from_tiktoken(content, str(path), cut_by), TokenizerFile("tiktoken", content)
    if pretokenizer is not None:
        raise BadReference(reference, "only a .tiktoken file takes a pretokenizer; leave it out")
    if kind == "sentencepiece":
        return from_model(content, str(path)), TokenizerFile("sentencepiece", content)
    if kind is None:
        raise MalformedTokenizer(str(path), "it is no tokenizer.json, tekken, .tiktoken or SentencePiece file")
    if is_tekken(content):
        return from_tekken(content, str(path)), TokenizerFile("tekken", content)
    return from_json(content, str(path)), TokenizerFile("tokenizers", content)


def _file_of(directory: Path) -> Path:
    """Return the path of a directory's tokenizer file: the first of FOLDER_FILES that exists."""
    if (directory / MARKER).is_file() and not (directory / MANIFEST).is_file():
        raise MissingTokenizer(str(directory), "the run that writes here has not finished: run it (again)")
    for name in FOLDER_FILES:
        if (directory / name).is_file():
            return directory / name
    raise MissingTokenizer(str(directory), f"the directory holds no {TOKENIZER_JSON}, nor another tokenizer file")


def _load_vocab_and_merges(directory: Path, given: str | None) -> tuple[Tokenizer, TokenizerFile]:
    """Load vocab.json with merges.txt; the pre-tokenizer is that of GPT-2 unless another is given."""
    vocab, merges = (_read(directory / name) for name in VOCAB_AND_MERGES)
    beside = directory / "added_tokens.json"
    added = _read(beside) if beside.is_file() else None
    pretokenizer = Pretokenizer("gpt2" if given is None else given).pattern
    content = to_tokenizer_json(vocab, merges, added, pretokenizer, str(directory / VOCAB_AND_MERGES[0]))
    return from_json(content, str(directory)), TokenizerFile("tokenizers", content)


def _named_pretokenizer(reference: str, path: Path, content: bytes, given: str | None) -> str:
    """Return the pre-tokenizer of a .tiktoken file: the given one, or that of a well-known file."""
    if given is None:
        stem = KNOWN_DIGESTS.get(hashlib.sha256(content).hexdigest(), path.stem)
        if stem in KNOWN_PRETOKENIZERS:
            return KNOWN_PRETOKENIZERS[stem]
    if not given:
        known, names = ", ".join(KNOWN_PRETOKENIZERS), ", ".join(NAMES)
        raise BadReference(
            reference,
            f"a .tiktoken file does not hold its pre-tokenizer, and only the names {known} imply it; "
            f"write {path},pretokenizer=NAME with one of {names} or a regular expression",
        )
    return Pretokenizer.from_tiktoken(given).pattern


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)  # not by its size, which devices and pipes do not have
        if len(content) > MAX_FILE_BYTES:
            raise MalformedTokenizer(str(path), f"it has more than {MAX_FILE_BYTES:,} bytes")
        return content
    except OSError as error:
        raise MissingTokenizer(str(path), error.strerror or str(error)) from error


def _load_directory(directory: Path) -> tuple[Tokenizer, TokenizerFile]:
    """Load tokenizer.json, with the counts and the full merge list of merges.parquet if that exists."""
    file = TokenizerFile("tokenizers", _read(directory / TOKENIZER_JSON))
    read = from_json(file.content, str(directory / TOKENIZER_JSON))
    path = directory / MERGES
    if not path.is_file():
        return read, file
    try:
        with path.open("rb") as parquet_file:
            check_table_size(parquet_file, MAX_MERGES)
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


def _effective(merges: Merges) -> list[tuple[int, int, int]]:
    """Return the merges (left, right, token) without those that are repeated later."""
    last: dict[tuple[int, int, int], None] = {}
    for row in zip(merges.left.tolist(), merges.right.tolist(), merges.token.tolist(), strict=True):
        last.pop(row, None)
        last[row] = None
    return list(last)


def _in_training_order(read: Tokenizer, merges: Merges) -> bool:
    """True if special tokens, bytes and the tokens of merges have the ids that training gives them."""
    vocabulary, trained = read.vocabulary, Tokenizer(read.pretokenizer, read.special_tokens, Merges.from_rows([]))
    if vocabulary.special_ids != trained.vocabulary.special_ids:
        return False
    if not np.array_equal(vocabulary.byte_ids, trained.byte_ids):
        return False
    made = np.maximum.accumulate(np.concatenate([np.array([len(trained.tokens)]), merges.token + 1]))
    if bool((np.maximum(merges.left, merges.right) >= made[:-1]).any() or (merges.token > made[:-1]).any()):
        return False  # a merge of a token that no earlier merge makes, or one that leaves ids out
    return replace(trained, merges=merges).tokens == vocabulary.tokens


def tokenizer_fingerprint(tokenizer: Tokenizer) -> str:
    """Return a hash of everything that determines the encoding of text, 64 hexadecimal digits."""
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
    if (events := tokenizer.events) is not None:
        digest.update(msgspec.json.encode([events.name, events.removed]))
        for column in (events.left, events.right, events.made, events.part_ends, events.parts):
            digest.update(np.ascontiguousarray(column, "<i8").tobytes())
    if (pieces := tokenizer.pieces) is not None:
        scores = np.empty(0) if pieces.scores is None else pieces.scores
        own = [pieces.kind, pieces.texts, pieces.prefix, pieces.longest, pieces.unknown_score, pieces.single_precision]
        own += [pieces.of_bytes] if pieces.of_bytes else []
        digest.update(msgspec.json.encode([*own, scores.tolist(), pieces.ids.tolist()]))
    characters = np.empty(0, np.int32) if vocabulary.characters is None else vocabulary.characters
    for ids in (characters, vocabulary.byte_ids, merges.left, merges.right, merges.token):
        digest.update(np.ascontiguousarray(ids, "<i4").tobytes())
    return digest.hexdigest()
