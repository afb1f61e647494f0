"""Hugging Face's tokenizer.json, written for byte-level BPE and Unigram, and SentencePiece's BPE over characters."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
import numpy as np

from operators.byte_level import to_chars
from operators.text.preprocessing import SPACE_MARK, byte_level_step
from operators.text.pretokenize import parse_preprocessing
from operators.tokenizer import AddedToken, PieceModel, Tokenizer
from operators.tokenizer_files.character_models import spaces_of, spellings
from operators.tokenizer_files.errors import InexpressibleTokenizer

_FORMAT: Final = "tokenizer.json"


def to_json(tokenizer: Tokenizer, *, gaps: bool = False) -> str:
    """The tokenizer as `tokenizers.Tokenizer.from_file` reads it; equal tokenizers give equal text.

    gaps: ids without a token are left out.

    Raises:
        DataError: an id has no token, or two ids spell the same.
    """
    if tokenizer.events is not None:
        raise InexpressibleTokenizer(_FORMAT, tokenizer.events.reason)
    preprocessing = parse_preprocessing(tokenizer.pretokenizer)
    of_bytes = preprocessing.byte_level and (tokenizer.pieces is None or tokenizer.pieces.of_bytes)
    if tokenizer.library is not None or not of_bytes:
        raise InexpressibleTokenizer(_FORMAT, "only byte-level tokenizers that the kernels encode are written")
    special = dict(zip(tokenizer.vocabulary.special_ids, tokenizer.special_tokens, strict=True))
    spelled = [special[i] if i in special else to_chars(token) for i, token in enumerate(tokenizer.tokens)]
    vocab = {spelling: i for i, spelling in enumerate(spelled) if spelling or not gaps}
    if len(vocab) < len(spelled) - (spelled.count("") if gaps else 0) or "" in vocab:
        raise InexpressibleTokenizer(_FORMAT, _first_clash(spelled, vocab))
    byte_level, steps = byte_level_step(), preprocessing.pre_tokenizers
    sections = {
        "normalizer": preprocessing.normalizer,
        "pre_tokenizer": preprocessing.pre_tokenizer if len(steps) > 1 else steps[0],
        "post_processor": byte_level,
        "decoder": byte_level,
    }
    model = _merge_model(tokenizer, vocab) if tokenizer.pieces is None else _piece_model(tokenizer.pieces, spelled)
    return _written(tokenizer.added_tokens, sections, model)


def _merge_model(tokenizer: Tokenizer, vocab: dict[str, int]) -> dict[str, Any]:
    """The section of a BPE model; vocab: spelling to id."""
    text, special = tokenizer.text_tokens, set(tokenizer.vocabulary.special_ids)
    spelled = {i: spelling for spelling, i in vocab.items()}
    names = {i: to_chars(text[i]) if i in special else spelled[i] for i in text}
    last = tokenizer.merges.last_places
    pairs = zip(tokenizer.merges.left[last].tolist(), tokenizer.merges.right[last].tolist(), strict=True)
    return {
        "ignore_merges": tokenizer.ignore_merges,
        "vocab": vocab,
        "merges": [(names[left], names[right]) for left, right in pairs],
    }


def _piece_model(pieces: PieceModel, spelled: list[str]) -> dict[str, Any]:
    """The section of a Unigram model of bytes; a special token that no text can spell has the lowest score."""
    assert pieces.scores is not None
    scores = np.full(len(spelled), pieces.scores.min())
    scores[pieces.ids] = pieces.scores
    vocab = list(zip(spelled, scores.tolist(), strict=True))
    unknown = pieces.unknown if pieces.unknown >= 0 else None
    return {"type": "Unigram", "unk_id": unknown, "vocab": vocab, "byte_fallback": False}


def to_character_json(tokenizer: Tokenizer) -> str:
    """A SentencePiece model as a tokenizer.json, with which `tokenizers` encodes and decodes as sentencepiece does.

    Raises InexpressibleTokenizer: added tokens where a space is put before each text (`tokenizers` puts one behind each
    of them as well), or text that is prepared in another way than SentencePiece's.
    """
    spaces, known = spaces_of(tokenizer, _FORMAT), tokenizer.vocabulary
    if tokenizer.library is not None:
        raise InexpressibleTokenizer(_FORMAT, tokenizer.library.reason)
    plain = not (spaces.add_dummy_prefix or spaces.remove_extra_whitespaces)
    if not plain and any(not token.special for token in tokenizer.added_tokens):
        raise InexpressibleTokenizer(_FORMAT, "it has added tokens, behind which spaces would be treated anew")
    spelled, fallback = spellings(tokenizer, _FORMAT), bool((known.byte_ids >= 0).any())
    last = tokenizer.merges.last_places
    pairs = zip(tokenizer.merges.left[last].tolist(), tokenizer.merges.right[last].tolist(), strict=True)
    decoders: list[dict[str, Any]] = [
        {"type": "Replace", "pattern": {"String": SPACE_MARK}, "content": " "}, {"type": "ByteFallback"},
        {"type": "Fuse"},
    ]  # fmt: skip
    if not plain:
        decoders.append({"type": "Strip", "content": " ", "start": 1, "stop": 0})
    sections = {
        "normalizer": spaces.normalizer, "pre_tokenizer": None, "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": decoders},
    }  # fmt: skip
    model = {
        "unk_token": None if known.unknown is None else spelled[known.unknown],
        "fuse_unk": known.fuse_unknown,
        "byte_fallback": fallback,
        "ignore_merges": tokenizer.ignore_merges,
        "vocab": {spelling: i for i, spelling in enumerate(spelled)},
        "merges": [(spelled[left], spelled[right]) for left, right in pairs],
    }
    return _written(tokenizer.added_tokens, sections, model)


def to_plain_json(tokenizer: Tokenizer) -> str:
    """A tokenizer of characters that neither cuts nor changes text, as a tokenizer.json."""
    spelled = [token.decode() for token in tokenizer.tokens]
    last = tokenizer.merges.last_places
    pairs = zip(tokenizer.merges.left[last].tolist(), tokenizer.merges.right[last].tolist(), strict=True)
    sections = {"normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": {"type": "Fuse"}}
    model = {
        "vocab": {spelling: i for i, spelling in enumerate(spelled)},
        "merges": [(spelled[left], spelled[right]) for left, right in pairs],
    }
    return _written(tokenizer.added_tokens, sections, model)


def _written(added: Iterable[AddedToken], sections: dict[str, Any], model: dict[str, Any]) -> str:
    """Write a tokenizer.json of these sections; model: the fields of its section that matter."""
    unused = {"dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None}
    merges = {"type": "BPE", **unused, "fuse_unk": False, "byte_fallback": False}
    content = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added_token(token) for token in sorted(added, key=lambda token: token.id)],
        **sections,
        "model": model if "type" in model else merges | model,
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
