"""The .tiktoken format: one token a line, `base64(bytes) rank`; rank is the token's id, special tokens are not in it.

tiktoken joins any two neighbours whose concatenation has a rank, lowest rank first, and takes a whole word that has
one. For two neighbours that spell token t, no merge has crossed t's borders so far, so inside them everything went as
it goes when t is encoded alone: the two are always the same pair. So a file of ranks is a list of merges, one for each
token that encoding comes to alone; the others only ever stand as whole words (`Tokenizer.ignore_merges`).
"""

import base64
import binascii
from collections.abc import Mapping

import msgspec
import numpy as np

from operators.arrays import I32
from operators.encoding.word_encoder import empty_table, final_pairs
from operators.errors import UsageError
from operators.kernels.bpe_windows import LARGEST_ID
from operators.text.preprocessing import is_json
from operators.text.pretokenize import Pretokenizer
from operators.text.pretokenizers import NO_SPLIT, PATTERNS
from operators.text.regex_syntax import to_tiktoken_syntax
from operators.tokenizer import Merges, Tokenizer, Vocabulary
from operators.tokenizer_files.errors import InexpressibleTokenizer, MalformedTokenizer, UnsupportedTokenizer
from operators.tokenizer_files.final_merges import final_merges


def to_tiktoken(tokenizer: Tokenizer) -> bytes:
    """The file's content; tiktoken encodes with it as the tokenizer does.

    Raises:
        InexpressibleTokenizer: merges by lowest id would give other ids than the tokenizer's merge list, or more
            happens to a text than one regular expression can say.
    """
    ranks = ranked_tokens(tokenizer, ".tiktoken")
    return b"".join([b"%b %d\n" % (binascii.b2a_base64(token, newline=False), i) for i, token in ranks.items()])


def ranked_tokens(tokenizer: Tokenizer, file_format: str) -> dict[int, bytes]:
    """Return the tokens, by id, with which merging by lowest id encodes as the tokenizer does.

    Raises InexpressibleTokenizer, which names `file_format`.
    """
    if tokenizer.events is not None:
        raise InexpressibleTokenizer(file_format, tokenizer.events.reason)
    if tokenizer.pieces is not None:
        raise InexpressibleTokenizer(file_format, f"a {tokenizer.pieces.name} model has no merges")
    if tokenizer.vocabulary.characters is not None:
        raise InexpressibleTokenizer(file_format, "its vocabulary is of characters, not of bytes")
    if is_json(tokenizer.pretokenizer):
        raise InexpressibleTokenizer(file_format, "it normalizes text, or cuts it by more than one regular expression")
    if any(not token.special for token in tokenizer.added):
        raise InexpressibleTokenizer(file_format, "it has added tokens that are not special")
    texts, joins = tokenizer.text_tokens, final_merges(tokenizer)
    written = np.zeros(len(tokenizer.tokens), np.bool_)
    written[tokenizer.byte_ids] = written[joins.token] = True
    kept = {i: text for i, text in texts.items() if tokenizer.ignore_merges or written[i]}
    rebuilt = _merges_of(kept, tokenizer.byte_ids)
    if not (np.array_equal(rebuilt.left, joins.left) and np.array_equal(rebuilt.right, joins.right)):
        raise InexpressibleTokenizer(file_format, "its merges are not in the order of its tokens' ids")
    return kept


def tiktoken_arguments(tokenizer: Tokenizer) -> bytes:
    """Return what `tiktoken.Encoding` takes besides a name and the ranks, as JSON: pat_str and special_tokens."""
    special = dict(zip(tokenizer.special_tokens, tokenizer.vocabulary.special_ids, strict=True))
    pattern = tiktoken_pattern(tokenizer.pretokenizer)
    return msgspec.json.format(msgspec.json.encode({"pat_str": pattern, "special_tokens": special})) + b"\n"


class _Arguments(msgspec.Struct):
    pat_str: str
    special_tokens: dict[str, int] = {}


def read_arguments(data: bytes, path: str) -> tuple[str, dict[str, int]]:
    """Return the pre-tokenizer and the special tokens of what `tiktoken_arguments` wrote. Raises MalformedTokenizer."""
    try:
        read = msgspec.json.decode(data, type=_Arguments)
        return pretokenizer_of(read.pat_str), read.special_tokens
    except (msgspec.DecodeError, UnicodeDecodeError, UsageError) as error:
        raise MalformedTokenizer(path, f"no pat_str and special_tokens ({error})") from None


def tiktoken_pattern(pretokenizer: str) -> str:
    """Return the regular expression by which tiktoken cuts text as this pre-tokenizer does.

    tiktoken drops what no match covers, so expressions that are not known to cover all text get one more alternative:
    a run of text in which no match begins.
    """
    if pretokenizer == NO_SPLIT:
        return r"(?s:.+)"
    if pretokenizer in PATTERNS:
        return PATTERNS[pretokenizer]
    return _covering(to_tiktoken_syntax(pretokenizer))


def _covering(regex: str) -> str:
    return f"{regex}|(?:(?!{regex})(?s:.))+"


def pretokenizer_of(pattern: str) -> str:
    """Return the pre-tokenizer that cuts as tiktoken does by an expression, by name if it has one. BadPattern."""
    written = {tiktoken_pattern(name): name for name in (NO_SPLIT, *PATTERNS)}
    if pattern in written:
        return written[pattern]
    own = pattern[: (len(pattern) - len(_covering(""))) // 2]
    if own and pattern == _covering(own):  # text that no match covers stays, with us, without a further alternative
        return pretokenizer_of(own)
    read = Pretokenizer.from_tiktoken(pattern).pattern
    return {regex: name for name, regex in PATTERNS.items()}.get(read, read)


def from_tiktoken(
    data: bytes, path: str, pretokenizer: str, special_tokens: Mapping[str, int] | None = None
) -> Tokenizer:
    """The tokenizer of a .tiktoken file; `path` is for error messages, `special_tokens` gives special tokens' ids.

    Ids that neither gives stay without a token.

    Raises:
        MalformedTokenizer: a line that is not `base64 rank`; a token or a rank that stands twice; special tokens on ids
            that are taken.
        UnsupportedTokenizer: a byte has no token.
    """
    return from_ranks(_read_ranks(data, path), path, pretokenizer, dict(special_tokens or {}))


def from_ranks(texts: dict[int, bytes], path: str, pretokenizer: str, special: dict[str, int]) -> Tokenizer:
    """The tokenizer whose tokens have these ids, lowest id first; errors as for `from_tiktoken`."""
    texts = dict(sorted(texts.items()))
    taken = [name for name, i in special.items() if texts.get(i) or not 0 <= i <= LARGEST_ID]
    if taken or len(set(special.values())) < len(special):
        raise MalformedTokenizer(path, f"special tokens need ids that are free, each its own ({special})")
    tokens = [b""] * (1 + max(*texts, *special.values(), 0))
    texts = {i: text for i, text in texts.items() if text}  # an empty token takes an id, and no text becomes it
    for i, text in (*texts.items(), *((i, name.encode()) for name, i in special.items())):
        tokens[i] = text
    known = {text: i for i, text in texts.items() if len(text) == 1}
    byte_ids = np.empty(256, np.int32)
    for byte in range(256):
        if bytes([byte]) not in known:
            raise UnsupportedTokenizer(path, f"a vocabulary without the byte 0x{byte:02X}")
        byte_ids[byte] = known[bytes([byte])]
    merges = _merges_of(texts, byte_ids)
    vocabulary = Vocabulary(tokens, byte_ids, tuple(special.values()))
    return Tokenizer(pretokenizer, tuple(special), merges, vocabulary, len(merges) + 256 < len(texts))


def _merges_of(texts: dict[int, bytes], byte_ids: I32) -> Merges:
    """One merge for each token that encoding comes to, in the order of ids."""
    ordered = dict(sorted(texts.items()))
    pairs = final_pairs(ordered, byte_ids, empty_table(len(ordered)), learn=True)
    found = pairs[:, 0] >= 0
    columns = (pairs[found, 0], pairs[found, 1], np.fromiter(ordered, np.int64, len(ordered))[found])
    left, right, token = (column.astype(np.int32) for column in columns)
    return Merges(left, right, token, np.full(len(left), -1, np.int64))


def _read_ranks(data: bytes, path: str) -> dict[int, bytes]:
    """Rank to token."""
    texts: dict[int, bytes] = {}
    lines: dict[bytes, int] = {}
    for number, line in enumerate(data.splitlines(), 1):
        if not line:
            continue
        fields = line.split()
        try:
            encoded, rank = fields[0], int(fields[1])
            token = base64.b64decode(encoded, validate=True) if encoded != b"=" else b""
        except (ValueError, IndexError, binascii.Error):
            raise MalformedTokenizer(path, f"line {number} is not `base64 rank`: {_shown(line)}") from None
        if len(fields) != 2 or not 0 <= rank <= LARGEST_ID:
            raise MalformedTokenizer(path, f"line {number} is not `base64 rank`: {_shown(line)}")
        if rank in texts or token in lines:
            raise MalformedTokenizer(path, f"line {number} repeats a rank or a token: {_shown(line)}")
        texts[rank] = token
        lines[token] = number
    if not texts:
        raise MalformedTokenizer(path, "it holds no tokens")
    return texts


def _shown(line: bytes) -> str:
    return repr(line[:60].decode("latin-1"))
