"""Hugging Face's tokenizer.json, written for byte-level BPE."""

from typing import Any

import msgspec

from operators.byte_level import to_chars
from operators.text.preprocessing import byte_level_step
from operators.text.pretokenize import parse_preprocessing
from operators.tokenizer import AddedToken, Tokenizer
from operators.tokenizer_files.errors import InexpressibleTokenizer


def to_json(tokenizer: Tokenizer, *, gaps: bool = False) -> str:
    """The tokenizer as `tokenizers.Tokenizer.from_file` reads it; equal tokenizers give equal text.

    gaps: ids without a token are left out.

    Raises:
        DataError: an id has no token, or two ids spell the same.
    """
    preprocessing = parse_preprocessing(tokenizer.pretokenizer)
    if tokenizer.library is not None or not preprocessing.byte_level:
        raise InexpressibleTokenizer("tokenizer.json", "only byte-level tokenizers that the kernels encode are written")
    special = dict(zip(tokenizer.vocabulary.special_ids, tokenizer.special_tokens, strict=True))
    spelled = [special[i] if i in special else to_chars(token) for i, token in enumerate(tokenizer.tokens)]
    vocab = {spelling: i for i, spelling in enumerate(spelled) if spelling or not gaps}
    if len(vocab) < len(spelled) - (spelled.count("") if gaps else 0) or "" in vocab:
        raise InexpressibleTokenizer("tokenizer.json", _first_clash(spelled, vocab))
    text = tokenizer.text_tokens
    names = {i: to_chars(text[i]) if i in special else spelled[i] for i in text}
    last = tokenizer.merges.last_places
    pairs = zip(tokenizer.merges.left[last].tolist(), tokenizer.merges.right[last].tolist(), strict=True)
    byte_level, steps = byte_level_step(), preprocessing.pre_tokenizers
    content = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added_token(token) for token in sorted(tokenizer.added_tokens, key=lambda token: token.id)],
        "normalizer": preprocessing.normalizer,
        "pre_tokenizer": preprocessing.pre_tokenizer if len(steps) > 1 else steps[0],
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
            "merges": [(names[left], names[right]) for left, right in pairs],
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


def _added_token(token: AddedToken) -> dict[str, Any]:
    names = ("id", "content", "single_word", "lstrip", "rstrip", "normalized", "special")
    return {name: getattr(token, name) for name in names}
