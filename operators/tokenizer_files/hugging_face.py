"""Hugging Face's tokenizer.json for byte-level BPE, written and read.

Only what is read exactly is read; the rest is refused with the feature's name. What a post-processor puts around a text
is no part of the text and is left out (`encode(text, add_special_tokens=False)` in `tokenizers`).
"""

from typing import Any, Final

import msgspec
import numpy as np

from operators.alphabet import BYTE_TO_CHAR, to_bytes, to_chars
from operators.pretokenize import PATTERNS
from operators.tokenizer import Merges, Tokenizer, Vocabulary
from operators.tokenizer_files.errors import InexpressibleTokenizer, MalformedTokenizer, UnsupportedTokenizer

_NO_SPLIT: Final = "none"


class _Added(msgspec.Struct):
    id: int
    content: str
    special: bool = False
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False


class _Model(msgspec.Struct):
    vocab: dict[str, int]
    merges: list[str | tuple[str, str]]
    type: str = "BPE"
    dropout: float | None = None
    continuing_subword_prefix: str | None = None
    end_of_word_suffix: str | None = None
    ignore_merges: bool = False


class _ModelType(msgspec.Struct):
    type: str = "BPE"
    merges: Any = None


class _Kind(msgspec.Struct):
    model: _ModelType


class _File(msgspec.Struct):
    model: _Model
    added_tokens: list[_Added] = []
    normalizer: dict[str, Any] | None = None
    pre_tokenizer: dict[str, Any] | None = None
    post_processor: dict[str, Any] | None = None
    truncation: dict[str, Any] | None = None
    padding: dict[str, Any] | None = None


def to_json(tokenizer: Tokenizer) -> str:
    """The tokenizer as `tokenizers.Tokenizer.from_file` reads it; equal tokenizers give equal text.

    Raises:
        DataError: an id has no token, or two ids spell the same.
    """
    special = dict(zip(tokenizer.vocabulary.special_ids, tokenizer.special_tokens, strict=True))
    spelled = [special[i] if i in special else to_chars(token) for i, token in enumerate(tokenizer.tokens)]
    vocab = {spelling: i for i, spelling in enumerate(spelled)}
    if len(vocab) < len(spelled) or "" in vocab:
        raise InexpressibleTokenizer("tokenizer.json", _first_clash(spelled, vocab))
    text = tokenizer.text_tokens
    names = {i: to_chars(text[i]) if i in special else spelled[i] for i in text}
    merges: dict[tuple[str, str], None] = {}
    for pair in zip(tokenizer.merges.left.tolist(), tokenizer.merges.right.tolist(), strict=True):
        named = (names[pair[0]], names[pair[1]])
        merges.pop(named, None)  # of a pair that stands twice the last place counts
        merges[named] = None
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    content = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added_token(i, name) for i, name in sorted(special.items())],
        "normalizer": None,
        "pre_tokenizer": _pre_tokenizer(tokenizer.pretokenizer, byte_level),
        "post_processor": byte_level,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": tokenizer.ignore_merges,
            "vocab": vocab,
            "merges": [list(pair) for pair in merges],
        },
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=1).decode() + "\n"


def _first_clash(spelled: list[str], vocab: dict[str, int]) -> str:
    for i, spelling in enumerate(spelled):
        if not spelling:
            return f"id {i} has no token (name the special token that it belongs to)"
        if vocab[spelling] != i:
            return f"ids {i} and {vocab[spelling]} are both spelled {spelling!r}"
    raise AssertionError("no clash")


def _added_token(i: int, content: str) -> dict[str, Any]:
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"id": i, "content": content} | flags


def _pre_tokenizer(pretokenizer: str, byte_level: dict[str, Any]) -> dict[str, Any]:
    if pretokenizer == _NO_SPLIT:
        return byte_level
    pattern = {"Regex": PATTERNS.get(pretokenizer, pretokenizer)}
    split = {"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": False}
    return {"type": "Sequence", "pretokenizers": [split, byte_level]}


def from_json(text: str | bytes, path: str) -> Tokenizer:
    """The tokenizer in a tokenizer.json; `path` is for error messages.

    Raises:
        UnsupportedTokenizer: it needs something that is not read here.
        MalformedTokenizer: it is no tokenizer.json, or contradicts itself.
    """
    try:
        kind = msgspec.json.decode(text, type=_Kind)
        if kind.model.type != "BPE" or kind.model.merges is None:
            raise UnsupportedTokenizer(path, f"a model of type {kind.model.type}")
        file = msgspec.json.decode(text, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedTokenizer(path, f"no tokenizer.json of a BPE model ({error})") from error
    _refuse(file, path)
    pretokenizer = _read_pre_tokenizer(file.pre_tokenizer, path)
    ids = _read_ids(file, path)
    return Tokenizer(
        pretokenizer,
        tuple(added.content for added in file.added_tokens),
        _read_merges(file.model, path),
        _read_vocabulary(file, ids, path),
        file.model.ignore_merges,
    )


def _refuse(file: _File, path: str) -> None:
    """Raise for each part that would change ids and is not read."""
    model, normalizer = file.model, file.normalizer
    if normalizer is not None and normalizer != {"type": "Sequence", "normalizers": []}:
        raise UnsupportedTokenizer(path, f"the normalizer {_types(normalizer, 'normalizers')}")
    if model.dropout:
        raise UnsupportedTokenizer(path, f"dropout ({model.dropout})")
    if model.continuing_subword_prefix or model.end_of_word_suffix:
        raise UnsupportedTokenizer(path, "a prefix or suffix on the words' parts")
    if file.truncation is not None or file.padding is not None:
        raise UnsupportedTokenizer(path, "truncation or padding of texts")
    for part in _parts(file.post_processor, "processors"):
        if part.get("type") not in ("ByteLevel", "TemplateProcessing"):
            raise UnsupportedTokenizer(path, f"the post-processor {part.get('type')}")
    for added in file.added_tokens:
        if not added.special:
            raise UnsupportedTokenizer(path, f"the added token {added.content!r} that is not special")
        if added.lstrip or added.rstrip or added.single_word:
            raise UnsupportedTokenizer(path, f"the added token {added.content!r} that takes or needs what is around it")


def _parts(part: dict[str, Any] | None, name: str) -> list[dict[str, Any]]:
    """The steps of a Sequence (`name` is its list), or the one step there is."""
    if part is None:
        return []
    steps = part.get(name) if part.get("type") == "Sequence" else [part]
    return [step for step in steps if isinstance(step, dict)] if isinstance(steps, list) else [part]


def _types(part: dict[str, Any], name: str) -> str:
    return " + ".join(str(step.get("type")) for step in _parts(part, name))


def _read_pre_tokenizer(part: dict[str, Any] | None, path: str) -> str:
    """The name or regular expression of the pre-tokenizer."""
    steps = _parts(part, "pretokenizers")
    if not steps or steps[-1].get("type") != "ByteLevel":
        raise UnsupportedTokenizer(path, f"the pre-tokenizer {_types(part, 'pretokenizers') if part else 'null'}")
    byte_level = steps[-1]
    if byte_level.get("add_prefix_space") is not False:
        raise UnsupportedTokenizer(path, "a space put before each text (add_prefix_space)")
    own_pattern = byte_level.get("use_regex", True) is not False
    if len(steps) == 1:
        return "gpt2" if own_pattern else _NO_SPLIT
    if len(steps) > 2 or own_pattern or steps[0].get("type") != "Split":
        raise UnsupportedTokenizer(path, f"the pre-tokenizer {_types(part or {}, 'pretokenizers')}")
    split, pattern = steps[0], steps[0].get("pattern")
    if split.get("behavior") != "Isolated" or split.get("invert"):
        raise UnsupportedTokenizer(path, f"a Split with behavior {split.get('behavior')}, invert {split.get('invert')}")
    if not isinstance(pattern, dict) or not isinstance(pattern.get("Regex"), str):
        raise UnsupportedTokenizer(path, "a Split without a regular expression")
    regex = str(pattern["Regex"])
    return next((name for name, expression in PATTERNS.items() if expression == regex), regex)


def _read_ids(file: _File, path: str) -> dict[str, int]:
    """Every token's spelling and id, added tokens included, ids 0, 1, ... without a gap."""
    ids = dict(file.model.vocab)
    for added in file.added_tokens:
        if ids.setdefault(added.content, added.id) != added.id:
            raise MalformedTokenizer(path, f"{added.content!r} has the ids {ids[added.content]} and {added.id}")
    given = sorted(ids.values())
    for expected, i in enumerate(given):
        if i != expected:
            fault = f"id {expected} has no token" if i > expected else f"id {i} has two tokens or is below 0"
            raise MalformedTokenizer(path, f"{fault}; its {len(given)} tokens need the ids 0 to {len(given) - 1}")
    return ids


def _read_vocabulary(file: _File, ids: dict[str, int], path: str) -> Vocabulary:
    special = {added.content for added in file.added_tokens}
    tokens = [b""] * len(ids)
    for spelling, i in ids.items():
        token = spelling.encode("utf-8", "surrogatepass") if spelling in special else to_bytes(spelling)
        if not token:
            raise UnsupportedTokenizer(path, f"the token {spelling!r} (id {i}), which no bytes spell and no list adds,")
        tokens[i] = token
    byte_ids = np.empty(256, np.int32)
    for byte, char in BYTE_TO_CHAR.items():
        if char not in file.model.vocab:
            raise UnsupportedTokenizer(path, f"a vocabulary without the byte 0x{byte:02X}")
        byte_ids[byte] = file.model.vocab[char]
    return Vocabulary(tokens, byte_ids, tuple(ids[added.content] for added in file.added_tokens))


def _read_merges(model: _Model, path: str) -> Merges:
    vocab, rows = model.vocab, np.empty((3, len(model.merges)), np.int32)
    for rank, merge in enumerate(model.merges):
        pair = merge.split(" ") if isinstance(merge, str) else merge
        if len(pair) != 2:
            raise MalformedTokenizer(path, f"merge {rank} is {merge!r}, not two tokens")
        for i, token in enumerate((pair[0], pair[1], pair[0] + pair[1])):
            if token not in vocab:
                raise MalformedTokenizer(path, f"merge {rank} needs {token!r}, which is not in the vocabulary")
            rows[i, rank] = vocab[token]
    left, right, token_ids = (np.ascontiguousarray(row) for row in rows)
    return Merges(left, right, token_ids, np.full(len(left), -1, np.int64))
