"""SentencePiece's .model, written for BPE over characters: the rank of a token's merge is its score, negated."""

from typing import Final

import numpy as np

from operators.tokenizer import Tokenizer
from operators.tokenizer_files import protobuf
from operators.tokenizer_files.character_models import Spaces, require_reachable, spaces_of, spellings
from operators.tokenizer_files.errors import InexpressibleTokenizer
from operators.tokenizer_files.final_merges import final_merges
from operators.tokenizer_files.sentencepiece import from_model
from operators.tokenizer_files.sentencepiece_model import BYTE, CONTROL, NORMAL, UNKNOWN

_FORMAT: Final = "SentencePiece"
UNKNOWN_NAME: Final = "<unk>"
"""Name of the unknown token, where a vocabulary has tokens for all bytes and so no other need of it."""
_BPE: Final = 2


def to_model(tokenizer: Tokenizer) -> bytes:
    """The file's content; sentencepiece encodes with it as the tokenizer does.

    Raises InexpressibleTokenizer: tokens of bytes, words that are cut by an expression, added tokens that are not
    special, or a merge list that scores cannot order.
    """
    if (reason := _reason(tokenizer)) is not None:
        raise InexpressibleTokenizer(_FORMAT, reason)
    spaces, spelled = spaces_of(tokenizer, _FORMAT), spellings(tokenizer, _FORMAT)
    require_reachable(tokenizer, _unknown(tokenizer), _FORMAT)
    data = _model(tokenizer, spaces, spelled)
    ours, theirs = final_merges(tokenizer), final_merges(from_model(data, "the model"))
    if not all(np.array_equal(getattr(ours, name), getattr(theirs, name)) for name in ("left", "right", "token")):
        raise InexpressibleTokenizer(_FORMAT, "scores would join neighbours that its merge list leaves apart")
    return data


def _reason(tokenizer: Tokenizer) -> str | None:
    """Return why the format cannot hold the tokenizer, by its options; None: they are no hindrance."""
    known = tokenizer.vocabulary
    if known.characters is None:
        return "its tokens are of bytes, and its words are cut by an expression; SentencePiece joins characters"
    if tokenizer.ignore_merges:
        return "words that are tokens are taken whole (ignore_merges)"
    if known.unknown is not None and not known.fuse_unknown:
        return "unknown characters side by side stay apart (fuse_unk)"
    if any(not token.special for token in tokenizer.added_tokens):
        return "it has added tokens that are not special"
    if _unknown(tokenizer) is None:
        return f"it has no token for the unknown, such as {UNKNOWN_NAME}"
    have = int(np.count_nonzero(known.byte_ids >= 0))
    return None if have in (0, 256) else f"it has tokens for {have} of the 256 bytes"


def _unknown(tokenizer: Tokenizer) -> int | None:
    """Return the id of the unknown token; None: there is none."""
    known = tokenizer.vocabulary
    if known.unknown is not None:
        return known.unknown
    named = [i for i, token in enumerate(known.tokens) if token == UNKNOWN_NAME.encode()]
    return next((i for i in named if i not in tokenizer.merges.token), None)


def _model(tokenizer: Tokenizer, spaces: Spaces, spelled: list[str]) -> bytes:
    known, unknown = tokenizer.vocabulary, _unknown(tokenizer)
    assert unknown is not None
    kinds = np.full(len(spelled), NORMAL)
    bytes_too = [i for i in known.byte_ids.tolist() if i >= 0]
    kinds[bytes_too] = BYTE
    kinds[list(known.special_ids)] = CONTROL
    kinds[unknown] = UNKNOWN
    scores = np.zeros(len(spelled))
    merged = final_merges(tokenizer).token
    scores[merged] = -np.arange(len(merged), dtype=np.float64)
    pieces = [
        protobuf.content(1, _piece(text, float(score), int(kind)))
        for text, score, kind in zip(spelled, scores, kinds, strict=True)
    ]
    trainer = [
        protobuf.number(3, _BPE), protobuf.number(4, len(spelled)), protobuf.number(35, bool(bytes_too)),
        protobuf.number(40, unknown), protobuf.content(45, spelled[unknown].encode()),
    ]  # fmt: skip
    normalizer = [
        protobuf.content(1, b"identity"), protobuf.number(3, spaces.add_dummy_prefix),
        protobuf.number(4, spaces.remove_extra_whitespaces), protobuf.number(5, 1),
    ]  # fmt: skip
    return b"".join([*pieces, protobuf.content(2, b"".join(trainer)), protobuf.content(3, b"".join(normalizer))])


def _piece(text: str, score: float, kind: int) -> bytes:
    written = protobuf.content(1, text.encode()) + protobuf.single(2, score)
    return written if kind == NORMAL else written + protobuf.number(3, kind)
