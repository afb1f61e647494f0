"""Mistral's tekken files: a regular expression and tokens by rank, as tiktoken takes them, in one JSON file.

The vocabulary is cut to `default_vocab_size`; special tokens have the first ids, and a token's id is its rank behind
them. Special tokens that a file does not name are called <SPECIAL_20> and so on.
"""

import base64
import binascii
from typing import Final

import msgspec

from operators.errors import UsageError
from operators.kernels.bpe_windows import LARGEST_ID
from operators.tokenizer import Tokenizer
from operators.tokenizer_files.errors import InexpressibleTokenizer, MalformedTokenizer, UnsupportedTokenizer
from operators.tokenizer_files.tiktoken import from_ranks, pretokenizer_of, ranked_tokens, tiktoken_pattern

_MAX_TOKENS: Final = LARGEST_ID + 1
_MOST_SPECIAL: Final = 1 << 16
_UNNAMED: Final = ("v1", "v2", "v3", "v7")
"""Versions whose files may leave out their special tokens, as these were the same in all."""
_SPECIAL: Final = (
    "<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]",
    "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]",
)  # fmt: skip


_WRITTEN: Final = "v7"
"""Version that is written: mistral-common gives special tokens of that version no further meaning."""
_BYTES: Final = 256


class _Token(msgspec.Struct):
    rank: int
    token_bytes: str


class _Special(msgspec.Struct):
    rank: int
    token_str: str


class _Config(msgspec.Struct):
    pattern: str
    default_vocab_size: int
    default_num_special_tokens: int
    version: str = ""


class _File(msgspec.Struct):
    config: _Config
    vocab: list[_Token]
    special_tokens: list[_Special] | None = None


class _WrittenToken(_Token):
    token_str: str | None


class _WrittenSpecial(_Special):
    is_control: bool = True


class _WrittenConfig(_Config, kw_only=True):
    num_vocab_tokens: int


class _WrittenFile(msgspec.Struct):
    config: _WrittenConfig
    vocab: list[_WrittenToken]
    special_tokens: list[_WrittenSpecial]


class _Keys(msgspec.Struct):
    config: msgspec.Raw = msgspec.Raw(b"")
    vocab: msgspec.Raw = msgspec.Raw(b"")
    model: msgspec.Raw = msgspec.Raw(b"")


def is_tekken(data: bytes) -> bool:
    """True if a JSON file has tekken's parts rather than tokenizer.json's."""
    try:
        keys = msgspec.json.decode(data, type=_Keys)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return bool(bytes(keys.config) and bytes(keys.vocab) and not bytes(keys.model))


def from_tekken(data: bytes, path: str) -> Tokenizer:
    """The tokenizer of a tekken file; `path` is for error messages.

    Raises:
        MalformedTokenizer: it is no tekken file, or contradicts itself.
        UnsupportedTokenizer: it does not say which special tokens it has.
    """
    try:
        file = msgspec.json.decode(data, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedTokenizer(path, f"no tekken file ({error})") from error
    first = file.config.default_num_special_tokens
    size = file.config.default_vocab_size - first
    if not 0 <= first < _MAX_TOKENS or not 256 <= size <= len(file.vocab):
        raise MalformedTokenizer(
            path, f"{file.config.default_vocab_size} tokens, {first} of them special, and a list of {len(file.vocab)}"
        )
    texts = _texts(file.vocab[:size], first, path)
    try:
        pretokenizer = pretokenizer_of(file.config.pattern)
    except UsageError as error:
        raise MalformedTokenizer(path, str(error)) from None
    return from_ranks(texts, path, pretokenizer, _special(file, first, path))


def _texts(tokens: list[_Token], first: int, path: str) -> dict[int, bytes]:
    texts, known = dict[int, bytes](), set[bytes]()
    for rank, token in enumerate(tokens):
        try:
            text = base64.b64decode(token.token_bytes, validate=True)
        except (ValueError, binascii.Error):
            raise MalformedTokenizer(path, f"token {rank} is not base64: {token.token_bytes[:60]!r}") from None
        if token.rank != rank or not text or text in known:
            raise MalformedTokenizer(path, f"token {rank} has the rank {token.rank}, is empty or stands twice")
        known.add(text)
        texts[first + rank] = text
    return texts


def _special(file: _File, number: int, path: str) -> dict[str, int]:
    """Names and ids of the special tokens."""
    if file.special_tokens is None:
        if file.config.version not in _UNNAMED:
            raise UnsupportedTokenizer(path, f"version {file.config.version!r} without a list of special tokens")
        named = dict(zip(_SPECIAL, range(number), strict=False))
    else:
        named = {token.token_str: token.rank for token in file.special_tokens}
        if len(named) < len(file.special_tokens) or sorted(named.values()) != list(range(len(named))):
            raise MalformedTokenizer(path, "its special tokens do not have the ids 0, 1, 2 and so on, each its own")
    if number > _MOST_SPECIAL:
        raise MalformedTokenizer(path, f"{number:,} special tokens, of {_MOST_SPECIAL:,} at most")
    if len(named) > number or "" in named:
        raise MalformedTokenizer(path, f"{len(named)} special tokens where there is room for {number}, or an empty one")
    return named | {f"<SPECIAL_{i}>": i for i in range(len(named), number)}


def to_tekken(tokenizer: Tokenizer) -> bytes:
    """Return the tokenizer as a tekken file, with the ids that it has.

    Raises InexpressibleTokenizer where its ids are not those of special tokens, then of the bytes in order, then of the
    other tokens without a gap; or where merging by lowest id would give other ids than the merge list.
    """
    ranks = ranked_tokens(tokenizer, "tekken")
    known, names = tokenizer.vocabulary, tokenizer.special_tokens
    first, special = len(names), dict(zip(known.special_ids, names, strict=True))
    if sorted(special) != list(range(first)):
        raise InexpressibleTokenizer("tekken", "its special tokens do not have the first ids (--new-ids gives them)")
    if list(ranks.values())[:_BYTES] != [bytes([byte]) for byte in range(_BYTES)]:
        raise InexpressibleTokenizer(
            "tekken", "its bytes are not the first tokens, in order (--new-ids puts them there)"
        )
    if list(ranks) != list(range(first, first + len(ranks))):
        raise InexpressibleTokenizer("tekken", "ids between its tokens stand for no token (--new-ids closes the gaps)")
    vocab = [_WrittenToken(i, base64.b64encode(text).decode(), _text_of(text)) for i, text in enumerate(ranks.values())]
    config = _WrittenConfig(
        tiktoken_pattern(tokenizer.pretokenizer), first + len(ranks), first, _WRITTEN, num_vocab_tokens=len(ranks)
    )
    file = _WrittenFile(config, vocab, [_WrittenSpecial(i, special[i]) for i in range(first)])
    return msgspec.json.format(msgspec.json.encode(file), indent=1) + b"\n"


def _text_of(token: bytes) -> str | None:
    try:
        return token.decode()
    except UnicodeDecodeError:
        return None
